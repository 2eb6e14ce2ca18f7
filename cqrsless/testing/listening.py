"""Who listens to events in a test: the application's own handlers, projectors and publishers, with nothing behind them.

What a handler asks for is noted and not carried out; a command is checked as far as it can be without its aggregate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from ..app import App
from ..codec import encode
from ..delivery.commit import Commit
from ..delivery.consuming import Feeder
from ..delivery.places import Places
from ..describing.dropped import dropped
from ..dispatcher import CommandPlan, Dispatcher
from ..errors import GiveUp, RetryLater, UnknownMessage
from ..messages import Command, Cost, Message, name_of
from ..processors.effects import Effects
from ..processors.external import ExternalEvents
from ..processors.handlers import Handler, Handlers, event_handlers
from ..processors.scheduling import Scheduling, check_id, due_time
from ..projections.applying import ViewConsumer
from ..publishing.cloudevents import Envelopes
from ..publishing.published import Published
from ..publishing.publishers import Outbox, publishers
from ..registry import Cancel, EventHandlerRecord, ProcessorRecord, ProjectorRecord, PublisherRecord, near_or_all
from ..store import Item
from .differences import differences, due_at

__all__ = ["Effect", "Listeners", "Recorded"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True


class Effect(NamedTuple):
    """One thing that a handler asked for: a command with the message that it becomes, or what it cancels."""

    what: Command | Cancel
    message: Message | None = None
    due: datetime | None = None

    @property
    def id(self) -> str:
        return self.what.id if isinstance(self.what, Cancel) else "" if self.message is None else self.message.id

    def told(self) -> tuple[Any, ...]:
        """Give what is the same each time that a handler asks for the same."""
        return self.id, self.due, None if self.message is None else self.message.replace(attempt=1)

    def differences(self, expected: Command) -> list[str]:
        """Say where this command is another than the expected one, of which only what it says is compared."""
        assert isinstance(self.what, Command) and self.message is not None
        got, message = self.what, self.message
        due = None if expected.due is None else due_time(expected.due, message.time, expected.name)
        pairs: list[tuple[str, Any, Any]] = [
            ("name", expected.name, got.name),
            ("payload", encode(expected.payload, "the expected payload")[1], encode(got.payload, "the payload")[1]),
            ("expected_version", expected.expected_version, got.expected_version),
            ("on_rejected", _name(expected), _name(got)),
        ]
        if expected.id is not None:
            pairs.append(("id", expected.id, message.id))
        if expected.metadata:
            pairs.append(("metadata", dict(expected.metadata), dict(got.metadata)))
        lines = [line for name, one, other in pairs for line in differences(one, other, name)]
        if due != self.due:
            lines.append(f"due: expected {due_at(due, message.time)}, got {due_at(self.due, message.time)}")
        return lines


class Recorded:
    """What the handlers asked for, in order; `raised` is the `RetryLater` or `GiveUp` of the first that raised one."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.raised: RetryLater | GiveUp | None = None


class Listeners:
    """The handlers of commits and of external events, the projectors and the publishers of one application.

    `processor` leaves out the handlers of all others.
    """

    def __init__(self, app: App, processor: ProcessorRecord | str | None) -> None:
        self._app = app
        model = app.model
        self._surroundings = app.compiled.dispatcher.surroundings
        self._decoder = app.compiled.reactions.decoder
        chosen = processor.name if isinstance(processor, ProcessorRecord) else processor
        known = {one.processor: None for one in model.event_handlers}
        if chosen is not None and chosen not in known:
            raise UnknownMessage(f"no event handler is of the processor {chosen!r}{near_or_all(chosen, known)}")
        mine = [one for one in model.event_handlers if chosen in (None, one.processor)]
        self.handlers = [one for one in mine if one.source is None]
        self.external = [one for one in mine if one.source is not None]
        self.publishers = Envelopes(model) if model.publishers else None
        self._stored = {
            stored
            for names in _names(self.handlers, model.projectors, model.publishers)
            for name in names
            for stored in self._decoder.stored_names(name)
        }
        id_fields = {name: aggregate.record.id_field for name, aggregate in model.aggregates.items()}
        places = Places(app.store)
        self._feeder = Feeder(app.store, places, self._decoder)
        self._views = [
            _Projecting(
                view,
                model.projectors,
                id_fields=id_fields,
                decoder=self._decoder,
                places=places,
                inject=self._surroundings.injected,
                now=app.now,
                processor=None if view.processor is None else model.processors[view.processor],
            )
            for view in model.views.values()
        ]

    def listens(self, commit: Commit) -> bool:
        return not self._stored.isdisjoint(commit.names)

    def listens_to(self, message: Message) -> bool:
        return any(message.source == one.source and message.name in one.names for one in self.external)

    def names(self, source: str | None) -> list[str]:
        """Give the names of events that are listened to: those of a source, or those that are committed here."""
        if source is not None:
            return [name for one in self.external if one.source == source for name in one.names]
        return sorted(self._stored)

    def check_dropped(self, names: Sequence[str], *, of_publishers: bool = False) -> None:
        """Refuse a handler, or publisher, of these events that neither returns nor yields what it makes."""
        for one in self._app.model.publishers if of_publishers else (*self.handlers, *self.external):
            if not {*names}.isdisjoint(one.names):
                told = dropped(one.fn)
                if told:
                    raise AssertionError(told)

    def call(self, commit: Commit | None, message: Message | None, attempt: int, recorded: Recorded) -> None:
        """Call every handler of an event. What it raises comes as it is, but for what steers its processor."""
        effects = _Noting(self._app.compiled.dispatcher, recorded)
        if commit is not None:
            for name in dict.fromkeys(one.processor for one in self.handlers):
                mine = self._made([one for one in self.handlers if one.processor == name], effects, recorded)
                Handlers(mine, self._decoder).handle(commit, attempt)
        elif message is not None:
            made = self._made(self.external, effects, recorded)
            pairs = [(str(one.source), handler) for one, handler in zip(self.external, made, strict=True)]
            ExternalEvents(pairs, self._app.model.events).receive(message)

    def publish(self, commit: Commit, attempt: int, sender: Published) -> None:
        if self.publishers is not None:
            made = publishers(self._app.model, self._surroundings, self.publishers, Outbox(sender))
            Handlers(made, self._decoder).handle(commit, attempt)

    def project(self, commit: Commit) -> None:
        """Bring every view up to a commit; a projector's own exception comes as it is."""
        for view in self._views:
            self._feeder.feed(view, commit, Cost())

    def _made(self, records: Sequence[EventHandlerRecord], effects: Effects, recorded: Recorded) -> list[Handler]:
        return [_Steered(one, recorded) for one in event_handlers(records, self._surroundings, effects)]


class _Steered:
    """A handler whose `RetryLater` and `GiveUp` are noted, and keep no other from the event."""

    def __init__(self, handler: Handler, recorded: Recorded) -> None:
        self.names = handler.names
        self.replay = handler.replay
        self.label = handler.label
        self._handle = handler.handle
        self._recorded = recorded

    def handle(self, message: Message) -> None:
        try:
            self._handle(message)
        except (RetryLater, GiveUp) as error:
            self._recorded.raised = self._recorded.raised or error


class _Projecting(ViewConsumer):
    """A view whose projectors' failures are the test's."""

    def _failed(self, place: Item, commit: Commit, error: Exception, cost: Cost) -> Item:
        raise error


class _Cancelling(Scheduling):
    """Notes what handlers cancel."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def cancel(self, id: str) -> None:
        check_id(id, "what is cancelled")
        self._recorded.effects.append(Effect(Cancel(id)))


class _Noting(Effects):
    """Notes the commands that handlers ask for, under the ids that these have; of each is checked what can be."""

    def __init__(self, dispatcher: Dispatcher, recorded: Recorded) -> None:
        super().__init__(dispatcher.model, dispatcher.dispatch, _Cancelling(recorded))
        self._dispatcher = dispatcher
        self._recorded = recorded

    def _send(self, command: Command, message: Message) -> None:
        record = self._dispatcher.model.commands.get(command.name)
        if record is None:
            self._dispatcher.dispatch(message)  # which says what there is of a near name
        else:
            CommandPlan(record, self._dispatcher).check(message)
        due = None if command.due is None else due_time(command.due, message.time, command.name)
        self._recorded.effects.append(Effect(command, message, due))


def _names(
    handlers: Iterable[EventHandlerRecord], projectors: Iterable[ProjectorRecord], senders: Iterable[PublisherRecord]
) -> Iterator[tuple[str, ...]]:
    yield from (one.names for one in handlers)
    yield from (one.names for one in projectors)
    yield from (one.names for one in senders)


def _name(command: Command) -> str | None:
    return None if command.on_rejected is None else name_of(command.on_rejected)
