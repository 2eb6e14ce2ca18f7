"""What the application depends on, from whatever says so in its project, the most exact first.

| file | is read |
|---|---|
| what is given | as its name says |
| `pylock.toml` (PEP 751) | here: versions and hashes |
| `uv.lock` | by `uv export`, which has to be there |
| `requirements.txt` | as pip does: hashes, `-r`, `-c`, indexes |
| `pyproject.toml` | `[project] dependencies`, which pin nothing |

cqrsless itself is not among them: the package gets the one that makes it, so what is deployed is what was tested.
"""

from __future__ import annotations

import importlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..naming import DeploymentError
from .settings import Platform

__all__ = ["Requirements", "requirements_of"]

OWN: Final = "cqrsless"
#: Locks of other tools, and how each says what it holds.
_EXPORTS: Final[Mapping[str, str]] = {
    "poetry.lock": "poetry export -o requirements.txt",
    "pdm.lock": "pdm export --prod -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
}
_OPTIONS: Final = ("-i ", "--index-url", "--extra-index-url", "-f ", "--find-links", "-c ", "--constraint", "--pre")


class Requirements(NamedTuple):
    """Lines as pip's requirements files have them, and where they are from; `locked` if those are exact versions."""

    lines: tuple[str, ...]
    origin: str
    locked: bool

    @property
    def hashed(self) -> bool:
        return any("--hash" in line for line in self.lines)


def requirements_of(folder: Path, given: Path | None, platform: Platform) -> Requirements:
    """Find what a project depends on, without cqrsless and with what that needs."""
    found = _read(folder, given)
    lines: list[str] = []
    extras: set[str] = set()
    names: set[str] = set()
    for line in found.lines:
        requirement = _requirement(line, found.origin)
        if requirement is None:
            lines.append(line)
            continue
        name = canonicalize_name(requirement.name)
        if name == OWN:
            _check_own(requirement, found.origin)
            extras |= requirement.extras
        else:
            names.add(name)
            lines.append(line)
    lines += [line for name, line in _needs_of_own(extras, platform) if name not in names]
    return found._replace(lines=tuple(lines))


def _read(folder: Path, given: Path | None) -> Requirements:
    if given is not None:
        if not given.is_file():
            raise DeploymentError(f"there is no file {given}: name one with the application's requirements")
        return _read_file(given)
    for name in ("pylock.toml", "uv.lock", "requirements.txt"):
        if (folder / name).is_file():
            return _read_file(folder / name)
    for name, export in _EXPORTS.items():
        if (folder / name).is_file():
            raise DeploymentError(f"{name} is not read here: write what it holds into requirements.txt, by `{export}`")
    if (folder / "pyproject.toml").is_file():
        return _read_file(folder / "pyproject.toml")
    return Requirements((), "nothing: there is no pyproject.toml and no requirements.txt", False)


def _read_file(file: Path) -> Requirements:
    if file.name == "uv.lock":
        return Requirements(tuple(_exported(file)), file.name, True)
    if file.suffix == ".toml":
        document = _toml(file)
        if "packages" in document:
            return Requirements(tuple(_of_pylock(document, file)), file.name, True)
        dependencies = document.get("project", {}).get("dependencies", [])
        if not isinstance(dependencies, list):
            raise DeploymentError(f"{file}: [project] dependencies has to be a list of requirements")
        return Requirements(tuple(map(str, dependencies)), f"{file.name}, which pins no versions", False)
    lines = tuple(_lines(file, ()))
    pinned = [line for line in lines if not line.startswith("-")]
    return Requirements(lines, file.name, bool(pinned) and all("==" in line for line in pinned))


def _lines(file: Path, inside: tuple[Path, ...]) -> Iterator[str]:
    """Give the logical lines of a requirements file and of those that it names, with paths that hold anywhere."""
    if file in inside:
        raise DeploymentError(f"{file} names itself by -r")
    try:
        text = file.read_text(encoding="utf-8-sig").replace("\\\n", " ")
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    for raw in text.splitlines():
        line = raw.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        option, _, value = line.partition("=" if line.startswith("--") and "=" in line.split()[0] else " ")
        if option in ("-r", "--requirement"):
            yield from _lines((file.parent / value.strip()).resolve(), (*inside, file))
        elif option in ("-c", "--constraint", "-f", "--find-links") and (file.parent / value.strip()).exists():
            yield f"{option} {shlex.quote(str((file.parent / value.strip()).resolve()))}"
        elif line.startswith(("-e", "--editable")):
            raise DeploymentError(
                f"{file.name} has {line!r}: what is edited in place is not installed into a package. If it is the "
                "application itself, leave the line out; else build a wheel of it and name that"
            )
        else:
            yield " ".join(line.split())


def _requirement(line: str, origin: str) -> Requirement | None:
    """Read a line; an option of pip's is none."""
    if line.startswith("-"):
        if not line.startswith(_OPTIONS):
            raise DeploymentError(
                f"{origin} has the option {line!r}, which a package cannot be made with: leave it out"
            )
        return None
    try:
        return Requirement(line.partition(" --")[0])
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise DeploymentError(
            f"{origin} has {line!r}, no requirement ({reason}): write a name and a version, as in 'orjson==3.10'"
        ) from None


def _check_own(requirement: Requirement, origin: str) -> None:
    here = version(OWN)
    if not requirement.specifier.contains(here, prereleases=True):
        raise DeploymentError(
            f"{origin} asks for {requirement.name}{requirement.specifier}, and this is cqrsless {here}, which goes "
            "into the package: run the cqrsless that the project is locked to"
        )


def _needs_of_own(extras: Iterable[str], platform: Platform) -> Iterator[tuple[str, str]]:
    """Give what cqrsless itself needs there, with the extras that the application asks for."""
    try:
        declared = requires(OWN) or []
    except PackageNotFoundError:  # run out of a checkout that is not installed
        raise DeploymentError("cqrsless is not installed here: pip install it, so that its needs are known") from None
    for text in declared:
        need = Requirement(text)
        marker = need.marker
        wanted = {"", *extras}
        if marker is None or any(marker.evaluate({**platform.markers, "extra": extra}) for extra in wanted):
            need.marker = None
            yield canonicalize_name(need.name), str(need)


def _of_pylock(document: Mapping[str, Any], file: Path) -> Iterator[str]:
    for package in document["packages"]:
        name = package.get("name")
        if "version" not in package or not (package.get("wheels") or package.get("sdist")):
            if canonicalize_name(str(name)) == OWN or package.get("directory", {}).get("path") == ".":
                continue
            raise DeploymentError(
                f"{file.name} locks {name} to a folder, an archive or a repository: build a wheel of it, and lock that"
            )
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        hashes = [f"--hash={kind}:{digest}" for one in files for kind, digest in one.get("hashes", {}).items()]
        marker = f" ; {package['marker']}" if package.get("marker") else ""
        yield " ".join([f"{name}=={package['version']}{marker}", *hashes])


def _exported(file: Path) -> Iterator[str]:
    uv = shutil.which("uv")
    if uv is None:
        raise DeploymentError(
            "uv.lock is read by uv, which is not here: pip install uv, or write a requirements.txt where it is, by "
            "`uv export --frozen --no-dev --no-emit-project -o requirements.txt`, and name that by --requirements"
        )
    done = subprocess.run(
        [uv, "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--project", str(file.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DeploymentError(f"uv cannot export {file}: {done.stderr.strip()}")
    for line in done.stdout.replace("\\\n", " ").splitlines():
        if line.strip() and not line.strip().startswith("#"):
            yield " ".join(line.split())


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError as error:
        raise DeploymentError(f"{file} cannot be read on Python 3.10 without tomli: pip install tomli") from error
    try:
        document: Mapping[str, Any] = toml.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    return document
