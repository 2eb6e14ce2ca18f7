from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import cqrsless.registry
import cqrsless.routing
from cqrsless.registry import DEFAULT, Registry

MODULES = [
    cqrsless,
    cqrsless.routing,
    cqrsless.registry,
    *(
        importlib.import_module(f"cqrsless.registry.{one.name}")
        for one in pkgutil.iter_modules(cqrsless.registry.__path__)
    ),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    revision = DEFAULT.revision
    assert doctest.testmod(module).failed == 0
    assert DEFAULT.revision == revision, "an example registers for everybody"


def test_every_decorator_has_an_example() -> None:
    for name in dir(Registry):
        method = getattr(Registry, name)
        if not name.startswith("_") and callable(method) and name != "freeze":
            assert ">>>" in (method.__doc__ or ""), name
