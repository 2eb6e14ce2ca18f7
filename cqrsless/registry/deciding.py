"""The decorators of what decides and what answers: aggregates, their handlers and evolvers, and query handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from ..messages import Message
from .calls import told
from .decorations import OnPayload, OnTwo
from .names import (
    UNNAMED,
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
from .options import Around, Predicate, called, checked_predicate, checked_route, middleware_records
from .places import site_of_caller, site_of_decoration
from .records import (
    AggregateRecord,
    CommandRecord,
    Creation,
    EventType,
    EvolverRecord,
    QueryRecord,
    Schema,
)
from .shapes import plain_shape_of, shape_of
from .shelves import ShelfWriter

__all__ = ["DecidingDecorators"]

F = TypeVar("F", bound=Callable[..., Any])

CREATIONS = ("never", "always", "if_missing")


class DecidingDecorators(ShelfWriter):
    """`aggregate`, `command_handler`, `evolver` and `query_handler`."""

    __slots__ = ()

    @told('aggregate("Order", id_field="order_id")')
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
        allow: Predicate | None = None,
        middleware: Iterable[Around] = (),
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
        allow: Predicate | None = None,
        middleware: Iterable[Around] = (),
    ) -> OnTwo: ...
    @told('@command_handler("ShipOrder", aggregate="Order")')
    def command_handler(
        self,
        name: Any = None,  # the overloads want one; without it, the error says what to write
        *,
        schema: Schema | None = None,
        aggregate: AggregateRecord | str | None = None,
        creation: Creation = "never",
        route: str | None = None,
        allow: Predicate | None = None,
        middleware: Iterable[Around] = (),
    ) -> Any:
        """Handle a command: `def handle(command, state)` with an aggregate, `def handle(command)` without.

        One without may take `views` as well: `def handle(command, *, views)`.
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
            self._register(lambda: self._shelves.put_command(record, here, fn))
            return fn

        return decorate

    @told('@query_handler("GetOrder")')
    def query_handler(
        self,
        name: str = UNNAMED,
        *,
        schema: Schema | None = None,
        route: str | None = None,
        allow: Predicate | None = None,
        middleware: Iterable[Around] = (),
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
            self._register(lambda: self._shelves.put_query(record, here, fn))
            return fn

        return decorate

    @told('@evolver("OrderShipped", aggregate="Order")')
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
        events = event_names(site.place, "@evolver", names)
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
