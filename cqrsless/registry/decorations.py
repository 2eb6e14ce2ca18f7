"""The types of the decorators: each gives back the very function that it is given.

A bound type variable keeps a function's names and return type, and still refuses one with too few positional
parameters. (One with too many, or with others than keyword-only ones behind, no type can refuse: that is checked
when the decorator runs.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from typing import Concatenate

__all__ = ["OnNothing", "OnPayload", "OnTwo"]

Nothing = TypeVar("Nothing", bound=Callable[..., Any])
One = TypeVar("One", bound="Callable[Concatenate[Any, ...], Any]")
Two = TypeVar("Two", bound="Callable[Concatenate[Any, Any, ...], Any]")


class OnNothing(Protocol):
    """Decorates a function that gets nothing but what it has injected."""

    def __call__(self, fn: Nothing, /) -> Nothing: ...


class OnPayload(Protocol):
    """Decorates a function whose first parameter is the payload."""

    def __call__(self, fn: One, /) -> One: ...


class OnTwo(Protocol):
    """Decorates a function of two: payload and state, state and event, row and event, or message and next."""

    def __call__(self, fn: Two, /) -> Two: ...
