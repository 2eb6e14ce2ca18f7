"""The decorators for what changes over time: an event's names and versions, and a stored state's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .calls import told
from .decorations import OnPayload
from .names import UNNAMED, event_names, message_name, name_of, schema_or_none, whole_number, wrong
from .options import called
from .places import site_of_caller, site_of_decoration
from .records import AggregateRecord, EventType, Schema, StateUpcasterRecord, UpcasterRecord
from .shapes import plain_shape_of
from .shelves import ShelfWriter

__all__ = ["VersioningDecorators"]

F = TypeVar("F", bound=Callable[..., Any])


class VersioningDecorators(ShelfWriter):
    """`event_type`, `upcaster` and `state_upcaster`."""

    __slots__ = ()

    @told('event_type("OrderShipped")')
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
            was=event_names(place, "was=", former) if former else (),
            place=place,
        )
        if name in record.was:
            raise wrong(place, f"event type {name!r} has its own name among its former ones: was={former!r}")
        self._register(lambda: self._shelves.event_types.put(name, f"event type {name!r}", record, site))
        return record

    @told('@upcaster("OrderShipped", from_version=1)')
    def upcaster(self, name: str | EventType = UNNAMED, *, from_version: int) -> OnPayload:
        """Bring an event's old payload one version up: `def up(payload)` gets a copy and returns the new payload.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> OrderShipped = orders.event_type("OrderShipped", version=2)
        >>> @orders.upcaster(OrderShipped, from_version=1)
        ... def name_the_carrier(payload):
        ...     return {**payload, "carrier": "post"}
        """
        site = site_of_caller()
        event = event_names(site.place, "@upcaster", () if name is UNNAMED else (name,))[0]
        whole_number(site.place, "from_version", from_version, 1)
        what = f"upcaster of event {event!r} from version {from_version}"

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            plain_shape_of(here.place, what, fn, ("payload",))
            record = UpcasterRecord(event, from_version, called(fn), here.place)
            self._register(lambda: self._shelves.upcasters.put((event, from_version), what, record, here, fn))
            return fn

        return decorate

    @told('@state_upcaster("Order", from_version=1)')
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
