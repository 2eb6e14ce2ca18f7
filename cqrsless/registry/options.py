"""The options that several decorators take, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from ..messages import Message
from ..routing import parse_route
from .names import wrong
from .places import Place
from .records import MiddlewareRecord
from .shapes import plain_shape_of, shape_of

if TYPE_CHECKING:
    from typing import Concatenate

__all__ = [
    "Around",
    "Predicate",
    "called",
    "checked_predicate",
    "checked_route",
    "middleware_record",
    "middleware_records",
]

Predicate: TypeAlias = "Callable[[Message], object]"
Next: TypeAlias = "Callable[[Message], Any]"
#: A middleware function: the message, what comes next, and what it has injected. The plain form stands beside the other
#: because mypy infers a lambda from it alone.
Around: TypeAlias = "Callable[[Message, Next], Any] | Callable[Concatenate[Message, Next, ...], Any]"


def called(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give what is called: the function in a staticmethod, which costs a step less."""
    return fn.__func__ if isinstance(fn, staticmethod) else fn


def checked_route(place: Place, who: str, route: str | None) -> str | None:
    if route is not None:
        try:
            parse_route(route)
        except ValueError as error:
            raise wrong(place, f"{who}: {error}") from None
    return route


def checked_predicate(place: Place, who: str, allow: Predicate | None) -> Predicate | None:
    # An async predicate, or a generator, would give something true for everybody.
    if allow is not None:
        plain_shape_of(place, f"allow of {who}", allow, ("message",))
    return allow


def middleware_records(place: Place, who: str, around: Iterable[Around]) -> tuple[MiddlewareRecord, ...]:
    if callable(around) or not hasattr(around, "__iter__"):
        raise wrong(place, f"middleware of {who} is {around!r}: write it as a list, 'middleware=[...]'")
    return tuple(middleware_record(place, f"middleware of {who}", fn) for fn in around)


def middleware_record(place: Place, who: str, fn: Callable[..., Any]) -> MiddlewareRecord:
    inject, optional = shape_of(place, who, fn, ("message", "call_next"))
    return MiddlewareRecord(called(fn), inject, optional, place)
