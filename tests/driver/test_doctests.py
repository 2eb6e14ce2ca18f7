from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import cqrsless.driver
import cqrsless.stores.dynamodb_items

MODULES = [
    cqrsless.stores.dynamodb_items,
    *(importlib.import_module(f"cqrsless.driver.{one.name}") for one in pkgutil.iter_modules(cqrsless.driver.__path__)),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def test_all_public_names_are_there() -> None:
    for name in cqrsless.driver.__all__:
        assert hasattr(cqrsless.driver, name)
