"""Telling whether a view is folded by the same code: other code begins a run of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any

from ..registry import ProjectorRecord, ViewRecord


def fingerprint(view: ViewRecord, projectors: Iterable[ProjectorRecord]) -> str:
    """Give text that changes with a view's key and indexes, and with the code of its projectors and key functions.

    Functions that these call by a global name are looked into, where they are of the same package. What is reached in
    another way (methods, libraries, values of global names) is told by its name alone. The code is that of Python's
    own machine, so the text begins with the version of Python that tells it.
    """
    told: list[str] = []
    for one in projectors:
        if one.view == view.name:
            # Sorted: in which order an application's modules are imported is no part of its code.
            told.append(repr((one.names, _told(one.fn), _told(one.key), _told(one.keys))))
    parts = [view.key, sorted(view.indexes.items()), sorted(told)]
    return f"{sys.implementation.cache_tag}:{blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"


def _told(fn: Any) -> object:
    return _function(fn, set())


def _function(fn: Any, seen: set[int]) -> object:
    while isinstance(fn, partial):
        fn = fn.func
    fn = getattr(fn, "__func__", fn)
    code = getattr(fn, "__code__", None) or getattr(vars(type(fn)).get("__call__"), "__code__", None)
    if not isinstance(code, CodeType):
        return None if fn is None else getattr(fn, "__qualname__", type(fn).__qualname__)
    if id(code) in seen:
        return fn.__qualname__ if isinstance(fn, FunctionType) else None
    seen.add(id(code))
    wrapped = getattr(fn, "__wrapped__", None)
    called = [_function(one, seen) for one in _called(fn, code)] if isinstance(fn, FunctionType) else []
    return _code(code), called, None if wrapped is None else _function(wrapped, seen)


def _called(fn: FunctionType, code: CodeType) -> list[FunctionType]:
    """Give the functions of the same package that code refers to by global names, its inner functions' included."""
    names = list(code.co_names)
    inner = [value for value in code.co_consts if isinstance(value, CodeType)]
    package = str(fn.__module__).partition(".")[0]
    own = [found for name in names if isinstance(found := fn.__globals__.get(name), FunctionType)]
    mine = [found for found in own if str(found.__module__).partition(".")[0] == package]
    return [*mine, *(found for one in inner for found in _called(fn, one))]


def _code(code: CodeType) -> object:
    return code.co_code, code.co_names, code.co_varnames, [_constant(value) for value in code.co_consts]


def _constant(value: Any) -> object:
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, frozenset):
        return sorted(map(repr, value))  # whose order differs from process to process
    if isinstance(value, tuple):
        return [_constant(inner) for inner in value]
    return repr(value)
