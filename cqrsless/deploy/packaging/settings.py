"""What goes into a package: `[tool.cqrsless.package]` in pyproject.toml, and what a caller says over it.

```toml
[tool.cqrsless]
runtime = "python3.13"
architecture = "arm64"

[tool.cqrsless.package]
include = ["tariff.json", "templates/**"]    # beside what the application imports
services = ["s3"]                            # of AWS, that its own code calls, where that does not say so plainly
trim = true
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ...loading import setting
from ..configuration import configuration, package_of, section
from ..naming import DeploymentError
from ..tables import Table

__all__ = ["PackageSettings", "Platform", "package_settings", "platform"]

_RUNTIME: Final = re.compile(r"(?:python)?3\.(\d+)")
#: Lambda's Amazon Linux 2023 has glibc 2.34; its older runtimes 2.26.
_AL2023: Final = 12
_GLIBC: Final[Mapping[bool, int]] = {True: 34, False: 26}
_MACHINES: Final[Mapping[str, str]] = {"arm64": "aarch64", "x86_64": "x86_64"}


@dataclass(frozen=True, slots=True)
class Platform:
    """What Lambda runs the package on."""

    python: str
    architecture: str

    @property
    def tags(self) -> tuple[str, ...]:
        """The platforms whose wheels run there, the best first.

        >>> Platform("3.13", "arm64").tags[0], Platform("3.11", "x86_64").tags[0]
        ('manylinux_2_34_aarch64', 'manylinux_2_26_x86_64')
        """
        machine = _MACHINES[self.architecture]
        newest = _GLIBC[int(self.python.partition(".")[2]) >= _AL2023]
        return (*(f"manylinux_2_{minor}_{machine}" for minor in range(newest, 16, -1)), f"manylinux2014_{machine}")

    @property
    def markers(self) -> Mapping[str, str]:
        """What the markers of requirements are asked there (PEP 508).

        >>> Platform("3.13", "arm64").markers["python_version"]
        '3.13'
        """
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}"


@dataclass(frozen=True, slots=True)
class Written:
    """`[tool.cqrsless.package]`, as it may be written."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    requirements: str | None = None
    services: tuple[str, ...] = ()
    boto3: bool = True
    trim: bool = False
    compile: bool | None = None
    layer: bool = False


@dataclass(frozen=True, slots=True)
class PackageSettings:
    """All that a package is made by. `root` is the project's folder, `app` what `CQRSLESS_APP` will be.

    `compiled` says whether its modules are compiled; where it says nothing, they are if their Python is here.
    """

    root: Path
    app: str
    output: Path
    platform: Platform
    requirements: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    boto3: bool = True
    trim: bool = False
    compiled: bool | None = None
    layer: bool = False
    measured: bool = True

    @property
    def module(self) -> str:
        """The application's module, without the registry in it."""
        return self.app.partition(":")[0]


def platform(runtime: str, architecture: str) -> Platform:
    """Read a runtime as Lambda calls it, or a version of Python.

    >>> str(platform("python3.13", "arm64")), str(platform("3.12", "x86_64"))
    ('Python 3.13 on arm64', 'Python 3.12 on x86_64')
    """
    found = _RUNTIME.fullmatch(runtime)
    if found is None or int(found[1]) < 10:
        raise DeploymentError(f"there is no runtime {runtime!r}: write a Python from 3.10 on, as in python3.13")
    if architecture not in _MACHINES:
        raise DeploymentError(f"there is no architecture {architecture!r}: it is {' or '.join(_MACHINES)}")
    return Platform(f"3.{found[1]}", architecture)


def package_settings(folder: Path, environ: Mapping[str, str], **given: Any) -> PackageSettings:
    """Read the settings of the project in a folder; what is `given`, and is not `None`, is taken before them."""
    found = section(folder)
    project = configuration(found.given, found.where)
    written = _written(Table([found]).table("package", Written))
    root = folder if found.file is None else found.file.parent
    app = given.pop("app", None) or setting(environ, folder).text
    said = {name: value for name, value in given.items() if value is not None}
    requirements = said.pop("requirements", None) or (written.requirements and root / written.requirements) or None
    runtime = said.pop("python", None) or project.runtime
    architecture = said.pop("architecture", None) or project.architecture
    output = said.pop("output", None) or root / package_of(project, app)
    usual: dict[str, Any] = {
        "include": written.include,
        "exclude": written.exclude,
        "services": written.services,
        "boto3": written.boto3,
        "trim": written.trim,
        "compiled": written.compile,
        "layer": written.layer,
        **said,
    }
    settings = PackageSettings(
        root, app, Path(output), platform(runtime, architecture), requirements, environment=project.environment, **usual
    )
    if settings.trim and not settings.boto3:
        raise DeploymentError(
            "there is nothing to trim in a package without boto3: take boto3 into it, or leave out --trim"
        )
    return settings


def _written(table: Table) -> Written:
    usual = Written()
    return Written(
        include=table.texts("include"),
        exclude=table.texts("exclude"),
        requirements=table.text("requirements", None),
        services=table.texts("services"),
        **{
            one.name: table.truth(one.name, getattr(usual, one.name))
            for one in fields(Written)
            if one.type in ("bool", "bool | None")
        },
    )
