"""Building the package: gather, trim, compile, prove, write."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from ..naming import DeploymentError, UnloadableApp
from . import dependencies as tree
from .application import application_files
from .archives import Archive, write_archive
from .compiling import compile_modules, interpreter_of
from .installing import install, install_here
from .proving import Run, Runner
from .requirements import requirements_of
from .services import services_in_use
from .settings import PackageSettings
from .trimming import Trimmed, known_services, trim

__all__ = ["UNZIPPED_LIMIT", "Package", "build", "mb"]

#: Bytes that a function and its layers may take unpacked, and that a zip may be sent to Lambda with, not through S3.
UNZIPPED_LIMIT: Final = 250 * 1024 * 1024
DIRECT_LIMIT: Final = 50 * 1024 * 1024
#: How many parts of a package are told.
_LARGEST: Final = 5
#: Of Lambda's runtime, for a run of a package without them.
_RUNTIME: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


class Package(NamedTuple):
    """What was built. `archives` are the function's and, where it was asked for, the layer's.

    `run` is missing where the package was not to be timed, or cannot be run here, for the reason in `notes`; `ran_on`
    says by which Python it was.
    """

    archives: tuple[Archive, ...]
    requirements: str
    largest: tuple[tuple[str, int], ...]
    trimmed: Trimmed | None
    run: Run | None
    ran_on: str
    notes: tuple[str, ...]

    @property
    def unzipped(self) -> int:
        return sum(archive.unzipped for archive in self.archives)

    def as_row(self) -> dict[str, Any]:
        """Give it for a script."""
        row: dict[str, Any] = {
            "archives": [{**one._asdict(), "file": str(one.file)} for one in self.archives],
            "unzipped": self.unzipped,
            "unzipped_limit": UNZIPPED_LIMIT,
            "requirements": self.requirements,
            "largest": dict(self.largest),
            "notes": list(self.notes),
        }
        if self.trimmed is not None:
            row["trimmed"] = self.trimmed._asdict()
        if self.run is not None:
            row |= {"start_ms": round(self.run.ms, 1), "first_start_ms": round(self.run.first, 1)}
            row |= {"python": self.ran_on, "imports_ms": {one.name: one.ms for one in self.run.imports}}
        return row


def build(settings: PackageSettings) -> Package:
    """Build the package, and run it in a clean process; raise `DeploymentError` where it would not work."""
    interpreter = interpreter_of(settings.platform)
    if settings.compiled and interpreter is None:
        raise DeploymentError(
            f"modules for Python {settings.platform.python} are compiled by it alone, and there is no "
            f"python{settings.platform.python} here: install it, leave out --compile, or package for {_here()}"
        )
    own = application_files(settings.root, settings.module, settings.include, settings.exclude)
    with TemporaryDirectory(prefix="cqrsless-package-") as folder:
        return _Build(settings, interpreter, Path(folder)).done(own)


class _Build:
    def __init__(self, settings: PackageSettings, interpreter: str | None, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._task = folder / "task"
        self._libraries = folder / "libraries"
        self._runs_by = interpreter or sys.executable
        self._ran_on = settings.platform.python if interpreter else _here()
        self._compiles = interpreter is not None if settings.compiled is None else settings.compiled
        self._notes: list[str] = []

    def done(self, own: Mapping[str, Path]) -> Package:
        settings = self._settings
        self._copy(own)
        needed = requirements_of(settings.root, settings.requirements, settings.platform)
        if not needed.locked:
            self._note(f"versions are those of today: {needed.origin}; a lock makes the package the same tomorrow")
        install(needed, self._libraries, settings.platform)
        if not settings.boto3:
            tree.without_boto3(self._libraries)
        foreign = [*tree.native(self._libraries)]
        tree.add_cqrsless(self._libraries)
        tree.clean(self._libraries)
        self._check_application()
        stand_ins = self._stand_ins(foreign)
        trimmed = None
        if settings.trim:
            trimmed = self._trim(self._runner(stand_ins or (), compiled=False))
        self._check_size()
        if self._compiles:
            for place in (*(stand_ins or ()), self._libraries, self._task):
                compile_modules(place, self._runs_by)
            self._check_size()
        run = None if stand_ins is None else self._run(self._runner(stand_ins, compiled=self._compiles))
        archives = self._write()
        largest = tree.sizes({**tree.files_in(self._libraries), **tree.files_in(self._task)})[:_LARGEST]
        ran_on = f"Python {self._ran_on}"
        return Package(archives, needed.origin, tuple(largest), trimmed, run, ran_on, tuple(self._notes))

    def _note(self, text: str) -> None:
        self._notes.append(text)

    def _copy(self, own: Mapping[str, Path]) -> None:
        self._task.mkdir()
        self._libraries.mkdir()
        for name, file in own.items():
            place = self._task / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
            place.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)

    def _check_application(self) -> None:
        top = self._settings.module.partition(".")[0]
        if not any((place / name).exists() for place in (self._task, self._libraries) for name in (top, f"{top}.py")):
            raise UnloadableApp(
                f"there is no module {top!r} in {self._settings.root} or in its src folder, and no requirement brings "
                "it: say by --app or CQRSLESS_APP which module has the handlers"
            )

    def _runner(self, stand_ins: tuple[Path, ...], *, compiled: bool) -> Runner:
        settings = self._settings
        paths = (*stand_ins, self._libraries, self._task)
        cache = None if compiled else self._folder / "cache"
        return Runner(self._runs_by, paths, settings.app, settings.environment, cache)

    def _stand_ins(self, foreign: list[str]) -> tuple[Path, ...] | None:
        """Give what stands in, for the runs alone, for what is not in the package or cannot run here.

        That is compiled code of Lambda's platform, in the same versions as built for this one; none at all, where there
        is no such. And the boto3 of this environment, for that of Lambda's runtime.
        """
        found: list[Path] = []
        if foreign:
            here = self._folder / "here"
            if install_here(foreign, here, self._ran_on) is not None:
                self._note(f"it cannot be run here: {', '.join(foreign)} has no wheel for Python {self._ran_on} here")
                return None
            self._note(f"for the runs, {', '.join(foreign)} stood in as built for Python {self._ran_on} here")
            found.append(here)
        if not self._settings.boto3:
            runtime = self._folder / "runtime"
            runtime.mkdir()
            for name in _RUNTIME:
                spec = importlib.util.find_spec(name)
                if spec is not None and spec.origin is not None and not (self._libraries / name).exists():
                    origin = Path(spec.origin)
                    source = origin.parent if origin.name == "__init__.py" else origin
                    tree.copy(source, runtime / source.name)
            self._note("for the runs, the boto3 of this environment stood in for the one of Lambda's runtime")
            found.append(runtime)
        return tuple(found)

    def _trim(self, runner: Runner) -> Trimmed:
        known = known_services(self._libraries)
        own = tree.files_in(self._task)
        ours = ("boto3", "botocore", "s3transfer", "cqrsless")
        others = [
            file
            for name, file in tree.files_in(self._libraries).items()
            if file.suffix == ".py" and name.partition("/")[0] not in ours
        ]
        services = services_in_use(own, others, known, self._settings.services)
        before, slow = runner.use_clients(services), runner.client_ms()
        trimmed = trim(self._libraries, services)
        after = runner.use_clients(services)
        if after != before:
            differing = next(key for key in before if after.get(key) != before[key])
            raise DeploymentError(
                f"trimmed, the client of {differing} would call {after.get(differing)}, and not {before[differing]}: "
                "package it without --trim"
            )
        return trimmed._replace(client_ms=(round(slow, 1), round(runner.client_ms(), 1)))

    def _run(self, runner: Runner) -> Run | None:
        if not self._settings.measured:
            runner.resolve()
            return None
        run = runner.measure()
        if not self._compiles:
            self._note(
                f"its modules are not compiled, so a cold start takes {run.first:.0f} ms and not {run.ms:.0f}: have "
                f"python{self._settings.platform.python} here, or do not say --no-compile"
            )
        return run

    def _check_size(self) -> None:
        found = tree.sizes({**tree.files_in(self._libraries), **tree.files_in(self._task)})
        total = sum(size for _, size in found)
        if total > UNZIPPED_LIMIT:
            largest = ", ".join(f"{name} {mb(size)}" for name, size in found[:_LARGEST])
            hint = "" if self._settings.trim or not self._settings.boto3 else "; --trim cuts botocore's data"
            raise DeploymentError(
                f"the package takes {mb(total)} unpacked, and Lambda takes {mb(UNZIPPED_LIMIT)}, layers included. The "
                f"largest are {largest}{hint}; what is not needed there belongs into another group of dependencies"
            )

    def _write(self) -> tuple[Archive, ...]:
        own, libraries = tree.files_in(self._task), tree.files_in(self._libraries)
        both = sorted(own.keys() & libraries.keys())
        if both:
            raise DeploymentError(
                f"the application's {both[0]} would stand where one of its dependencies has it: rename it"
            )
        output = self._settings.output
        archives: tuple[Archive, ...]
        if self._settings.layer:
            layer = output.with_name(f"{output.stem}-layer{output.suffix}")
            archives = write_archive(output, own), write_archive(layer, libraries, "python/")
            code, beneath = (os.path.relpath(file, self._settings.root) for file in (output, layer))
            self._note(
                f'the template gives functions the layer by code = "{code}" and layers = ["{beneath}"] in '
                "[tool.cqrsless]"
            )
        else:
            archives = (write_archive(output, {**libraries, **own}),)
        for archive in archives:
            if archive.size > DIRECT_LIMIT:
                self._note(
                    f"{archive.file.name} takes {mb(archive.size)}, and above {mb(DIRECT_LIMIT)} Lambda takes a zip "
                    "from S3 alone"
                )
        return archives


def mb(size: int) -> str:
    """Write a size as people read it.

    >>> mb(250 * 1024 * 1024), mb(1_234_567), mb(1_234)
    ('250 MB', '1.2 MB', '1 KB')
    """
    megabytes = size / 1024 / 1024
    if megabytes < 0.1:
        return f"{max(1, size // 1024)} KB"
    return f"{megabytes:.0f} MB" if megabytes >= 100 else f"{megabytes:.1f} MB"


def _here() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
