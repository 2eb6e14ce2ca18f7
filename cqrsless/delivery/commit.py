"""A delivered commit: its item, and its events as the messages that handlers receive."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..aggregates.commits import event_id, metadata_of, moment, read_head, stored_events
from ..errors import UnknownEvent
from ..messages import NOTHING, Message
from ..states import PayloadCodec
from ..store import Item

if TYPE_CHECKING:
    from ..registry import EventModel

#: An event of a commit, brought up to date: its sequence, name and payload.
Told: TypeAlias = "tuple[int, str, Any]"
#: What a commit's number and its time (microseconds) are below: what every store holds, and what a datetime tells.
NUMBERS_END: Final = 2**63
TIMES_END: Final = 253_402_300_800_000_000
_EVENTS: Final = (str, bytes)


def check(item: Item) -> None:
    """Raise `ValueError` where an item is no commit, so that it fails before any consumer relies on what it lacks.

    >>> check({"pk": "Order#o-1", "c": 1, "time": None, "seq": 0, "head": "{}"})
    Traceback (most recent call last):
    ...
    ValueError: Order#o-1@1 is no commit: its 'time' is None
    """
    pk, number, time, head = item.get("pk"), item.get("c"), item.get("time"), item.get("head")
    holds = {
        "pk": type(pk) is str and pk != "",
        "c": type(number) is int and 0 < number < NUMBERS_END,
        "time": type(time) is int and 0 < time < TIMES_END,
        "seq": type(item.get("seq")) is int,
        "head": type(head) is str,
        "events": "events" not in item or type(item["events"]) in _EVENTS,
        "names": type(item["names"]) is dict if "names" in item else "events" not in item,
    }
    wrong = next((name for name, is_right in holds.items() if not is_right), None)
    if wrong is None and "names" in item and "events" not in item:
        wrong = "events"
    if wrong is not None:
        what = repr(item[wrong])[:100] if wrong in item else "missing"
        raise ValueError(f"{pk}@{number} is no commit: its {wrong!r} is {what}")


class Decoder:
    """Brings stored events up to date by the event types of a model; an event without one comes as it is stored."""

    def __init__(self, events: Mapping[str, EventModel]) -> None:
        self._events = events
        self._codecs: dict[str, PayloadCodec] = {}

    def stored_names(self, name: str) -> frozenset[str]:
        """Give every name that an event may be stored under: its present one and its former ones."""
        event = self._events.get(name)
        return frozenset((name,)) if event is None else frozenset((event.name, *event.was))

    def present(self, stored: list[Any], pk: str) -> tuple[str, Any]:
        name = stored[0]
        event = self._events.get(name)
        if event is None:
            return name, stored[1]
        version = stored[2] if len(stored) > 2 else 1
        if version > event.version:
            raise UnknownEvent(
                f"{pk} holds {name} of version {version}, and this application knows version {event.version}: deploy "
                "the newer code"
            )
        codec = self._codecs.get(event.name)
        if codec is None:
            codec = self._codecs[event.name] = PayloadCodec(
                event.name, schema=event.schema, version=event.version, upcasters=event.upcasters
            )
        return event.name, codec.decode(stored[1], version)


class Commit:
    """One commit on its way to consumers; what is not asked for is not decoded."""

    __slots__ = ("_decoder", "_head", "item", "names", "number", "pk")

    def __init__(self, item: Item, decoder: Decoder) -> None:
        self.item = item
        self.pk: str = item["pk"]
        self.number: int = item["c"]
        #: The names of its events, as stored.
        self.names: Mapping[str, Any] = item.get("names", NOTHING)
        self._decoder = decoder
        self._head: dict[str, Any] | None = None

    @property
    def aggregate(self) -> str:
        return self.pk.partition("#")[0]

    @property
    def aggregate_id(self) -> str:
        return self.pk.partition("#")[2]

    @property
    def time(self) -> datetime:
        return moment(self.item["time"])

    @property
    def microseconds(self) -> int:
        time: int = self.item["time"]
        return time

    @property
    def head(self) -> dict[str, Any]:
        if self._head is None:
            self._head = read_head(self.item)
        return self._head

    @property
    def last(self) -> Mapping[str, int]:
        """For each event name the aggregate has had, the last earlier commit with it."""
        last: Mapping[str, int] = self.head.get("last", {})
        return last

    def events(self, wanted: Container[str]) -> list[Told]:
        """Give the events whose stored name is wanted, in order, each with a payload of its own."""
        item, pk, present = self.item, self.pk, self._decoder.present
        stored = stored_events(item)
        sequence = item["seq"] - len(stored)
        found: list[Told] = []
        for event in stored:
            sequence += 1
            if event[0] in wanted:
                name, payload = present(event, pk)
                found.append((sequence, name, payload))
        return found

    def message(self, event: Told, attempt: int = 1, replaying: bool = False) -> Message:
        """Give one of its events as the message that a handler receives."""
        sequence, name, payload = event
        head, (aggregate, _, aggregate_id), time = self.head, self.pk.partition("#"), moment(self.item["time"])
        metadata = metadata_of(head)
        own: Message = tuple.__new__(Message, (
            event_id(self.pk, sequence), name, "event", payload, time, aggregate, head.get("actor"), NOTHING,
            metadata["correlation_id"], head["id"], aggregate_id, self.number, sequence, attempt, replaying,
            None, metadata, None, None, time,
        ))  # fmt: skip
        return own

    def messages(self, wanted: Container[str], attempt: int = 1, replaying: bool = False) -> list[Message]:
        """Give the events whose stored name is wanted, in order, each as a message with a payload of its own."""
        return [self.message(event, attempt, replaying) for event in self.events(wanted)]
