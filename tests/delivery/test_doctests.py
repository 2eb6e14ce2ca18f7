"""The examples in docstrings of everything that delivers and reacts."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ["delivery", "log", "processors", "projections", "publishing", "reacting", "sources", "stores"]
NAMES = [
    f"{package}.{one.name}"
    for package in PACKAGES
    for one in pkgutil.iter_modules(importlib.import_module(f"cqrsless.{package}").__path__)
]


@pytest.mark.parametrize("name", [*NAMES, "errors"])
def test_the_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"cqrsless.{name}")).failed == 0
