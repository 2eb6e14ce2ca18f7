from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import cqrsless.dev

MODULES = [importlib.import_module(one.name) for one in pkgutil.walk_packages(cqrsless.dev.__path__, "cqrsless.dev.")]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
