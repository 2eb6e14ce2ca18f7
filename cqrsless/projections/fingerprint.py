"""Telling whether a view is folded by the same code: a replay that other code began is not continued."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from types import CodeType
from typing import Any

from ..registry import ProjectorRecord, ViewRecord


def fingerprint(view: ViewRecord, projectors: Iterable[ProjectorRecord]) -> str:
    """Give text that changes with a view's keys, and with the code of its projectors and key functions.

    What these call is not looked into: it is told by their names alone.
    """
    parts: list[object] = [view.key, sorted(view.indexes.items())]
    for one in projectors:
        if one.view == view.name:
            parts.append((one.names, _told(one.fn), _told(one.key), _told(one.keys)))
    return blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def _told(fn: Any) -> object:
    while isinstance(fn, partial):
        fn = fn.func
    fn = getattr(fn, "__func__", fn)
    code = getattr(fn, "__code__", None) or getattr(vars(type(fn)).get("__call__"), "__code__", None)
    if isinstance(code, CodeType):
        return _code(code)
    return None if fn is None else getattr(fn, "__qualname__", type(fn).__qualname__)


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
