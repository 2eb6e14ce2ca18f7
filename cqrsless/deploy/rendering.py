"""From a plan to the text of a template: the format's own form, the user's overlay on it, and the format's limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from . import limits
from .cloudformation import Document, cloudformation
from .documents import as_json, as_yaml
from .naming import DeploymentError
from .overlay import laid_over
from .plan import Plan
from .sam import sam
from .terraform import OVERRIDES, terraform

__all__ = ["FORMATS", "check_name", "document", "write", "written"]

FORMATS: Final[Mapping[str, Callable[[Plan], Document]]] = {
    "sam": sam,
    "cloudformation": cloudformation,
    "terraform": terraform,
}
_REMARK: Final = "Written by cqrsless template from the registry, [tool.cqrsless] and the overlay: change those."
#: Where the digest stands, in YAML and in JSON: it is of the text without it.
_MARK: Final = re.compile(r"Written by cqrsless template [^\"\n]*(?:\n# | )Digest: ([0-9a-f]{16})(?=[\"\n])")


def check_name(file: Path, format: str) -> None:
    """Refuse a name by which a tool would not read a template as what it is."""
    if format == "terraform" and not file.name.endswith(".tf.json"):
        raise DeploymentError(
            f"{file.name} is not read by Terraform, which takes JSON from names that end in .tf.json: write "
            f"-o {file.with_name(file.name.partition('.')[0] + '.tf.json')}"
        )
    if format == "terraform" and (file.name == "override.tf.json" or file.name.endswith("_override.tf.json")):
        raise DeploymentError(
            f"{file.name} is what Terraform calls a file that overrides others, which is for what is yours: write "
            f"-o {file.with_name('main.tf.json')}"
        )


def document(plan: Plan, format: str, overlay: Mapping[str, Any] | None = None, where: str = "the overlay") -> Document:
    """Write a plan in a format, with the overlay laid over it, or raise for what the format could not take."""
    limits.check_plan(plan)
    made = FORMATS[format](plan)
    if overlay:
        if format == "terraform":
            raise DeploymentError(f"{where} is not for Terraform, which lays your own files over these: {OVERRIDES}")
        made = laid_over(made, overlay, where)
    limits.check(plan, made)
    return made


def written(made: Mapping[str, Any], *, json: bool) -> str:
    """Give a template's text, with a mark in it by which a change by hand is seen."""
    body = "" if json else as_yaml(made)

    def marked(digest: str) -> str:
        if json:
            return as_json(_remarked(made, f"{_REMARK} Digest: {digest}"))
        return f"# {_REMARK}\n# Digest: {digest}\n{body}"

    return marked(_digest(marked("")))


def _remarked(made: Mapping[str, Any], remark: str) -> dict[str, Any]:
    """Put a remark where JSON that a tool reads has room for one."""
    if "terraform" in made:
        return {"//": remark, **made}
    return {**made, "Metadata": {"Cqrsless": remark, **made.get("Metadata", {})}}


def write(file: Path, text: str, *, force: bool = False) -> bool:
    """Write a template to a file, unless somebody changed that by hand; say whether it was another text."""
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    if before == text:
        return False
    if before is not None and not force and not _as_written(before):
        yours = (
            OVERRIDES if file.name.endswith(".tf.json") else "an overlay, which every run lays over what it generates"
        )
        raise DeploymentError(
            f"{file} was changed by hand, or is no template of ours: move what is yours into {yours}, then add --force "
            "to write the file anew"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DeploymentError(f"{file} cannot be written: {error}") from error
    return True


def _as_written(text: str) -> bool:
    """Tell whether a text is as `written` gave it."""
    mark = _MARK.search(text)
    return mark is not None and mark[1] == _digest(text[: mark.start(1)] + text[mark.end(1) :])


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
