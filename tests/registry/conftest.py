"""Small programs in files of their own, since what the registry says depends on files and lines."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cqrsless import RegistrationError, Registry

#: The decorators of the registry under test, as `cqrsless` has those of the default one.
HEAD = "from shop import *\n"


class Programs:
    """A folder of modules that register in `registry`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = Registry("shop")
        self.started: list[str] = []

    def write(self, source: str, name: str = "shop_app") -> Path:
        path = self.folder / f"{name}.py"
        path.write_text(HEAD + source.lstrip("\n"))
        importlib.invalidate_caches()
        return path

    def run(self, source: str, name: str = "shop_app") -> ModuleType:
        """Import a program for the first time."""
        self.write(source, name)
        self.started.append(name)
        return importlib.import_module(name)

    def reload(self, source: str, name: str = "shop_app") -> ModuleType:
        """Edit a program and reload it."""
        self.write(source, name)
        return importlib.reload(sys.modules[name])

    def mistake(self, source: str, *, provided: frozenset[str] = frozenset()) -> str:
        """Run and freeze a program; give what the error says behind the place, which is the line marked `# here`."""
        path = self.folder / "shop_app.py"
        with pytest.raises(RegistrationError) as caught:
            self.run(source)
            self.registry.freeze(provided)
        lines = path.read_text().splitlines()
        marked = next(number for number, line in enumerate(lines, 1) if "# here" in line)
        if "# here, or at the def" in lines[marked - 1] and sys.version_info < (3, 11):
            marked += 1  # applying a decorator counts as the line of the 'def' there
        text = str(caught.value)
        assert text.startswith(f"{path}:{marked}: "), f"{text!r} does not name line {marked}"
        return text.removeprefix(f"{path}:{marked}: ")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    monkeypatch.syspath_prepend(tmp_path)
    # An edit within a second leaves time and size of a file as they are, so a cached compilation would be taken.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Programs(tmp_path)
    shop = ModuleType("shop")
    for name in dir(made.registry):
        if not name.startswith("_"):
            setattr(shop, name, getattr(made.registry, name))
    monkeypatch.setitem(sys.modules, "shop", shop)
    yield made
    for name in made.started:
        sys.modules.pop(name, None)


@pytest.fixture
def registry() -> Registry:
    return Registry("shop")
