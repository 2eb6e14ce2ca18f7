"""Events that something listens to and that nothing in the application names in any other way: mostly a typing mistake.

A handler declares what it takes and not what it gives, so what is recorded can only be looked for in the source. What
is told here is sure as far as that goes: a name counts as recorded wherever a module of the application holds it as a
string, and nothing at all is told of an application that puts an event's name together at run time.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from ..messages import Event
from ..registry import EventType, Model, did_you_mean
from ..registry.places import unwrapped

__all__ = ["Unrecorded", "unrecorded"]

#: What takes an event by its name, so that the name there says nothing of its being recorded.
LISTENING: Final = frozenset({"event_handler", "projector", "publisher", "evolver"})
_LIBRARIES: Final = tuple(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib"))


class Unrecorded(NamedTuple):
    """An event's name, what listens to it, and the names near it of events that are recorded."""

    name: str
    listeners: tuple[str, ...]
    near: str

    def __str__(self) -> str:
        advice = self.near or f'; if it is one of the past, or of elsewhere, event_type("{self.name}") says so'
        wait = "waits" if len(self.listeners) == 1 else "wait"
        who = " and ".join(self.listeners)
        return f"nothing in this application records {self.name!r}, for which {who} {wait}{advice}"


def unrecorded(model: Model) -> list[Unrecorded]:
    """Find the events that handlers, projectors, publishers and evolvers wait for in vain.

    >>> from cqrsless import Registry
    >>> shop = Registry("shop")
    >>> OrderShipped = shop.event_type("OrderShipped")
    >>> @shop.event_handler(OrderShipped)
    ... def tell(event): ...
    >>> unrecorded(shop.freeze())
    []
    """
    waiting: dict[str, list[str]] = {}
    known = {*model.events, *(event for one in model.aggregates.values() for event in one.evolvers)}
    for kind, records in (
        ("event handler", [one for one in model.event_handlers if one.source is None]),
        ("projector", model.projectors),
        ("publisher", model.publishers),
    ):
        for record in records:
            for name in record.names:
                if name not in known:
                    waiting.setdefault(name, []).append(f"the {kind} at {record.place}")
    evolvers = [evolver for one in model.aggregates.values() for evolver in one.evolvers.items()]
    if not waiting and not evolvers:
        return []
    made: set[str] = set()
    named = {*model.events}
    for module in _modules(model):
        found = _read(module)
        if found is None:
            return []
        made |= found.made
        named |= found.named
    told = [
        Unrecorded(name, tuple(listeners), did_you_mean(name, sorted(made | {*model.events})))
        for name, listeners in waiting.items()
        if name not in named
    ]
    # An evolver of what nothing records is mostly one of the past, and stays; not so beside an event without one.
    unfolded = sorted(made - {name for name, _ in evolvers} - {*model.events})
    for name, evolver in evolvers:
        near = "" if name in named else did_you_mean(name, unfolded)
        if near:
            told.append(Unrecorded(name, (f"the evolver at {evolver.place}",), near))
    return told


class _Named(NamedTuple):
    """The strings of a module, and those of them that it makes events of."""

    named: set[str]
    made: set[str]


def _modules(model: Model) -> Iterator[ModuleType | None]:
    """Give the modules beside the handlers, where a helper may make an event; `None` for one without a file."""
    records: tuple[Any, ...] = (
        *model.commands.values(), *model.queries.values(), *model.event_handlers, *model.projectors, *model.publishers
    )  # fmt: skip
    names = {getattr(unwrapped(one.fn), "__module__", None) or "" for one in records}
    folders: set[str] = set()
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None:
            yield None
            continue
        depth = name.count(".") + (os.path.basename(file) == "__init__.py")
        folders.add(os.path.join(Path(os.path.abspath(file)).parents[depth], ""))
    own = {name.partition(".")[0] for name in names}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        top = name.partition(".")[0]
        beside = file.startswith(tuple(folders)) and not file.startswith(_LIBRARIES) and top != "cqrsless"
        if file.endswith(".py") and (top in own or beside):
            yield module


def _read(module: ModuleType | None) -> _Named | None:
    """Give the strings of a module; `None` where it has no source, or an event's name is put together in it."""
    try:
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8")) if module is not None else None
    except (OSError, SyntaxError, ValueError):
        return None
    if tree is None or module is None:
        return None
    found = _Named(set(), set())
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.named.add(node.value)
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            continue  # what is compared with a name listens to it, too
        if isinstance(node, ast.Call):
            if _last(node.func) in LISTENING:
                continue
            if _meaning(node.func, module) is Event or _last(node.func) == "Event":
                given = (
                    node.args[0] if node.args else next((kw.value for kw in node.keywords if kw.arg == "name"), None)
                )
                name = given.value if isinstance(given, ast.Constant) else _meaning(given, module)
                if not isinstance(name, str):
                    return None
                found.made.add(name)
                found.named.add(name)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _meaning(node: ast.AST | None, module: Any) -> Any:
    """Give what a name, or an attribute of a name, means in a module."""
    if isinstance(node, ast.Name):
        return vars(module).get(node.id)
    if isinstance(node, ast.Attribute):
        found = getattr(_meaning(node.value, module), node.attr, None)
        return found.name if isinstance(found, EventType) and node.attr == "name" else found
    return None
