"""The decorators of the write side, and of what stands around every handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from ..messages import Message
from ..routing import parse_route
from .decorations import OnNothing, OnPayload, OnTwo, Two
from .names import (
    event_names,
    field_names,
    message_name,
    name_of,
    one_of,
    plain_name,
    schema_or_none,
    state_type,
    truth,
    whole_number,
    wrong,
)
from .places import Place, site_of_caller, site_of_decoration
from .records import (
    AggregateRecord,
    CommandRecord,
    Creation,
    EventType,
    EvolverRecord,
    MiddlewareRecord,
    QueryRecord,
    ResourceRecord,
    Schema,
    StateUpcasterRecord,
    UpcasterRecord,
)
from .shapes import plain_shape_of, shape_of
from .shelves import ShelfWriter

__all__ = ["DecidingDecorators"]

F = TypeVar("F", bound=Callable[..., Any])

CREATIONS = ("never", "always", "if_missing")


class DecidingDecorators(ShelfWriter):
    """`aggregate`, `command_handler` and the rest of what decides and answers."""

    __slots__ = ()

    def aggregate(
        self,
        name: str,
        *,
        id_field: str | tuple[str, ...],
        event_sourced: bool = False,
        state: Any = None,
        state_version: int = 1,
        new_id: Callable[[Message], str] | None = None,
        snapshot_every: int = 8,
    ) -> AggregateRecord:
        """Name an aggregate: the unit of consistency, which commands change and events remember.

        `id_field` is the payload field, or the fields, that hold its id. `state` is a dataclass, a marshmallow schema,
        or dict. Raise `state_version` when stored states no longer fit, or an evolver's meaning changes. `new_id` fills
        a missing id (see `from_command_id`). An event-sourced aggregate keeps a snapshot of its state at least every
        `snapshot_every` commits.

        >>> from cqrsless import Registry
        >>> billing = Registry("billing")
        >>> Invoice = billing.aggregate("Invoice", id_field="invoice_id")
        >>> Invoice.name
        'Invoice'
        """
        site = site_of_caller()
        place = site.place
        record = AggregateRecord(
            name=plain_name(place, "aggregate", name),
            id_field=field_names(place, "id_field", id_field),
            event_sourced=truth(place, "event_sourced", event_sourced),
            state=state_type(place, state),
            state_version=whole_number(place, "state_version", state_version, 1),
            new_id=new_id,
            snapshot_every=whole_number(place, "snapshot_every", snapshot_every, 1),
            place=place,
        )
        if new_id is not None:
            plain_shape_of(place, f"new_id of aggregate {name!r}", new_id, ("message",))
        self._register(lambda: self._shelves.aggregates.put(name, f"aggregate {name!r}", record, site))
        return record

    @overload
    def command_handler(
        self,
        name: str,
        *,
        schema: Schema | None = None,
        aggregate: None = None,
        route: str | None = None,
        allow: Callable[[Message], object] | None = None,
        middleware: Iterable[Callable[..., Any]] = (),
    ) -> OnPayload: ...
    @overload
    def command_handler(
        self,
        name: str,
        *,
        schema: Schema | None = None,
        aggregate: AggregateRecord | str,
        creation: Creation = "never",
        route: str | None = None,
        allow: Callable[[Message], object] | None = None,
        middleware: Iterable[Callable[..., Any]] = (),
    ) -> OnTwo: ...
    def command_handler(
        self,
        name: str,
        *,
        schema: Schema | None = None,
        aggregate: AggregateRecord | str | None = None,
        creation: Creation = "never",
        route: str | None = None,
        allow: Callable[[Message], object] | None = None,
        middleware: Iterable[Callable[..., Any]] = (),
    ) -> Any:
        """Handle a command: `def handle(command, state)` with an aggregate, `def handle(command)` without.

        `creation` says whether the aggregate must exist (`"never"`), must not (`"always"`), or may (`"if_missing"`).
        Only a handler with a `route` is reached over HTTP, and there only by those of whom `allow(message)` is true.

        >>> from cqrsless import Registry
        >>> billing = Registry("billing")
        >>> @billing.command_handler("Ping")
        ... def ping(command):
        ...     return "pong"
        >>> ping({})
        'pong'
        """
        site = site_of_caller()
        who = f"command handler {message_name(site.place, 'command handler', name)!r}"
        if one_of(site.place, "creation", creation, CREATIONS) != "never" and aggregate is None:
            raise wrong(site.place, f"{who} has creation={creation!r} and nothing to create: give it aggregate=")
        of = None if aggregate is None else name_of(site.place, "aggregate", aggregate, AggregateRecord)
        takes = ("command",) if of is None else ("command", "state")
        # Whether the aggregate of a mere name is event-sourced shows at the freeze.
        yields = of is not None and (not isinstance(aggregate, AggregateRecord) or aggregate.event_sourced)
        schema = schema_or_none(site.place, schema)
        route = checked_route(site.place, who, route)
        allow = checked_predicate(site.place, who, allow)
        around = middleware_records(site.place, who, middleware)

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, who, fn, takes, yields=yields)
            record = CommandRecord(
                name, called(fn), schema, of, creation, route, allow, around, inject, optional, here.place
            )
            self._register(lambda: self._shelves.commands.put(name, f"command {name!r}", record, here, fn))
            return fn

        return decorate

    def query_handler(
        self,
        name: str,
        *,
        schema: Schema | None = None,
        route: str | None = None,
        allow: Callable[[Message], object] | None = None,
        middleware: Iterable[Callable[..., Any]] = (),
    ) -> OnPayload:
        """Answer a query: `def handle(query, *, views)`; over HTTP `None` is a 404.

        >>> from cqrsless import Registry
        >>> billing = Registry("billing")
        >>> @billing.query_handler("GetRate", route="GET /rates/{currency}")
        ... def get_rate(query):
        ...     return {"EUR": 1}.get(query["currency"])
        """
        site = site_of_caller()
        who = f"query handler {message_name(site.place, 'query handler', name)!r}"
        schema = schema_or_none(site.place, schema)
        route = checked_route(site.place, who, route)
        allow = checked_predicate(site.place, who, allow)
        around = middleware_records(site.place, who, middleware)

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, who, fn, ("query",))
            record = QueryRecord(name, called(fn), schema, route, allow, around, inject, optional, here.place)
            self._register(lambda: self._shelves.queries.put(name, f"query {name!r}", record, here, fn))
            return fn

        return decorate

    def evolver(self, *names: str | EventType, aggregate: AggregateRecord | str) -> OnTwo:
        """Fold an event into an event-sourced aggregate's state: `def evolve(state, event)` gives the state after it.

        `event` is the payload. The state may be changed in place and returned, or `DELETED` be returned.

        >>> from cqrsless import Registry
        >>> bank = Registry("bank")
        >>> Account = bank.aggregate("Account", id_field="account_id", event_sourced=True)
        >>> @bank.evolver("Deposited", aggregate=Account)
        ... def deposited(account, event):
        ...     return {**account, "balance": account.get("balance", 0) + event["amount"]}
        >>> deposited({}, {"amount": 5})
        {'balance': 5}
        """
        site = site_of_caller()
        events = event_names(site.place, "evolver", names)
        of = name_of(site.place, "aggregate", aggregate, AggregateRecord)

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, f"evolver of {of!r} for {events[0]!r}", fn, ("state", "event"))
            record = EvolverRecord(events, of, called(fn), inject, optional, here.place)

            def register() -> None:
                for event in events:
                    what = f"evolver of aggregate {of!r} for {event!r}"
                    self._shelves.evolvers.put((of, event), what, record, here, fn)

            self._register(register)
            return fn

        return decorate

    def event_type(
        self,
        name: str,
        *,
        schema: Schema | None = None,
        version: int = 1,
        source: str | None = None,
        was: str | Iterable[str] = (),
    ) -> EventType:
        """Name an event's schema, version, former names (`was`) or foreign `source`; what it returns makes such events.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> OrderShipped = orders.event_type("OrderShipped", was="OrderSent")
        >>> OrderShipped(order_id="o-1")
        Event(name='OrderShipped', payload={'order_id': 'o-1'})
        """
        site = site_of_caller()
        place = site.place
        former = (was,) if isinstance(was, str) else tuple(was)
        record = EventType(
            name=message_name(place, "event type", name),
            schema=schema_or_none(place, schema),
            version=whole_number(place, "version", version, 1),
            source=None if source is None else message_name(place, "source", source),
            was=event_names(place, "event_type", former) if former else (),
            place=place,
        )
        if name in record.was:
            raise wrong(place, f"event type {name!r} has its own name among its former ones: was={former!r}")
        self._register(lambda: self._shelves.event_types.put(name, f"event type {name!r}", record, site))
        return record

    def upcaster(self, name: str | EventType, *, from_version: int) -> OnPayload:
        """Bring an event's old payload one version up: `def up(payload)` gets a copy and returns the new payload.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> OrderShipped = orders.event_type("OrderShipped", version=2)
        >>> @orders.upcaster(OrderShipped, from_version=1)
        ... def name_the_carrier(payload):
        ...     return {**payload, "carrier": "post"}
        """
        site = site_of_caller()
        event = event_names(site.place, "upcaster", (name,))[0]
        whole_number(site.place, "from_version", from_version, 1)
        what = f"upcaster of event {event!r} from version {from_version}"

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            plain_shape_of(here.place, what, fn, ("payload",))
            record = UpcasterRecord(event, from_version, called(fn), here.place)
            self._register(lambda: self._shelves.upcasters.put((event, from_version), what, record, here, fn))
            return fn

        return decorate

    def state_upcaster(self, aggregate: AggregateRecord | str, *, from_version: int) -> OnPayload:
        """Bring a state-stored aggregate's old state one `state_version` up: `def up(state)` returns the new one.

        The state is what was stored, before it becomes the dataclass or goes through the schema.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> Order = orders.aggregate("Order", id_field="order_id", state_version=2)
        >>> @orders.state_upcaster(Order, from_version=1)
        ... def name_the_carrier(state):
        ...     return {**state, "carrier": "post"}
        """
        site = site_of_caller()
        of = name_of(site.place, "aggregate", aggregate, AggregateRecord)
        whole_number(site.place, "from_version", from_version, 1)
        what = f"state upcaster of aggregate {of!r} from version {from_version}"

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            plain_shape_of(here.place, what, fn, ("state",))
            record = StateUpcasterRecord(of, from_version, called(fn), here.place)
            self._register(lambda: self._shelves.state_upcasters.put((of, from_version), what, record, here, fn))
            return fn

        return decorate

    @overload
    def middleware(self, fn: Two, /) -> Two: ...
    @overload
    def middleware(self) -> OnTwo: ...
    def middleware(self, fn: Any = None, /) -> Any:
        """Stand around every message, once for each: `def around(message, call_next)`, the first registered outermost.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> @orders.middleware
        ... def logged(message, call_next):
        ...     print("in:", message.name)
        ...     return call_next(message)
        """
        site = site_of_caller()

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            record = middleware_record(here.place, "middleware", fn)
            self._register(lambda: self._shelves.middleware.add(record, here, fn))
            return fn

        return decorate if fn is None else decorate(fn)

    def resource(self, name: str) -> OnNothing:
        """Make something that handlers take by name, once for each application, when it is first needed.

        It takes other resources by name itself.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> @orders.resource("rates")
        ... def rates():
        ...     return {"EUR": 1}
        >>> @orders.query_handler("GetRate")
        ... def get_rate(query, *, rates):
        ...     return rates[query["currency"]]
        """
        site = site_of_caller()
        plain_name(site.place, "resource", name)
        if name in ("message", "views"):
            raise wrong(site.place, f"a resource cannot be called {name!r}, which is injected already: rename it")
        if not name.isidentifier():
            raise wrong(
                site.place, f"the resource name {name!r} cannot be a parameter: write {name.replace('-', '_')!r}"
            )

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, f"resource {name!r}", fn, ())
            record = ResourceRecord(name, called(fn), inject, optional, here.place)
            self._register(lambda: self._shelves.resources.put(name, f"resource {name!r}", record, here, fn))
            return fn

        return decorate


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


def checked_predicate(
    place: Place, who: str, allow: Callable[[Message], object] | None
) -> Callable[[Message], object] | None:
    # An async predicate, or a generator, would give something true for everybody.
    if allow is not None:
        plain_shape_of(place, f"allow of {who}", allow, ("message",))
    return allow


def middleware_records(place: Place, who: str, around: Iterable[Callable[..., Any]]) -> tuple[MiddlewareRecord, ...]:
    if callable(around) or isinstance(around, str):
        raise wrong(place, f"middleware of {who} is {around!r}: write it as a list, 'middleware=[...]'")
    return tuple(middleware_record(place, f"middleware of {who}", fn) for fn in around)


def middleware_record(place: Place, who: str, fn: Callable[..., Any]) -> MiddlewareRecord:
    inject, optional = shape_of(place, who, fn, ("message", "call_next"))
    return MiddlewareRecord(called(fn), inject, optional, place)
