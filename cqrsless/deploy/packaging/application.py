"""The application's own files: the module that is named, and what it imports of the same project.

Imports are read from the source, those inside functions too, so nothing is run. A package goes in whole, with its data
files; what is imported under a name that is put together at run time, or opened beside a module, is named by `include`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from ..naming import DeploymentError, UnloadableApp

__all__ = ["application_files", "imported", "parsed"]

_NEVER: Final = ("__pycache__", "tests")
_NEVER_NAMED: Final = ("*.pyc", "*.pyo", ".*", "conftest.py", "test_*.py")


def application_files(root: Path, module: str, include: Sequence[str], exclude: Sequence[str]) -> Mapping[str, Path]:
    """Give the files by their names in the package; `None` of them where the module is no part of the project."""
    top = module.partition(".")[0]
    place = next((one for one in (root, root / "src") if _found(one, top)), None)
    found: dict[str, Path] = {}
    if place is not None:
        for name in _reached(place, top):
            for file in _found(place, name):
                found[file.relative_to(place).as_posix()] = file
    for pattern in include:
        matched = [file for file in sorted(root.glob(pattern)) if file.is_file()]
        if not matched:
            raise DeploymentError(f"include = [{pattern!r}] matches no file in {root}")
        base = place if place is not None and all(place in file.parents for file in matched) else root
        found |= {file.relative_to(base).as_posix(): file for file in matched}
    for pattern in exclude:
        matching = [name for name in found if fnmatch(name, pattern)]
        if not matching:
            raise DeploymentError(f"exclude = [{pattern!r}] matches nothing that would be in the package")
        for name in matching:
            del found[name]
    return found


def _reached(place: Path, top: str) -> Iterator[str]:
    """Give the names of modules and packages at the top of a folder that one of them leads to."""
    waiting, seen = [top], {top}
    while waiting:
        name = waiting.pop(0)
        yield name
        for file in _found(place, name):
            if file.suffix != ".py":
                continue
            for other in imported(parsed(file)):
                if other not in seen and _found(place, other):
                    seen.add(other)
                    waiting.append(other)


def _found(place: Path, name: str) -> list[Path]:
    """Give the files of a module or package of that name, in a folder."""
    package, module = place / name, place / f"{name}.py"
    if package.is_dir() and any(package.rglob("*.py")) and not (package / "pyvenv.cfg").exists():
        return [file for file in sorted(package.rglob("*")) if file.is_file() and _belongs(file.relative_to(place))]
    return [module] if module.is_file() else []


def _belongs(file: Path) -> bool:
    return not any(part in _NEVER or part.startswith(".") for part in file.parts) and not any(
        fnmatch(file.name, pattern) for pattern in _NEVER_NAMED
    )


def parsed(file: Path) -> ast.Module:
    """Read a module's source."""
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        raise UnloadableApp(f"{file} is no Python: {error}") from error


def imported(tree: ast.Module) -> Iterator[str]:
    """Give the first part of whatever a module imports, but relatively to itself.

    >>> [*imported(ast.parse("import a.b, c; from d.e import f; from . import g"))]
    ['a', 'c', 'd']
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
