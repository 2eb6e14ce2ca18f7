"""What goes in and what comes out: commands, queries, events, and the message a handler may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from os import urandom
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from .errors import MalformedMessage
from .valued import Frozen, Valued, dataclass, fixed

__all__ = ["Command", "CommandResult", "Cost", "Event", "Gateway", "Message", "Page", "Query", "RecordedEvent"]

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
Kind = Literal["command", "query", "event"]


#: What no payload is. Other objects may be one: a schema dumps them.
_NO_OBJECTS: Final = (str, bytes, bytearray, int, float, complex, list, set, frozenset, type(None))


def _payload(kind: str, name: str, payload: Any) -> Any:
    """Give the payload of a new value; refuse what is no object where it is written, and not when it is stored."""
    if payload is NOTHING:
        return {}
    if isinstance(payload, _NO_OBJECTS) or type(payload) is tuple:
        given = "None" if payload is None else f"a {type(payload).__name__}"
        example = "" if payload is None else ', {"order_id": "o-1"}'
        raise TypeError(
            f'the payload of {kind}({name!r}, ...) is {given}: a payload is an object, as in {kind}("{name}"{example})'
        )
    return payload


@dataclass(frozen=True)
class Event(Frozen):
    """A fact that happened, before it is recorded: a name and a payload. Two are equal if both are.

    >>> Event("OrderShipped", {"order_id": "o-1"}) == Event("OrderShipped", {"order_id": "o-1"})
    True
    """

    __slots__ = ("name", "payload")

    name: str
    payload: Any

    def __init__(self, name: str, payload: Any = NOTHING) -> None:
        fixed(self, "name", name)
        fixed(self, "payload", payload if type(payload) is dict else _payload("Event", name, payload))


class Named(Protocol):
    """Whatever stands where a name may: an event type, say."""

    @property
    def name(self) -> str: ...


Name: TypeAlias = "str | Named"


def name_of(given: Name) -> str:
    return given if isinstance(given, str) else given.name


def new_id() -> str:
    """Give 32 characters that nobody has had before: of the machine, so also in a process restored from an image."""
    return urandom(16).hex()


@dataclass(frozen=True)
class Command(Frozen):
    """A request to change something.

    `id` makes a retry safe: the same id again is the same command. `expected_version` refuses to run on a newer
    aggregate. `due` (an aware datetime, or a timedelta) runs it later. `on_rejected` names the event to commit on
    the target in place of what the domain refused.

    >>> Command("ShipOrder", {"order_id": "o-1"}, id="ship-o-1").name
    'ShipOrder'
    """

    __slots__ = ("due", "expected_version", "id", "metadata", "name", "on_rejected", "payload")

    name: str
    payload: Any
    id: str | None
    metadata: Mapping[str, Any]
    expected_version: int | None
    due: datetime | timedelta | None
    on_rejected: Name | None

    def __init__(
        self,
        name: str,
        payload: Any = NOTHING,
        id: str | None = None,
        metadata: Mapping[str, Any] = NOTHING,
        expected_version: int | None = None,
        due: datetime | timedelta | None = None,
        on_rejected: Name | None = None,
    ) -> None:
        fixed(self, "name", name)
        fixed(self, "payload", payload if type(payload) is dict else _payload("Command", name, payload))
        fixed(self, "id", id)
        fixed(self, "metadata", {} if metadata is NOTHING else metadata)
        fixed(self, "expected_version", expected_version)
        fixed(self, "due", due)
        fixed(self, "on_rejected", on_rejected)


@dataclass(frozen=True)
class Query(Frozen):
    """A request to read something.

    >>> Query("GetOrder", {"order_id": "o-1"}).payload
    {'order_id': 'o-1'}
    """

    __slots__ = ("name", "payload")

    name: str
    payload: Any

    def __init__(self, name: str, payload: Any = NOTHING) -> None:
        fixed(self, "name", name)
        fixed(self, "payload", payload if type(payload) is dict else _payload("Query", name, payload))


class Message(NamedTuple):
    """What a function receives, with all that is known of it.

    `time` is when it was sent (aware, UTC). `actor` and `claims` come from the API's authorizer and from nowhere
    else. `aggregate_id`, `version` and `sequence` say where an event stands; `attempt` counts from 1.
    `idempotency_key` (event id + handler) is for calls outside. `sent` is set where the source may send the message
    again: its own time, unchanged by a retry.
    """

    id: str
    name: str
    kind: Kind
    payload: Any
    time: datetime
    source: str = "direct"
    actor: str | None = None
    claims: Mapping[str, Any] = NOTHING
    correlation_id: str = ""
    causation_id: str | None = None
    aggregate_id: str | None = None
    version: int | None = None
    sequence: int | None = None
    attempt: int = 1
    replaying: bool = False
    idempotency_key: str | None = None
    metadata: Mapping[str, Any] = NOTHING
    expected_version: int | None = None
    on_rejected: str | None = None
    sent: datetime | None = None

    def replace(self, **changes: Any) -> Message:
        """Give a copy with some fields changed, as a middleware may pass on."""
        fields = [*self]
        try:
            for name, value in changes.items():
                fields[_PLACE[name]] = value
        except KeyError:
            return self._replace(**changes)  # says which name there is not
        return _new(Message, fields)  # `_replace` itself takes four times as long, and each command needs it

    def of(self, aggregate_id: str) -> Message:
        """Give this message with the id of its aggregate."""
        return _new(Message, self[:_ID] + (aggregate_id,) + self[_ID + 1 :])  # noqa: RUF005  # half the time


_new: Final = tuple.__new__
_PLACE: Final = {name: place for place, name in enumerate(Message._fields)}
_ID: Final = _PLACE["aggregate_id"]


def command_message(
    name: str,
    payload: Any,
    time: datetime,
    id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    expected_version: int | None = None,
    on_rejected: Name | None = None,
) -> Message:
    """Make the message of a command that begins a conversation, or goes on with the one that `metadata` names."""
    if id is None:
        id = new_id()
    elif not isinstance(id, str) or not id:
        raise MalformedMessage(f"the id of {name} is {id!r}: a command's id is a non-empty string")
    correlation, causation, rest = id, None, NOTHING
    if metadata:
        correlation = str(metadata.get("correlation_id") or id)
        causation = str(metadata["causation_id"]) if metadata.get("causation_id") else None
        rest = {k: v for k, v in metadata.items() if k not in ("correlation_id", "causation_id")}
    refused = None if on_rejected is None else name_of(on_rejected)
    fields = (
        id, name, "command", payload, time, "direct", None, NOTHING, correlation, causation, None, None, None, 1,
        False, None, rest, expected_version, refused, None,
    )  # fmt: skip
    return _new(Message, fields)


@dataclass
class Cost(Valued):
    """What was asked of the store: requests, and DynamoDB's read and write units.

    >>> cost = Cost(); cost.add(Cost(requests=1, write_units=1)); cost
    Cost(requests=1, read_units=0, write_units=1)
    """

    __slots__ = ("read_units", "requests", "write_units")

    requests: int
    read_units: float
    write_units: float

    def __init__(self, requests: int = 0, read_units: float = 0, write_units: float = 0) -> None:
        self.requests = requests
        self.read_units = read_units
        self.write_units = write_units

    def add(self, other: Cost) -> None:
        self.requests += other.requests
        self.read_units += other.read_units
        self.write_units += other.write_units


@dataclass(frozen=True)
class RecordedEvent(Frozen):
    """An event as it is stored: `version` is its commit's number, `sequence` its own; both start at 1.

    `metadata` holds what the command carried, with `correlation_id`, `causation_id` (the command's id) and, where
    known, `actor`.
    """

    __slots__ = ("id", "metadata", "name", "payload", "sequence", "time", "version")

    name: str
    payload: Any
    sequence: int
    version: int
    id: str
    time: datetime
    metadata: Mapping[str, Any]

    def __init__(
        self,
        name: str,
        payload: Any,
        sequence: int,
        version: int,
        id: str,
        time: datetime,
        metadata: Mapping[str, Any] = NOTHING,
    ) -> None:
        fixed(self, "name", name)
        fixed(self, "payload", payload)
        fixed(self, "sequence", sequence)
        fixed(self, "version", version)
        fixed(self, "id", id)
        fixed(self, "time", time)
        fixed(self, "metadata", {} if metadata is NOTHING else metadata)


@dataclass(frozen=True)
class CommandResult(Frozen):
    """What a command did.

    `duplicate` says that this command had been committed before; the rest is then the original result. `value` is
    what a handler without an aggregate returned. `cost` is what this execution asked of the store.
    """

    __slots__ = ("_tell", "aggregate", "aggregate_id", "cost", "duplicate", "events", "value", "version")

    aggregate_id: str | None
    version: int | None
    events: tuple[RecordedEvent, ...]
    value: Any
    duplicate: bool
    cost: Cost
    aggregate: str | None

    def __init__(
        self,
        aggregate_id: str | None = None,
        version: int | None = None,
        events: tuple[RecordedEvent, ...] = (),
        value: Any = None,
        duplicate: bool = False,
        cost: Cost | None = None,
        aggregate: str | None = None,
    ) -> None:
        fixed(self, "aggregate_id", aggregate_id)
        fixed(self, "version", version)
        fixed(self, "events", events)
        fixed(self, "value", value)
        fixed(self, "duplicate", duplicate)
        fixed(self, "cost", Cost() if cost is None else cost)
        fixed(self, "aggregate", aggregate)

    def _compared(self) -> tuple[str, ...]:
        return ("aggregate_id", "version", "events", "value", "duplicate", "aggregate")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Python asks for what a slot does not hold yet, which is how `committed` leaves the events.
            if name != "events":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            fixed(self, "events", self._tell())  # most callers never ask
            return self.events


def not_a(what: type[Command | Query], method: str, given: object) -> TypeError:
    """Make the error for what is given in the place of a command or query.

    >>> not_a(Query, "app.ask", 5)
    TypeError('app.ask is given 5: write app.ask("GetOrder", {...}), or give a Query')
    """
    if isinstance(given, what):
        two = f"a payload beside the {what.__name__} {given.name}, which has its own"
        return TypeError(f'{method} is given {two}: leave it out, or write {method}("{given.name}", {{...}})')
    example = "GetOrder" if what is Query else "CreateOrder"
    found, write = f"{given!r}", f'{method}("{example}", {{...}})'
    if callable(given):
        found = f"the function {getattr(given, '__qualname__', given)}, which is not called by itself"
    if isinstance(given, list):
        found, write = f"{given[0]!r} alone", f'{method}([Command("{example}", {{...}}), ...])'
    return TypeError(f"{method} is given {found}: write {write}, or give a {what.__name__}")


class _Open(Frozen):
    """A `CommandResult` that is still being made: the same slots, and plain assignment, which takes a fifth."""

    __slots__ = CommandResult.__slots__

    if not TYPE_CHECKING:
        __setattr__, __delattr__ = object.__setattr__, object.__delattr__


def committed(
    aggregate_id: str | None, version: int, tell: Callable[[], tuple[RecordedEvent, ...]], cost: Cost, aggregate: str
) -> CommandResult:
    """Make the result of a commit, whose events are told when they are first asked for."""
    result: Any = _Open()
    result.aggregate_id = aggregate_id
    result.version = version
    result.value = None
    result.duplicate = False
    result.cost = cost
    result.aggregate = aggregate
    result._tell = tell
    result.__class__ = CommandResult
    made: CommandResult = result
    return made


class Page(NamedTuple):
    """Rows of a view, and the cursor to ask for those behind them with; `None` where there are none.

    >>> Page([{"order_id": "o-1"}], None).rows
    [{'order_id': 'o-1'}]
    """

    rows: list[dict[str, Any]]
    cursor: str | None


class Gateway(Protocol):
    """Whatever takes commands and queries: an `App`, or a `Client` of a deployed one.

    >>> def ship(orders: Gateway, order_id: str) -> int | None:
    ...     return orders.execute("ShipOrder", {"order_id": order_id}, id=f"ship-{order_id}").version
    """

    def execute(
        self,
        command: Command | str,
        payload: Any = None,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
    ) -> CommandResult:
        """Execute a command, given whole or as name and payload; a keyword beside a whole one replaces its own."""
        ...

    def ask(self, query: Query | str, payload: Any = None, *, after: CommandResult | None = None) -> Any:
        """Ask a query, given whole or as name and payload; give what its handler returned."""
        ...
