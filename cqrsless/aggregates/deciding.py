"""From a command and a state to what is to be committed. Nothing here touches a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from .. import codec
from ..errors import AlreadyExists, InvalidReturn, NotFound, VersionMismatch, returned
from ..messages import Event, Message
from ..registry import DELETED
from .commits import Encoded
from .kind import Kind, no_state
from .loaded import Loaded

_new: Final = tuple.__new__  # a named tuple's own takes twice as long
Creation = Literal["never", "always", "if_missing"]


class Plan(Protocol):
    """What a command's registration says of it: its payload, made anew for each decision, and its handler."""

    def payload(self, message: Message) -> Any: ...
    def decide(self, message: Message, payload: Any, state: Any) -> Any: ...


class Decision(NamedTuple):
    """What a command changes: its events, and the state after them, as stored and as read (`None`: there is none)."""

    events: Sequence[Encoded]
    text: str | None
    state: Any = None
    gone: bool = False
    void: bool = False


def check(kind: Kind, creation: Creation, message: Message, loaded: Loaded) -> None:
    """Raise where the aggregate's existence or version is not what the command needs."""
    if loaded.exists:
        if creation == "always":
            raise AlreadyExists(f"{kind.name} {message.aggregate_id} exists already, and {message.name} creates one")
    elif loaded.gone:
        if creation == "always":
            raise AlreadyExists(
                f"{kind.name} {message.aggregate_id} was deleted, and an id is not used twice: {message.name} needs a "
                "new one"
            )
        raise NotFound(f"{kind.name} {message.aggregate_id} was deleted")
    elif creation == "never":
        raise NotFound(f"there is no {kind.name} {message.aggregate_id} for {message.name}")
    expected = message.expected_version
    if expected is not None and expected != loaded.number:
        raise VersionMismatch(
            f"{kind.name} {message.aggregate_id} is at version {loaded.number}, and {message.name} expects {expected}"
        )


def decide(
    kind: Kind, creation: Creation, message: Message, payload: Any, loaded: Loaded, plan: Plan, time: int
) -> Decision | None:
    """Run a handler on a private copy of the state; `None` where nothing changes. `time` will be the commit's."""
    if creation == "always" or not loaded.exists or message.expected_version is not None:
        check(kind, creation, message, loaded)
    if kind.event_sourced:
        outcome = plan.decide(message, payload, loaded.state if kind.shared else loaded.private(kind))
        if type(outcome) is not Event:
            if outcome is None and creation == "always":
                raise _wrong(message, "nothing", "return the Event that creates it, or raise Rejected")
            events = _events(kind, outcome, message)
            return fold_onto(kind, loaded, events, message, time) if events else None
        event = kind.encode(outcome.name, outcome.payload)
        fn = kind.plain.get(event[0])
        if fn is None:
            return fold_onto(kind, loaded, (event,), message, time)
        state = fn(loaded.state if kind.shared else loaded.private(kind), event[1])
        if state is None:
            raise no_state(fn, event[0])
        return _folded((event,), state, kind)
    outcome = plan.decide(message, payload, loaded.private(kind) if loaded.exists else None)
    return _stored(kind, outcome, message, loaded)


def fold_onto(kind: Kind, loaded: Loaded, events: Sequence[Encoded], message: Message, time: int) -> Decision:
    coming = message, loaded.number + 1, time
    state = kind.evolve(loaded.private(kind), coming, events, loaded.tip["seq"])
    return _folded(events, state, kind)


def _folded(events: Sequence[Encoded], state: Any, kind: Kind) -> Decision:
    if state is DELETED:
        return Decision(events, None, gone=True)
    text, read = kind.codec.encode(state)
    return _new(Decision, (events, text, read, False, False))


def refuse(kind: Kind, message: Message, payload: Any, reason: Exception, loaded: Loaded, time: int) -> Decision:
    """Decide on the event named by `on_rejected`: the command's payload with the reason, on an unchanged state."""
    assert message.on_rejected is not None
    body = payload if isinstance(payload, dict) else message.payload if isinstance(message.payload, dict) else {}
    events = (kind.encode(message.on_rejected, {**body, "reason": str(reason)}),)
    if loaded.gone:  # and stays so: the event is the last command's, and no part of the life that ended
        return Decision(events, None, gone=True)
    if kind.event_sourced:
        decision = fold_onto(kind, loaded, events, message, time)
        return decision if loaded.exists else decision._replace(void=True)
    return Decision(events, loaded.text, loaded.private(kind), void=not loaded.exists)


def _stored(kind: Kind, outcome: Any, message: Message, loaded: Loaded) -> Decision | None:
    given: Any = ()
    state = outcome
    if isinstance(outcome, tuple):
        if len(outcome) != 2:
            raise _wrong(message, f"a tuple of {len(outcome)}", "return (state, event) or (state, [events])")
        state, given = outcome
    if state is None:
        raise _wrong(message, "no state", "return the state, changed or not; to delete it, return DELETED")
    if isinstance(state, Event) or not isinstance(given, (Event, Iterable, type(None))):
        raise _wrong(message, "an event for a state", f"return (state, event): {kind.name} is state-stored")
    events = _events(kind, given, message)
    if state is DELETED:
        return Decision(events, None, gone=True)
    text, read = kind.codec.encode(state)
    if not events and loaded.exists and _same(text, loaded.text):
        return None
    return Decision(events, text, read)


def _same(new: str, old: str | None) -> bool:
    if new == old or old is None:
        return new == old
    return codec.digest(codec.decode(new)) == codec.digest(codec.decode(old))


def _events(kind: Kind, given: Any, message: Message) -> list[Encoded]:
    if isinstance(given, Event):
        return [kind.encode(given.name, given.payload)]
    if given is None:
        return []
    advice = "return an Event, several, or nothing"
    if isinstance(given, (str, bytes, dict)) or not isinstance(given, Iterable):
        raise _wrong(message, f"{returned(given)} for events", advice)
    events: list[Encoded] = []
    for event in given:
        if not isinstance(event, Event):
            raise _wrong(message, f"{returned(event)} among its events", advice)
        events.append(kind.encode(event.name, event.payload))
    return events


def _wrong(message: Message, found: str, advice: str) -> InvalidReturn:
    return InvalidReturn(f"the handler of {message.name} returned {found}: {advice}")
