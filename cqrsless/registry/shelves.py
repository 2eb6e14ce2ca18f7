"""Where a registry keeps its records: one shelf for each kind, on which nothing stands twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import FunctionType
from typing import Any, Generic, NamedTuple, TypeVar

from ..routing import parse_route, shared_route
from .names import wrong
from .places import Origin, Site, same_definition
from .record import Record
from .records import (
    AggregateRecord,
    CommandRecord,
    DeploymentRecord,
    EventHandlerRecord,
    EventType,
    EvolverRecord,
    MiddlewareRecord,
    ProcessorRecord,
    ProjectorRecord,
    PublisherRecord,
    QueryRecord,
    ResourceRecord,
    StateUpcasterRecord,
    UpcasterRecord,
    ViewRecord,
)

__all__ = ["Shelf", "ShelfWriter", "Shelves"]

R = TypeVar("R")
H = TypeVar("H", CommandRecord, QueryRecord)


class _Kept(NamedTuple):
    record: Any
    origin: Origin
    function: tuple[str, str] | None


class _Routed(NamedTuple):
    label: str
    record: CommandRecord | QueryRecord
    site: Site


class Shelf(Generic[R]):
    """Records of one kind by key, in the order in which they were registered."""

    __slots__ = ("_kept", "_keys_of")

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._keys_of: dict[tuple[str, str], list[Hashable]] = {}

    def put(
        self,
        key: Hashable,
        what: str,
        record: R,
        site: Site,
        fn: Callable[..., Any] | None = None,
        *,
        instead: str = "rename one of the two",
    ) -> None:
        """Keep a record; replace it if this is the same one again, and refuse another one of the same key."""
        new = Origin(site, fn)
        function = new.function
        old = self._kept.get(key)
        if old is not None and not same_definition(old.origin, new, _equal(old.record, record)):
            advice = _advice(old.origin, new, instead)
            raise wrong(site.place, f"{what} is registered already ({old.origin.site.place}): {advice}")
        if function is not None:
            self._forget_former_run(function, key, new)
            self._keys_of.setdefault(function, []).append(key)
        self._kept[key] = _Kept(record, new, function)

    def add(self, record: R, site: Site, fn: Callable[..., Any]) -> None:
        """Keep a record that has no name, so that there may be several of one function."""
        origin = Origin(site, fn)
        number = 0
        while True:
            key = (origin.function, number)
            old = self._kept.get(key)
            if old is None or same_definition(old.origin, origin, _equal(old.record, record)):
                return self.put(key, "middleware", record, site, fn)
            number += 1

    def records(self) -> list[R]:
        """Give the records, each once."""
        return list({id(kept.record): kept.record for kept in self._kept.values()}.values())

    def __len__(self) -> int:
        return len(self._kept)

    def _forget_former_run(self, function: tuple[str, str], key: Hashable, new: Origin) -> None:
        """Drop what this function registered under other names before its module was edited and reloaded."""
        if new.site.interactive:
            return
        keys = self._keys_of.get(function, [])
        for former in [one for one in keys if one != key]:
            kept = self._kept.get(former)
            if kept is None or (kept.function == function and same_definition(kept.origin, new, False)):
                self._kept.pop(former, None)
                keys.remove(former)
        if key in keys:
            keys.remove(key)


class Shelves:
    """All that was registered."""

    __slots__ = (
        "_routed",
        "aggregates",
        "commands",
        "deployment",
        "event_handlers",
        "event_types",
        "evolvers",
        "middleware",
        "processors",
        "projectors",
        "publishers",
        "queries",
        "resources",
        "state_upcasters",
        "upcasters",
        "views",
    )

    def __init__(self) -> None:
        self.aggregates = Shelf[AggregateRecord]()
        self.commands = Shelf[CommandRecord]()
        self.queries = Shelf[QueryRecord]()
        self.evolvers = Shelf[EvolverRecord]()
        self.event_types = Shelf[EventType]()
        self.upcasters = Shelf[UpcasterRecord]()
        self.state_upcasters = Shelf[StateUpcasterRecord]()
        self.middleware = Shelf[MiddlewareRecord]()
        self.resources = Shelf[ResourceRecord]()
        self.processors = Shelf[ProcessorRecord]()
        self.event_handlers = Shelf[EventHandlerRecord]()
        self.projectors = Shelf[ProjectorRecord]()
        self.views = Shelf[ViewRecord]()
        self.publishers = Shelf[PublisherRecord]()
        self.deployment = Shelf[DeploymentRecord]()
        #: Who had each route last, by the shape of the route.
        self._routed: dict[tuple[str, ...], _Routed] = {}

    def put_command(self, record: CommandRecord, site: Site, fn: Callable[..., Any]) -> None:
        """Keep a command's handler, unless another handler has its name or its route."""
        self._put_routed(self.commands, f"command {record.name!r}", record, site, fn)

    def put_query(self, record: QueryRecord, site: Site, fn: Callable[..., Any]) -> None:
        """Keep a query's handler, unless another handler has its name or its route."""
        self._put_routed(self.queries, f"query {record.name!r}", record, site, fn)

    def _put_routed(self, shelf: Shelf[H], label: str, record: H, site: Site, fn: Callable[..., Any]) -> None:
        """Keep a handler, and refuse a route that another one has by the same run of the same code.

        One by another run may be given up: a reload can move a route from handler to handler, in any order. So that
        one is refused when the registry freezes.
        """
        if record.route is None:
            shelf.put(record.name, label, record, site, fn)
            return
        shape = parse_route(record.route).shape
        other = self._routed.get(shape)
        if other is not None and other.label != label and site.run() is not None and other.site.run() is site.run():
            raise shared_route(label, record, other.label, other.record)
        shelf.put(record.name, label, record, site, fn)
        self._routed[shape] = _Routed(label, record, site)


class ShelfWriter:
    """What the decorators write with; the registry says how."""

    __slots__ = ("_shelves",)

    def __init__(self) -> None:
        self._shelves = Shelves()

    def _register(self, put: Callable[[], None]) -> None:
        """Put something on its shelf, as one change of the registry."""
        raise NotImplementedError


def _advice(old: Origin, new: Origin, instead: str) -> str:
    if old.site.place == new.site.place and old.site.module != new.site.module:
        return f"the file is loaded under two names, {old.site.module!r} and {new.site.module!r}; import it under one"
    if old.site.place == new.site.place:
        return "this line ran twice with different things; rename one, or give each run a Registry of its own"
    return instead


def _equal(old: Any, new: Any) -> bool:
    """Say whether two records, or what they hold, define the same; new functions from one `def` do."""
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    if isinstance(old, FunctionType):
        return (
            old.__code__ is new.__code__
            and old.__defaults__ == new.__defaults__
            and old.__kwdefaults__ == new.__kwdefaults__
            and _captured(old) == _captured(new)
        )
    if isinstance(old, tuple):
        return len(old) == len(new) and all(map(_equal, old, new))
    if isinstance(old, Record):
        return all(map(_equal, old.compared(), new.compared()))
    return bool(old == new)


def _captured(fn: FunctionType) -> list[int]:
    """Give the identities of what a function closes over."""
    found: list[int] = []
    for cell in fn.__closure__ or ():
        try:
            found.append(id(cell.cell_contents))
        except ValueError:  # assigned only after this
            found.append(0)
    return found
