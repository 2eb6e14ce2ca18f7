"""What the decorators write: one frozen record each, holding names, functions and options, and no behaviour.

A record refers to others by name, so modules need no circular imports; `freeze` resolves the names. In all of them
`fn` is the user's function, `inject` the names of the keyword-only parameters that it gets, `optional` those of them
that have a default, and `place` the line that registered it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, TypeAlias

from ..messages import Event
from .places import NOWHERE, Place
from .record import Record

Creation: TypeAlias = Literal["never", "always", "if_missing"]
Function: TypeAlias = Callable[..., Any]


class SchemaLike(Protocol):
    """What is asked of a marshmallow schema here, where marshmallow is not imported."""

    def load(self, data: Any, /) -> Any: ...

    def dump(self, obj: Any, /) -> Any: ...


#: A marshmallow schema, as a class or an instance.
Schema: TypeAlias = "SchemaLike | type[SchemaLike]"


class AggregateRecord(Record):
    """An aggregate; it stands wherever its name may.

    `state` is `dict`, a dataclass or a marshmallow schema. `snapshot_every` is how many commits an event-sourced
    aggregate makes at most between two snapshots.
    """

    name: str
    id_field: tuple[str, ...]
    event_sourced: bool = False
    state: Any = dict
    state_version: int = 1
    new_id: Function | None = None
    snapshot_every: int = 8
    place: Place = NOWHERE


class DeploymentRecord(Record):
    """One setting of the deployment, by the keys that lead to it."""

    path: tuple[str, ...]
    value: Any
    place: Place = NOWHERE


class MiddlewareRecord(Record):
    fn: Function
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


class CommandRecord(Record):
    name: str
    fn: Function
    schema: Schema | None = None
    aggregate: str | None = None
    creation: Creation = "never"
    route: str | None = None
    allow: Function | None = None
    middleware: tuple[MiddlewareRecord, ...] = ()
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


class QueryRecord(Record):
    name: str
    fn: Function
    schema: Schema | None = None
    route: str | None = None
    allow: Function | None = None
    middleware: tuple[MiddlewareRecord, ...] = ()
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


class EvolverRecord(Record):
    names: tuple[str, ...]
    aggregate: str
    fn: Function
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


NO_PAYLOAD: Final[Any] = object()


class EventType(Record):
    """An event's schema, version, former names and foreign source; call it to make such an event.

    >>> OrderShipped = EventType("OrderShipped")
    >>> OrderShipped(order_id="o-1") == OrderShipped({"order_id": "o-1"}) == Event("OrderShipped", {"order_id": "o-1"})
    True
    """

    name: str
    schema: Schema | None = None
    version: int = 1
    source: str | None = None
    was: tuple[str, ...] = ()
    place: Place = NOWHERE

    def __call__(self, payload: Any = NO_PAYLOAD, /, **fields: Any) -> Event:
        if payload is NO_PAYLOAD:
            return Event(self.name, fields)
        if fields:
            raise TypeError(f"{self.name}() takes a payload or its fields by name, not both")
        return Event(self.name, payload)


class UpcasterRecord(Record):
    name: str
    from_version: int
    fn: Function
    place: Place = NOWHERE


class StateUpcasterRecord(Record):
    aggregate: str
    from_version: int
    fn: Function
    place: Place = NOWHERE


class ResourceRecord(Record):
    """Something that handlers take by name; `fn` makes it, from other resources if it takes any."""

    name: str
    fn: Function
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


class ProcessorRecord(Record):
    name: str
    mode: Literal["subscribing", "tracking"] = "subscribing"
    start: Literal["now", "beginning"] = "now"
    ordered: bool = True
    retries: int = 5
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    on_failure: Literal["park", "stop"] = "park"
    segments: int = 1
    place: Place = NOWHERE


NO_INDEXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


class ViewRecord(Record):
    """A read model: `key` names one field, or a partition and a sort field; `indexes` name more such keys."""

    name: str
    key: tuple[str, ...]
    indexes: Mapping[str, tuple[str, ...]] = NO_INDEXES
    processor: str | None = None
    place: Place = NOWHERE


class ProjectorRecord(Record):
    names: tuple[str, ...]
    view: str
    fn: Function
    key: Function | None = None
    keys: Function | None = None
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


class EventHandlerRecord(Record):
    names: tuple[str, ...]
    fn: Function
    processor: str = "default"
    source: str | None = None
    replay: bool = True
    middleware: tuple[MiddlewareRecord, ...] = ()
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE


class PublisherRecord(Record):
    names: tuple[str, ...]
    to: str
    fn: Function
    inject: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    place: Place = NOWHERE
