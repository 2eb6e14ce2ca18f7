"""When the process that serves is replaced: a module is saved, new, renamed or gone; and what else has ended it.

werkzeug's reloader sees that a file it knows was saved. A handler in a new module would wait for the next save of
another, and one in a module that is gone would go on answering.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NoReturn

from werkzeug._reloader import StatReloaderLoop

from ..errors import AppLoadError, CqrslessError
from ..loading import project_file, setting

__all__ = ["Ended", "Watching", "folders", "modules"]


class Ended(CqrslessError):
    """The process that serves the application has ended by itself."""


class Watching(StatReloaderLoop):
    """Looks at the application's files, and ends the process that serves when they have changed.

    Begun before the application is loaded: what changes while that takes is seen by the next look.
    """

    _folders: tuple[Path, ...] = ()
    _loaded: frozenset[Path] | None = None
    _before: frozenset[Path] = frozenset()

    def run_step(self) -> None:
        super().run_step()
        if self._loaded is None:
            self._folders = folders(Path.cwd())
        there = frozenset(file for folder in self._folders for file in modules(folder))
        if self._loaded is None:
            self._loaded = there
        elif there != self._loaded and there == self._before:  # an editor may move a file away for a moment
            self.trigger_reload(str(min(there ^ self._loaded)))
        self._before = there

    def restart_with_reloader(self) -> NoReturn:
        """Start the process that serves, anew for each reload; raise `Ended` where it ends otherwise."""
        raise Ended(_how_it_ended(super().restart_with_reloader()))


def _how_it_ended(status: int) -> str:
    how, advice = f"has ended with status {status}", "what it said of that stands above"
    if status < 0:
        how = f"was ended by {_signal(-status)}"
        advice = "if nobody has sent that, see whether the machine was out of memory"
    gone = f"the process that serves the application {how}, and nothing is served any more"
    return f"{gone}: start cqrsless dev again; {advice}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"


def folders(here: Path) -> tuple[Path, ...]:
    """Give where modules of the application come from: this folder, its project's, and the one that it stands in."""
    file = project_file(here)
    near = [here] if file is None else [here, file.parent]
    try:
        name = setting(os.environ, here).text.partition(":")[0].strip()
    except AppLoadError:  # pyproject.toml cannot be read, and is looked at, too
        name = ""
    found = _folder_of(name, [str(place) for place in near]) if name else None
    return tuple(dict.fromkeys(near if found is None else [*near, found]))


def _folder_of(name: str, near: list[str]) -> Path | None:
    """Give the folder of a package, or the one that a module stands in, without importing either."""
    path, whole = [*near, *sys.path], ""
    for part in name.split("."):
        whole = f"{whole}.{part}".lstrip(".")
        spec = PathFinder.find_spec(whole, path)
        if spec is None:
            return None
        if not spec.submodule_search_locations:
            return None if spec.origin is None else Path(spec.origin).parent
        path = list(spec.submodule_search_locations)
    return Path(path[0])


def modules(folder: Path) -> Iterator[Path]:
    """Give the files of all modules in a folder and in the packages below it, but for tests, which nothing loads."""
    try:
        entries = list(os.scandir(folder))
    except OSError:  # it is gone, or not to be read
        return
    for entry in entries:
        name = entry.name.removesuffix(".py")
        if not name.isidentifier() or name in ("conftest", "tests") or name.startswith("test_"):
            continue
        path = Path(entry.path)
        if name != entry.name:
            yield path
        elif (path / "__init__.py").is_file():
            yield from modules(path)
