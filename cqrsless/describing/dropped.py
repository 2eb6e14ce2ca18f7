"""What a function makes and drops: a `Command(...)` or `Event(...)` that stands alone, with no `return` or `yield`.

Making one has no effect, so that nobody writes this on purpose.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from ..messages import Command, Event
from ..registry import Cancel, EventType, Place, cancel, defined
from ..registry.places import unwrapped
from .mentions import called_by, source_of

__all__ = ["dropped"]

_MADE: Final = (Command, Event, Cancel, cancel)
#: Reading a source takes a millisecond, and each story asks.
_told: Final[WeakKeyDictionary[FunctionType, str]] = WeakKeyDictionary()


def dropped(fn: Callable[..., Any]) -> str:
    """Say what a function makes and drops, with its line; give nothing where it does not, or has no source."""
    plain = unwrapped(fn)
    if not isinstance(plain, FunctionType):
        return ""
    if plain not in _told:
        _told[plain] = _read(plain)
    return _told[plain]


def _read(fn: FunctionType) -> str:
    for node in _own(source_of(fn)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = node.value.func
            if isinstance(name, ast.Name) and name.id in (*fn.__code__.co_varnames, *fn.__code__.co_cellvars):
                continue  # something of its own by that name
            made = called_by(fn, node.value)
            if isinstance(made, EventType) or any(made is one for one in _MADE):
                what = made.name if isinstance(made, EventType) else made.__name__
                place = Place(fn.__code__.co_filename, fn.__code__.co_firstlineno + node.lineno - 1)
                return f"{defined(fn)} makes {what}(...) and drops it ({place}): return or yield it"
    return ""


def _own(tree: ast.AST | None) -> Iterator[ast.AST]:
    """Give the parts of a function's source that are no other function's inside of it."""
    waiting = [] if tree is None else [one for top in ast.iter_child_nodes(tree) for one in ast.iter_child_nodes(top)]
    while waiting:
        one = waiting.pop(0)
        yield one
        if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(one)
