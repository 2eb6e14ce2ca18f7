"""The examples in docstrings, of what describes and of the command line that shows it."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cqrsless.cli
import cqrsless.describing

NAMES = [
    f"{package.__name__}.{one.name}"
    for package in (cqrsless.cli, cqrsless.describing)
    for one in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
