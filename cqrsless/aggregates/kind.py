"""What the code says of one type of aggregate: how its states and events are stored, and how events fold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .. import codec
from ..errors import InvalidReturn, SerializationFailed, UnknownEvent
from ..keys import aggregate_key, has_control
from ..messages import Message, RecordedEvent
from ..registry import DELETED, defined
from ..registry.names import did_you_mean
from ..states import PayloadCodec, state_codec, upcast
from ..store import Item, item_size
from .commits import (
    Encoded,
    event_id,
    metadata_after,
    metadata_of,
    moment,
    read_head,
    stored_events,
    stored_events_of,
)
from .snapshots import Reach

if TYPE_CHECKING:
    from ..registry import AggregateModel, EventModel

Evolve = Callable[..., Any]
_new: Final = tuple.__new__  # a named tuple's own takes twice as long
#: Codecs that are kept for events without a registration.
MOST_CODECS: Final = 1000
#: As for the names that decorators take.
LONGEST_NAME: Final = 255


#: The commit that is about to be written: whose it is, its number, its time in microseconds.
Coming: TypeAlias = tuple[Message, int, int]


class Kind:
    """An aggregate's type, compiled from its registration; a new registration makes a new one.

    But for what `reach` has seen it never changes.
    """

    def __init__(self, model: AggregateModel, events: Mapping[str, EventModel]) -> None:
        record = model.record
        self.record = record
        self.name = record.name
        self.id_field = record.id_field
        self.event_sourced = record.event_sourced
        self.state_version = record.state_version
        self.every = record.snapshot_every if record.event_sourced else 1
        self.reach = Reach(self.every)
        self.codec = state_codec(record.state, record.name, event_sourced=record.event_sourced)
        self.shared = self.codec.shared
        self.copied = self.codec.copied
        #: Whether a state is kept as an object, and not as its text alone.
        self.keeps = self.shared or self.copied is not None
        #: Bytes that a snapshot takes beside its text: the names of its attributes, and the version.
        self.snapshot_overhead = item_size({"state": "", "sv": record.state_version})
        self._state_upcasters = model.state_upcasters
        self._evolvers: dict[str, tuple[Evolve, bool]] = {
            name: (evolver.fn, bool(evolver.inject)) for name, evolver in model.evolvers.items()
        }
        self._events = events
        self._payloads: dict[str, PayloadCodec] = {}
        #: What folds the events whose payload is just as it is stored, for evolvers that take nothing else.
        self.plain: dict[str, Evolve] = {}
        known = range(record.state_version, 0, -1)
        steps = takewhile(lambda version: version - 1 in model.state_upcasters, known)
        #: The versions of a stored state that this code reads.
        self._reads = frozenset((record.state_version, *(version - 1 for version in steps)))

    # -- events

    def knows(self, name: str) -> bool:
        return name in self._evolvers or name in self._events

    def payload_codec(self, name: str) -> PayloadCodec:
        """Give the codec of an event by its name, present or former."""
        found = self._payloads.get(name)
        if found is None:
            event = self._events.get(name)
            if not self.knows(name):
                check_event_name(self.name, name)
            found = (
                PayloadCodec(name)
                if event is None
                else PayloadCodec(event.name, schema=event.schema, version=event.version, upcasters=event.upcasters)
            )
            if len(self._payloads) < MOST_CODECS or self.knows(name):  # there is no end to names out of thin air
                self._payloads[name] = found
                if (event is None or event.schema is None) and found.version == 1 and found.name == name:
                    self._fold_plainly(name)
        return found

    def _fold_plainly(self, name: str) -> None:
        fn, wants_message = self._evolvers.get(name, (_unchanged, False))
        if not wants_message:
            self.plain[name] = fn

    def encode(self, name: str, payload: Any) -> Encoded:
        how = self._payloads.get(name)
        if how is None:
            how = self._recordable(name)
        text, copy = codec.encode(payload, how.what) if how.plain else how.encode(payload)
        return _new(Encoded, (how.name, copy, f"{how.opening}{text}{how.closing}"))

    def _recordable(self, name: str) -> PayloadCodec:
        """Give the codec of an event that may be recorded: one that can be folded again."""
        if self.event_sourced and not self.knows(name):
            raise UnknownEvent(
                f"{self.name} is about to record {name}, which this application could not fold again: "
                f"add @evolver({name!r}, aggregate={self.name!r}), or event_type({name!r}) if it changes no state"
                f"{did_you_mean(name, self._evolvers)}"
            )
        return self.payload_codec(name)

    def decode(self, stored: list[Any], pk: str) -> tuple[str, Any]:
        """Bring a stored event up to date: its present name and payload."""
        name = stored[0]
        version = stored[2] if len(stored) > 2 else 1
        if self.event_sourced and not self.knows(name):
            raise UnknownEvent(
                f"{pk} holds {name}, which this application does not know: deploy the code that records it, "
                f"add @evolver({name!r}, aggregate={self.name!r}), or event_type({name!r}) if it changes no state"
            )
        how = self.payload_codec(name)
        if version > how.version:
            raise UnknownEvent(
                f"{pk} holds {name} of version {version}, and this application knows version {how.version}: "
                "deploy the newer code"
            )
        return how.name, how.decode(stored[1], version)

    def recorded(self, item: Item) -> tuple[RecordedEvent, ...]:
        """Give a commit's events as a reader sees them today."""
        stored = stored_events(item)
        if not stored:
            return ()
        head = read_head(item)
        pk, first, time = item["pk"], item["seq"] - len(stored) + 1, moment(item["time"])
        return tuple(
            RecordedEvent(*self.decode(event, pk), sequence, item["c"], event_id(pk, sequence), time, metadata_of(head))
            for sequence, event in enumerate(stored, first)
        )

    # -- states

    def read(self, text: str) -> Any:
        """Make a state of its stored text: a private copy."""
        return self.codec.read(codec.decode(text))

    def usable(self, item: Item) -> bool:
        """Say whether a load may stand on this commit: it bears a state that this code reads."""
        return not self.event_sourced or item.get("sv") in self._reads

    def is_current(self, item: Item) -> bool:
        """Say whether the state that a usable commit bears needs no upcasting."""
        return bool(item["sv"] == self.state_version)

    def state_in(self, item: Item) -> Any:
        """Read the state that a usable commit bears, brought up to date; `None` where nothing exists."""
        body = item.get("state")
        if body is None:
            if "void" in item:
                return None
            raise SerializationFailed(
                f"commit {item['c']} of {item['pk']} bears no state: was {self.name} event-sourced when it was made? "
                "Make it so again, or give the new kind a new name"
            )
        version = item["sv"]
        if version not in self._reads:
            raise SerializationFailed(
                f"{item['pk']} is stored with state_version {version}, and this application reads "
                f"{self.state_version}: deploy the newer code"
            )
        stored = codec.decode(codec.inflate(body))
        for step in range(version, self.state_version):
            stored = upcast(self._state_upcasters[step], stored, f"the state of {self.name}")
        return self.codec.read(stored)

    def fold(self, state: Any, items: Sequence[Item]) -> Any:
        """Fold the events of stored commits into a state that may be changed in place; `DELETED` ends it."""
        plain = self.plain
        for item, events in zip(items, stored_events_of(items), strict=True):
            if state is DELETED:
                break  # what comes behind is refusals, and changes nothing
            if len(events) == 1 and len(events[0]) == 2:
                name, payload = events[0]
                fn = plain.get(name)
                if fn is not None:
                    state = fn(state, payload)
                    if state is None:
                        raise no_state(fn, name)
                    continue
            present = [self.decode(event, item["pk"]) for event in events]
            state = self.evolve(state, item, present, item["seq"] - len(events))
        return state

    def evolve(self, state: Any, source: Item | Coming, events: Iterable[Sequence[Any]], sequence: int) -> Any:
        """Fold the events of one commit, with the sequence before them, into a state that may be changed in place.

        An event is a name and a payload, which an evolver may change in place, too.
        """
        evolvers = self._evolvers
        for event in events:
            sequence += 1
            name = event[0]
            if name not in evolvers:
                continue
            if state is DELETED:
                raise InvalidReturn(
                    f"{name} follows an event that deleted its {self.name}: what is deleted has no more events"
                )
            fn, wants_message = evolvers[name]
            if wants_message:
                state = fn(state, event[1], message=self._message(name, event[1], source, sequence))
            else:
                state = fn(state, event[1])
            if state is None:
                raise no_state(fn, name)
        return state

    def _message(self, name: str, payload: Any, source: Item | Coming, sequence: int) -> Message:
        """Give the event's message, the same whether it was just decided or read from the store."""
        if isinstance(source, tuple):
            command, number, time = source
            aggregate_id, command_source = command.aggregate_id or "", command.source
            metadata = metadata_after(command)
        else:
            head = read_head(source)
            number, time, aggregate_id = source["c"], source["time"], source["pk"].partition("#")[2]
            command_source, metadata = head["source"], metadata_of(head)
        return Message(
            event_id(aggregate_key(self.name, aggregate_id), sequence),
            name,
            "event",
            payload,
            moment(time),
            command_source,
            metadata.get("actor"),
            correlation_id=metadata["correlation_id"],
            causation_id=metadata["causation_id"],
            aggregate_id=aggregate_id,
            version=number,
            sequence=sequence,
            metadata=metadata,
        )


def _unchanged(state: Any, payload: Any) -> Any:
    return state


def no_state(fn: Evolve, name: str) -> InvalidReturn:
    return InvalidReturn(
        f"the evolver {defined(fn)} of {name} returned None: return the state after the event, even where it was "
        "changed in place"
    )


def check_event_name(kind: str, name: object) -> None:
    """Refuse an event name that no handler could be registered for."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or has_control(name):
        raise InvalidReturn(
            f"{kind} is about to record an event named {name!a}: "
            f"a name is a string of 1 to {LONGEST_NAME} characters, without control characters"
        )
