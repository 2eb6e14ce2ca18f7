"""Documents as text: JSON, or YAML where a file's name or a person asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import AppLoadError
from ..loading import project_file

__all__ = ["Title", "is_yaml", "title_of", "written"]


class Title(NamedTuple):
    """What a document is of: a name and a version."""

    name: str
    version: str


def written(document: Mapping[str, Any], *, yaml: bool = False) -> str:
    """Write a document.

    >>> print(written({"info": {"title": "shop"}}, yaml=True), end="")
    info:
      title: shop
    """
    if not yaml:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    from yaml import SafeDumper, dump

    class Dumper(SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    text: str = dump(dict(document), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def is_yaml(file: str) -> bool:
    return Path(file).suffix.lower() in (".yaml", ".yml")


def title_of(folder: Path, registry: str) -> Title:
    """Take name and version from the `[project]` of the nearest pyproject.toml; else the registry's name, and 0.0.0."""
    import importlib
    import sys

    file = project_file(folder)
    try:
        toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError:  # Python 3.10 without tomli
        return Title(registry, "0.0.0")
    if file is None:
        return Title(registry, "0.0.0")
    try:
        project = toml.loads(file.read_text(encoding="utf-8")).get("project", {})
    except ValueError as error:
        raise AppLoadError(f"{file} cannot be read for the name and version of the application: {error}") from error
    return Title(str(project.get("name") or registry), str(project.get("version") or "0.0.0"))
