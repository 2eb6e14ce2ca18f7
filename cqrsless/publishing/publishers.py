"""Publishers: run as the ordered processor `publisher`, each commit's public events sent before its place moves on.

A crash in between sends them again, with the same ids. What the commits of a batch publish is sent together first,
where they come in order; taking a commit then finds its events sent. What does not come in order, or was not taken,
is left to that commit's own turn.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, Final

from .. import tracing
from ..delivery.commit import Commit
from ..delivery.consuming import Feeder
from ..delivery.order import Verdict, judge, previous
from ..delivery.parking import tries
from ..delivery.places import applied
from ..errors import InvalidReturn, a_type
from ..logs import handling
from ..messages import Cost, Event, Message
from ..processors.handlers import labels
from ..processors.identities import identity
from ..processors.ordered import ProcessorConsumer
from ..registry import Model, ProcessorRecord, PublisherRecord, defined
from ..surroundings import Surroundings
from .cloudevents import Envelope, Envelopes
from .sending import Sender

__all__ = ["PUBLISHER", "Outbox", "Publisher", "PublisherTaker", "publishers"]

#: The processor that publishers run as.
PUBLISHER: Final = ProcessorRecord("publisher")
#: A publisher's turn: the domain event's id and the publisher.
Turn = tuple[str, str]


class Outbox:
    """Sends public events, and remembers what became of those that were sent ahead of their turn."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._ahead = threading.local()  # a batch is taken by one thread

    def send_ahead(self, turns: Sequence[tuple[Turn, Sequence[Envelope]]]) -> None:
        outcomes = iter(self._sender.send([envelope for _, envelopes in turns for envelope in envelopes]))
        self._ahead.sent = {turn: [next(outcomes) for _ in envelopes] for turn, envelopes in turns}

    def forget(self) -> None:
        self._ahead.sent = {}

    @contextmanager
    def taking(self) -> Generator[None, None, None]:
        """Let `sent` tell of this batch. What a retry sends later is not answered by what became of it then."""
        self._ahead.taking = True
        try:
            yield
        finally:
            self._ahead.taking = False

    def sent(self, turn: Turn) -> list[Exception | None] | None:
        """Give what became of a turn's events, once, if they were sent ahead with the batch that is taken."""
        found: dict[Turn, list[Exception | None]] = getattr(self._ahead, "sent", {})
        return found.pop(turn, None) if getattr(self._ahead, "taking", False) else None

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        return self._sender.send(envelopes)


class Publisher:
    """A registered publisher, with the application's middleware around it. It takes part in no replay."""

    replay = False

    def __init__(
        self, record: PublisherRecord, label: str, surroundings: Surroundings, envelopes: Envelopes, outbox: Outbox
    ) -> None:
        self.names = record.names
        self.label = label
        self._record = record
        self._surroundings = surroundings
        self._envelopes = envelopes
        self._outbox = outbox
        self._step = surroundings.around((), self._call)

    def handle(self, message: Message) -> None:
        """Publish what a domain event becomes, unless that was sent ahead; raise if a target did not take it."""
        outcomes = self._outbox.sent(self.turn(message))
        if outcomes is None:
            outcomes = self._outbox.send(self.make(message))
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    def turn(self, message: Message) -> Turn:
        return message.id, self.label

    def make(self, message: Message) -> list[Envelope]:
        """Call the function, and give what is to be sent."""
        if tracing.on():
            with tracing.consuming(message, PUBLISHER.name, self.label):
                return self._make(message)
        return self._make(message)

    def _make(self, message: Message) -> list[Envelope]:
        to = self._record.to
        return [
            self._envelopes.envelope(to, event, message, identity("published", message.id, self.label, to, str(at)))
            for at, event in enumerate(self._events(self._step(message)))
        ]

    def _call(self, message: Message) -> Any:
        record = self._record
        return self._events(record.fn(message.payload, **self._surroundings.injected(record.inject, message)))

    def _events(self, given: Any) -> list[Event]:
        if given is None:
            return []
        if isinstance(given, Event):
            return [given]
        if isinstance(given, (str, bytes, dict)) or not isinstance(given, Iterable):
            raise self._wrong(given)
        events: list[Event] = []
        for event in given:
            if not isinstance(event, Event):
                raise self._wrong(event)
            events.append(event)
        return events

    def _wrong(self, given: object) -> InvalidReturn:
        return InvalidReturn(
            f"publisher {defined(self._record.fn)} returned {a_type(given)}: return the public Event, several, or "
            "nothing"
        )


def publishers(model: Model, surroundings: Surroundings, envelopes: Envelopes, outbox: Outbox) -> list[Publisher]:
    """Make an application's publishers, in the order of their registration."""
    names = labels([record.fn for record in model.publishers])
    return [
        Publisher(record, label, surroundings, envelopes, outbox)
        for record, label in zip(model.publishers, names, strict=True)
    ]


class PublisherTaker:
    """Takes delivered commits for the publishers, and sends what a whole batch publishes together."""

    def __init__(self, consumer: ProcessorConsumer, feeder: Feeder, outbox: Outbox) -> None:
        self.name = consumer.name
        self._consumer = consumer
        self._feeder = feeder
        self._outbox = outbox

    def take(self, commit: Commit, cost: Cost) -> None:
        with self._outbox.taking():
            self._feeder.feed(self._consumer, commit, cost)

    def prepare(self, commits: Sequence[Commit], cost: Cost) -> None:
        """Send ahead what these commits publish, as far as each is the next of its aggregate."""
        self._outbox.forget()
        turns: list[tuple[Turn, Sequence[Envelope]]] = []
        marks: dict[str, int] = {}
        stuck: set[str] = set()
        for commit in commits:
            if commit.pk in stuck or self._consumer.stored_names.isdisjoint(commit.names):
                continue
            attempt = self._turn_of(commit, marks, cost)
            if attempt is None:
                stuck.add(commit.pk)
            elif attempt:
                made = self._made(commit, attempt)
                if made is None:
                    stuck.add(commit.pk)
                else:
                    turns += made
                    marks[commit.pk] = commit.number
        self._outbox.send_ahead(turns)

    def _turn_of(self, commit: Commit, marks: dict[str, int], cost: Cost) -> int | None:
        """Give the attempt that a commit's turn is; 0 where it was taken already, `None` where it is not its turn."""
        _, place = self._feeder.locate(self._consumer, commit, cost, fresh=False)
        if place is not None and "parked" in place:
            return None
        last = marks.get(commit.pk, applied(place))
        verdict = judge(commit.number, previous(commit.last, self._consumer.stored_names, commit.number), last)
        if verdict is Verdict.REPEAT or (last == 0 and commit.microseconds < self._consumer.since):
            return 0
        return tries(place, commit.number) + 1 if verdict is Verdict.NEXT else None

    def _made(self, commit: Commit, attempt: int) -> list[tuple[Turn, Sequence[Envelope]]] | None:
        made: list[tuple[Turn, Sequence[Envelope]]] = []
        try:
            for handler, message in self._consumer.handlers.calls(commit, attempt, replaying=self._consumer.replays):
                if isinstance(handler, Publisher):
                    with handling(message):
                        made.append((handler.turn(message), handler.make(message)))
        except Exception:  # it is called again in its own turn, where a failure is logged and counted
            return None
        return made
