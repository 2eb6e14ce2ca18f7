"""One event handler: how its function is called, and what becomes of what it returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from .. import tracing
from ..delivery.commit import Commit, Decoder, Told
from ..errors import InvalidReturn, MalformedMessage, UnknownMessage, ValidationFailed, returned
from ..logs import current_message
from ..messages import Command, Message
from ..registry import Cancel, EventHandlerRecord, defined
from ..surroundings import Surroundings
from .effects import Effects
from .identities import identity
from .scheduling import due_time

__all__ = ["EventHandler", "Handler", "Handlers", "event_handlers", "idempotency_key", "labels"]

Effect: TypeAlias = "Command | Cancel"


class Handler(Protocol):
    """What a processor calls with an event: a handler of the user's, or a publisher."""

    @property
    def names(self) -> tuple[str, ...]:
        """The events that it handles, by their present names."""
        ...

    @property
    def replay(self) -> bool:
        """Whether it takes part in a replay."""
        ...

    @property
    def label(self) -> str:
        """What it is called where the same handler has to be known again, also after a deploy."""
        ...

    def handle(self, message: Message) -> None: ...


def labels(functions: Sequence[Callable[..., Any]]) -> list[str]:
    """Name the functions of one processor: by their own names, with as much more as tells them apart.

    >>> labels([labels, len, labels])
    ['cqrsless.processors.handlers.labels', 'len', 'cqrsless.processors.handlers.labels~2']
    """
    names = [_qualname(fn) for fn in functions]
    shared = {name for name, times in Counter(names).items() if times > 1}
    full = [
        f"{getattr(fn, '__module__', '')}.{name}" if name in shared else name
        for fn, name in zip(functions, names, strict=True)
    ]
    seen: Counter[str] = Counter()
    found: list[str] = []
    for name in full:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return found


def _qualname(fn: Callable[..., Any]) -> str:
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)


def idempotency_key(event_id: str, processor: str, handler: str) -> str:
    """Give what is the same whenever this handler sees this event: 32 characters that any header or API takes.

    >>> idempotency_key("Order#o-1@3", "mailer", "tell_customer")
    'cae888011332d474dfe9487f69b5c7fc'
    """
    return identity("idempotency", event_id, processor, handler)


class EventHandler:
    """A registered event handler, with the middleware around it."""

    def __init__(self, record: EventHandlerRecord, label: str, surroundings: Surroundings, effects: Effects) -> None:
        self.names = record.names
        self.replay = record.replay
        self.label = label
        self.processor = record.processor
        self._record = record
        self._surroundings = surroundings
        self._effects = effects
        self._step = surroundings.around(record.middleware, self._call)
        plain = self._step == self._call
        #: Whether anybody gets to see the message, and the key that is made for that.
        self._shows = "message" in record.inject or not plain
        #: A function that takes the payload and nothing else, with nothing around it: no message need be made.
        self.alone: Callable[[Any], Any] | None = record.fn if plain and not record.inject else None

    def handle(self, message: Message) -> None:
        """Call the function and carry out what it returned."""
        if tracing.on():
            with tracing.consuming(message, self.processor, self.label):
                self._handle(message)
        else:
            self._handle(message)

    def _handle(self, message: Message) -> None:
        if self.alone is not None:
            given = self.alone(message.payload)
        elif self._shows:
            key = idempotency_key(message.id, self.processor, self.label)
            given = self._step(message.replace(idempotency_key=key))
        else:
            given = self._step(message)
        if given is not None:
            self.carry_out(given, message)

    def carry_out(self, given: Any, message: Message) -> None:
        """Do what the function returned; in a replay that is left out."""
        wanted = self._wanted(given)
        if wanted and not message.replaying:
            for effect in wanted:
                if isinstance(effect, Command) and effect.due is not None:
                    self._check_due(effect.due, message, effect.name)
            try:
                self._effects.perform(wanted, message, self.processor, self.label)
            except UnknownMessage as error:
                raise UnknownMessage(
                    f"{self._told()} returned a Command that nothing handles: mend its name, or write its handler: "
                    f"{error}"
                ) from error
            except (ValidationFailed, MalformedMessage) as error:  # told to nobody else, who would know who asked
                error.args = (f"{self._told()} returned a Command that is refused: {error}",)
                raise

    def _check_due(self, due: datetime | timedelta, message: Message, name: str) -> None:
        try:
            due_time(due, message.time, name)
        except (TypeError, ValueError) as error:
            raise InvalidReturn(f"{self._told()} returned a Command: {error}") from error

    def _call(self, message: Message) -> Any:
        record = self._record
        injected = self._surroundings.injected(record.inject, message) if record.inject else {}
        given = record.fn(message.payload, **injected)
        # A generator runs here, inside the middleware, and to its end: a half of its commands is never carried out.
        return [] if given is None else self._wanted(given)

    def _wanted(self, given: Any) -> list[Effect]:
        if given is None or given == []:
            return []
        if isinstance(given, (Command, Cancel)):
            return [given]
        if isinstance(given, (str, bytes, dict)) or not isinstance(given, Iterable):
            raise self._wrong(given)
        wanted: list[Effect] = []
        for effect in given:
            if not isinstance(effect, (Command, Cancel)):
                raise self._wrong(effect)
            wanted.append(effect)
        return wanted

    def _wrong(self, given: object) -> InvalidReturn:
        return InvalidReturn(
            f"{self._told()} returned {returned(given)}: return nothing, a Command, cancel(id), or several of these"
        )

    def _told(self) -> str:
        return f"event handler {defined(self._record.fn)} of processor {self.processor!r}"


def event_handlers(
    records: Sequence[EventHandlerRecord], surroundings: Surroundings, effects: Effects
) -> list[EventHandler]:
    """Make the handlers of one processor, in the order of their registration."""
    names = labels([record.fn for record in records])
    return [EventHandler(record, label, surroundings, effects) for record, label in zip(records, names, strict=True)]


class Handlers:
    """The handlers of one processor, by the events that they handle."""

    def __init__(self, handlers: Iterable[Handler], decoder: Decoder) -> None:
        #: Each handler, and the same again where it needs no message to be called.
        self._by_name: dict[str, list[tuple[Handler, EventHandler | None]]] = {}
        for handler in handlers:
            plain = handler if isinstance(handler, EventHandler) and handler.alone is not None else None
            for name in handler.names:
                self._by_name.setdefault(name, []).append((handler, plain))
        self.stored_names = frozenset(stored for name in self._by_name for stored in decoder.stored_names(name))

    def handle(self, commit: Commit, attempt: int, replaying: bool = False) -> None:
        """Call every handler of a commit's events: in the order of the events, then in that of registration."""
        for handler, plain, event in self._planned(commit, replaying):
            if plain is not None and plain.alone is not None and not tracing.on():
                token = current_message.set((commit.message, event, attempt, replaying))
                try:
                    given = plain.alone(event[2])
                    if given is not None:
                        plain.carry_out(given, commit.message(event, attempt, replaying))
                finally:
                    current_message.reset(token)
                continue
            message = commit.message(event, attempt, replaying)
            token = current_message.set(message)
            try:
                handler.handle(message)
            finally:
                current_message.reset(token)

    def calls(self, commit: Commit, attempt: int, *, replaying: bool = False) -> list[tuple[Handler, Message]]:
        """Give each call that a commit asks for, with its message."""
        planned = self._planned(commit, replaying)
        return [(handler, commit.message(event, attempt, replaying)) for handler, _, event in planned]

    def _planned(self, commit: Commit, replaying: bool) -> Iterator[tuple[Handler, EventHandler | None, Told]]:
        """Give each call that a commit asks for; each handler gets a payload of its own."""
        for at, event in enumerate(commit.events(self.stored_names)):
            used = False
            for handler, plain in self._by_name.get(event[1], ()):
                if not replaying or handler.replay:
                    yield handler, plain, commit.events(self.stored_names)[at] if used else event
                    used = True
