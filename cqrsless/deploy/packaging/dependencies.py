"""The installed dependencies as a tree of files: what is in it of whom, and what is taken out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["add_cqrsless", "clean", "copy", "files_in", "native", "sizes", "without_boto3"]

#: What says where and by what something was installed, which differs from machine to machine.
_OF_THE_INSTALLER: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
#: Lambda's runtime brings these along, and all that they need.
_AWS: Final = ("boto3", "botocore", "s3transfer")
_ONLY_OF_AWS: Final = ("jmespath", "python-dateutil", "six", "urllib3")


def add_cqrsless(folder: Path) -> None:
    """Copy the cqrsless that runs here."""
    copy(Path(__file__).parents[2], folder / "cqrsless")


def copy(source: Path, place: Path) -> None:
    """Copy a module or package, without what is compiled of it."""
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copyfile(source, place)


def clean(folder: Path) -> None:
    """Take out what differs from one installation to the next, and what nothing runs."""
    for file in sorted(folder.rglob("*")):
        if file.name == "__pycache__" and file.is_dir():
            shutil.rmtree(file)
        elif file.parent.suffix == ".dist-info" and file.name in _OF_THE_INSTALLER:
            file.unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)  # scripts name the interpreter that installed them


def without_boto3(folder: Path) -> None:
    """Take out what Lambda's runtime has, as far as nothing else needs it."""
    found = _by_name(folder)
    gone: set[str] = set(_AWS)
    for name in _ONLY_OF_AWS:
        needed = any(name in _needs(one) for other, one in found.items() if other not in gone)
        if not needed:
            gone.add(name)
    for name in gone & found.keys():
        _remove(found[name], folder)


def _needs(distribution: Distribution) -> set[str]:
    needs = (Requirement(text) for text in distribution.requires or ())
    return {
        canonicalize_name(need.name) for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})
    }


def _remove(distribution: Distribution, folder: Path) -> None:
    for file in distribution.files or ():
        place = Path(str(distribution.locate_file(file)))
        place.unlink(missing_ok=True)
        for above in place.parents:
            if above == folder or folder not in above.parents or any(above.iterdir() if above.is_dir() else ()):
                break
            if above.is_dir():
                above.rmdir()


def _by_name(folder: Path) -> Mapping[str, Distribution]:
    return {canonicalize_name(one.metadata["Name"]): one for one in distributions(path=[str(folder)])}


def files_in(folder: Path) -> Mapping[str, Path]:
    """Give all files by their names below a folder."""
    return {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}


def native(folder: Path) -> Iterator[str]:
    """Give the distributions, as `name==version`, that hold compiled code, which runs on its own platform alone."""
    for name, one in sorted(_by_name(folder).items()):
        if any(str(file).endswith((".so", ".pyd", ".dylib")) for file in one.files or ()):
            yield f"{name}=={one.version}"


def sizes(files: Mapping[str, Path]) -> list[tuple[str, int]]:
    """Give the bytes of what stands at the top, the largest first."""
    found: dict[str, int] = {}
    for name, file in files.items():
        top = name.partition("/")[0]
        found[top] = found.get(top, 0) + file.stat().st_size
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))
