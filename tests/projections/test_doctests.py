"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import cqrsless.projections

PACKAGE = cqrsless.projections
NAMES = [one.name for one in pkgutil.iter_modules(PACKAGE.__path__)]


@pytest.mark.parametrize("module", [importlib.import_module(f"{PACKAGE.__name__}.{name}") for name in NAMES], ids=NAMES)
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
