"""Which events, commands and views a handler's source mentions: handlers declare what they take, not what they give.

What is found is what the code says plainly: `Event("OrderCreated", ...)`, `OrderCreated(...)` of an event type,
`Command("ShipOrder", ...)`, a view or its name; in the function itself, and in functions of the same package that it
calls. A name that is put together at run time is not found.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..messages import Command, Event
from ..registry import EventType, ViewRecord
from ..registry.places import unwrapped

__all__ = ["Mentions", "called_by", "mentions", "source_of"]

#: Functions that are followed from one handler.
FOLLOWED: Final = 100
_NOTHING: Final = object()


class Mentions(NamedTuple):
    """Names that a function mentions, each in the order of the source.

    `refusals` holds, for commands with an `on_rejected=`, the command and the event that stands for its refusal.
    """

    events: tuple[str, ...]
    commands: tuple[str, ...]
    views: tuple[str, ...]
    refusals: tuple[tuple[str, str], ...]


def mentions(fn: Callable[..., Any], *, commands: Collection[str] = (), views: Collection[str] = ()) -> Mentions:
    """Read a function's source for what it mentions; `commands` and `views` are the names that there are.

    A function without a source mentions nothing.
    """
    found: dict[str, dict[Any, None]] = {"event": {}, "command": {}, "view": {}, "refusal": {}}
    seen: set[Any] = set()
    waiting = [unwrapped(fn)]
    while waiting and len(seen) < FOLLOWED:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        for kind, name in _read(one, waiting.append):
            found[kind][name] = None
    return Mentions(
        tuple(found["event"]),
        tuple(name for name in found["command"] if name in commands),
        tuple(name for name in found["view"] if name in views),
        tuple(pair for pair in found["refusal"] if pair[0] in commands),
    )


def _read(fn: Any, follow: Callable[[Any], None]) -> Iterator[tuple[str, Any]]:
    tree = source_of(fn)
    if tree is None:
        return
    names = _names(fn)
    package = (getattr(fn, "__module__", "") or "").partition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _resolve(node.func, names)
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            name = _name(node.args[0] if node.args else keywords.get("name"), names)
            if called is Event and name is not None:
                yield "event", name
            elif called is Command and name is not None:
                yield "command", name
                refusal = _name(keywords.get("on_rejected"), names)
                if refusal is not None:
                    yield "refusal", (name, refusal)
            elif isinstance(called, EventType):
                yield "event", called.name
            elif inspect.isfunction(inner := unwrapped(called)) and inner.__module__.partition(".")[0] == package:
                follow(inner)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            value = _resolve(node, names)
            if isinstance(value, ViewRecord):
                yield "view", value.name
            elif isinstance(value, str):
                yield "command", value
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Handlers may return commands by other ways than `Command(...)`, and name views by a string.
            yield "view", node.value
            yield "command", node.value


def called_by(fn: Any, call: ast.Call) -> Any:
    """Give what a call of a function's source calls, where that means something outside of the function."""
    return _resolve(call.func, _names(fn))


def source_of(fn: Any) -> ast.AST | None:
    """Read a function's source; `None` where there is none."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(fn)))
    except (OSError, TypeError, SyntaxError, ValueError):  # made at run time, built in, or inside an expression
        return None


def _names(fn: Any) -> Mapping[str, Any]:
    code = getattr(fn, "__code__", None)
    cells = getattr(fn, "__closure__", None) or ()
    names = dict(getattr(fn, "__globals__", {}))
    for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not yet bound
            continue
    return names


def _resolve(node: ast.AST, names: Mapping[str, Any]) -> Any:
    """Give what an expression means outside of the function: a name, or an attribute of a module."""
    if isinstance(node, ast.Name):
        return names.get(node.id, _NOTHING)
    if isinstance(node, ast.Attribute):
        value = _resolve(node.value, names)
        if isinstance(value, EventType) and node.attr == "name":
            return value.name
        return vars(value).get(node.attr, _NOTHING) if inspect.ismodule(value) else _NOTHING
    return _NOTHING


def _name(node: ast.AST | None, names: Mapping[str, Any]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    value = _NOTHING if node is None else _resolve(node, names)
    if isinstance(value, EventType):
        return value.name
    return value if isinstance(value, str) else None
