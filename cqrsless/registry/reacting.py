"""The decorators of what reacts to events: processors and their handlers, views and projectors, publishers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

from ..messages import Message
from .calls import told
from .decorations import OnPayload, OnTwo
from .names import (
    event_names,
    exception_types,
    field_names,
    message_name,
    name_of,
    one_of,
    plain_name,
    truth,
    whole_number,
    wrong,
)
from .options import Around, called, middleware_records
from .places import Place, identity, site_of_caller, site_of_decoration
from .records import (
    EventHandlerRecord,
    EventType,
    ProcessorRecord,
    ProjectorRecord,
    PublisherRecord,
    ViewRecord,
)
from .shapes import plain_shape_of, shape_of
from .shelves import ShelfWriter
from .targets import target_of

__all__ = ["ReactingDecorators"]

F = TypeVar("F", bound=Callable[..., Any])

#: What `CQRSLESS_PROCESSOR` calls the parts of an application that are no processor of the user's.
RESERVED = ("views", "publisher", "indexer")
#: What to do about two functions of one name that react to one event in one place.
FUNCTION_NAME = "give one of the two functions another name"
HANDLER_NAME = f"{FUNCTION_NAME}, as a handler's message.idempotency_key is made of it"
PUBLISHER_NAME = f"{FUNCTION_NAME}, as the ids of what a publisher sends are made of it"
#: The processor of the event handlers that name none.
UNNAMED = "default"


class ReactingDecorators(ShelfWriter):
    """`processor`, `event_handler`, `view`, `projector` and `publisher`."""

    __slots__ = ()

    @told('processor("mailer")')
    def processor(
        self,
        name: str,
        *,
        mode: Literal["subscribing", "tracking"] = "subscribing",
        start: Literal["now", "beginning"] = "now",
        ordered: bool = True,
        retries: int = 5,
        retry_on: type[BaseException] | tuple[type[BaseException], ...] = (Exception,),
        on_failure: Literal["park", "stop"] = "park",
        segments: int = 1,
    ) -> ProcessorRecord:
        """Name a group of event handlers that advances, fails and is deployed as one.

        A subscribing one is fed by the table's stream; a tracking one reads the log, and can be replayed. `retries` are
        the attempts after the first, for the exceptions in `retry_on`.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> orders.processor("mailer", retries=2).retries
        2
        """
        site = site_of_caller()
        place = site.place
        plain_name(place, "processor", name)
        if name in RESERVED:
            raise wrong(place, f"a processor cannot be called {name!r}, which the framework uses itself: rename it")
        record = ProcessorRecord(
            name=name,
            mode=one_of(place, "mode", mode, ("subscribing", "tracking")),
            start=one_of(place, "start", start, ("now", "beginning")),
            ordered=truth(place, "ordered", ordered),
            retries=whole_number(place, "retries", retries, 0),
            retry_on=exception_types(place, "retry_on", retry_on),
            on_failure=one_of(place, "on_failure", on_failure, ("park", "stop")),
            segments=whole_number(place, "segments", segments, 1),
            place=place,
        )
        self._register(lambda: self._shelves.processors.put(name, f"processor {name!r}", record, site))
        return record

    @told('@event_handler("OrderShipped")')
    def event_handler(
        self,
        *names: str | EventType,
        processor: ProcessorRecord | str = "default",
        source: str | None = None,
        replay: bool = True,
        middleware: Iterable[Around] = (),
    ) -> OnPayload:
        """React to an event: `def react(event)` returns nothing, or commands to dispatch, or `cancel(id)`.

        With `source` it takes external events from there, and no others; an `event_type` with a source brings that
        along. `replay=False` leaves it out of replays.

        >>> from cqrsless import Command, Registry
        >>> orders = Registry("orders")
        >>> @orders.event_handler("PaymentFailed", source="payments")
        ... def cancel_order(event):
        ...     return Command("CancelOrder", {"order_id": event["order_id"]})
        """
        site = site_of_caller()
        events = event_names(site.place, "@event_handler", names)
        of = name_of(site.place, "processor", processor, ProcessorRecord)
        if of in RESERVED:
            raise wrong(site.place, f"a processor cannot be called {of!r}, which the framework uses itself: rename it")
        source = _source_of(site.place, names) if source is None else message_name(site.place, "source", source)
        truth(site.place, "replay", replay)
        who = f"event handler of processor {of!r} for {_listed(events)}"
        around = middleware_records(site.place, who, middleware)

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, who, fn, ("event",), yields=True)
            record = EventHandlerRecord(events, called(fn), of, source, replay, around, inject, optional, here.place)
            key = (of, source, events, identity(fn))
            what = f"{who} ({_label(fn)})"
            self._register(lambda: self._shelves.event_handlers.put(key, what, record, here, fn, instead=HANDLER_NAME))
            return fn

        return decorate

    @told('view("OrderSummary", key="order_id")')
    def view(
        self,
        name: str,
        *,
        key: str | tuple[str, str],
        indexes: Mapping[str, str | tuple[str, str]] | None = None,
        processor: ProcessorRecord | str | None = None,
    ) -> ViewRecord:
        """Name a read model; its `key` is a field of its rows, or a (partition, sort) pair of them.

        `indexes` names more such keys to list it by. With `processor` it is kept by that one.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> orders.view("OrdersOfCustomer", key=("customer_id", "order_id")).key
        ('customer_id', 'order_id')
        """
        site = site_of_caller()
        place = site.place
        if name in (*RESERVED, UNNAMED):
            raise wrong(place, f"a view cannot be called {name!r}, which the framework uses itself: rename it")
        of = None if processor is None else name_of(place, "processor", processor, ProcessorRecord)
        record = ViewRecord(
            plain_name(place, "view", name), field_names(place, "key", key, 2), _indexes(place, indexes), of, place
        )
        self._register(lambda: self._shelves.views.put(name, f"view {name!r}", record, site))
        return record

    @told('@projector("OrderShipped", view="OrderSummary")')
    def projector(
        self,
        *names: str | EventType,
        view: ViewRecord | str,
        key: Callable[[Any, Message], Any] | None = None,
        keys: Callable[[Any, Message], Iterable[Any]] | None = None,
    ) -> OnTwo:
        """Fold an event into a row of a view: `def project(row, event)` gives the row after it, or `None` for no row.

        The row's key comes from `key(event, message)`, several rows' from `keys`, else from the payload, else from the
        aggregate's id; `*, key` gets it, a pair as a tuple.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> Summary = orders.view("OrderSummary", key="order_id")
        >>> @orders.projector("OrderCreated", view=Summary)
        ... def created(row, event):
        ...     return {"order_id": event["order_id"], "status": "placed"}
        """
        site = site_of_caller()
        events = event_names(site.place, "@projector", names)
        of = name_of(site.place, "view", view, ViewRecord)
        who = f"projector of view {of!r} for {_listed(events)}"
        if key is not None and keys is not None:
            raise wrong(site.place, f"{who} has both key= and keys=: give it the one that fits")
        for option, function in (("key", key), ("keys", keys)):
            if function is not None:
                plain_shape_of(
                    site.place, f"{option} of {who}", function, ("event", "message"), yields=option == "keys"
                )

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, who, fn, ("row", "event"))
            record = ProjectorRecord(events, of, called(fn), key, keys, inject, optional, here.place)
            shelf_key = (of, events, identity(fn))
            what = f"{who} ({_label(fn)})"
            self._register(
                lambda: self._shelves.projectors.put(shelf_key, what, record, here, fn, instead=FUNCTION_NAME)
            )
            return fn

        return decorate

    @told('@publisher("OrderShipped", to="eventbridge://shop")')
    def publisher(self, *names: str | EventType, to: str) -> OnPayload:
        """Turn a domain event into a public one: `def publish(event)` returns an `Event`, or nothing to publish none.

        `to` is `"eventbridge://bus"`, `"sns://topic"` or `"sqs://queue"`, by name, ARN or URL. An ARN and the URL of a
        queue may stand alone.

        >>> from cqrsless import Event, Registry
        >>> orders = Registry("orders")
        >>> @orders.publisher("OrderShipped", to="eventbridge://shop")
        ... def shipped(event):
        ...     return Event("ParcelSent", {"order": event["order_id"]})
        """
        site = site_of_caller()
        events = event_names(site.place, "@publisher", names)
        to = target_of(site.place, to)
        who = f"publisher to {to!r} for {_listed(events)}"

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, who, fn, ("event",))
            record = PublisherRecord(events, to, called(fn), inject, optional, here.place)
            key = (to, events, identity(fn))
            what = f"{who} ({_label(fn)})"
            self._register(lambda: self._shelves.publishers.put(key, what, record, here, fn, instead=PUBLISHER_NAME))
            return fn

        return decorate


def _source_of(place: Place, names: tuple[str | EventType, ...]) -> str | None:
    """Give the source that event types bring along; one handler takes its events from one."""
    first = next((one for one in names if isinstance(one, EventType) and one.source is not None), None)
    if first is None:
        return None
    for other in names:
        source = other.source if isinstance(other, EventType) else None
        if source != first.source:
            name = other.name if isinstance(other, EventType) else other
            whose = "of no source" if source is None else f"from {source!r}"
            both = f'write source="{first.source}" if both are from there, else ' if source is None else ""
            raise wrong(
                place,
                f"@event_handler names {first.name!r}, whose event type is from {first.source!r}, and {name!r}, which "
                f"is {whose}: {both}write a handler for each",
            )
    return first.source


def _indexes(place: Place, indexes: Mapping[str, str | tuple[str, str]] | None) -> Mapping[str, tuple[str, ...]]:
    if indexes is not None and not isinstance(indexes, Mapping):
        raise wrong(place, f'indexes={indexes!r} is no mapping: write indexes={{"by_status": ("status", "placed_at")}}')
    return {
        plain_name(place, "index", name): field_names(place, f"indexes[{name!r}]", fields, 2)
        for name, fields in (indexes or {}).items()
    }


def _listed(events: tuple[str, ...]) -> str:
    return ", ".join(map(repr, events))


def _label(fn: Callable[..., Any]) -> str:
    return identity(fn)[1]
