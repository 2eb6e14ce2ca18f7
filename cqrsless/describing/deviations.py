"""What today's code would have made of what was recorded.

A commit keeps its events, the command's name and a digest of its payload, and not the payload. So each commit's events
are folded again, and what comes out is held against the state that was stored with it; and a command is decided again
where its payload is at hand: given by the caller, or equal to what the commit holds of it (an event's payload, the
aggregate's id), which the digest proves. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from .. import codec, schemas
from ..aggregates import reading
from ..aggregates.commits import microseconds, stored_events
from ..aggregates.deciding import Decision, decide
from ..aggregates.loaded import Loaded, fold, nothing
from ..dispatcher import CommandPlan
from ..errors import CqrslessError, SerializationFailed
from ..keys import split_id
from ..messages import NOTHING, Cost, Message
from ..sources.documents import plain
from ..store import Item
from .changes import Change, changes
from .histories import Commit, Subject, told_commit

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Deviation", "Outcome", "deviations", "payloads"]

#: `alike`: decided again, with the same events and state. `undecided`: its payload is not at hand; where its events are
#: folded and a state was stored with them, that came out the same.
Outcome: TypeAlias = Literal["alike", "undecided", "differs"]
Given: TypeAlias = Mapping[Any, Any]


class Deviation(NamedTuple):
    """What came of one commit; `told` says in words what is not a change of a value."""

    commit: Commit
    outcome: Outcome
    told: str = ""
    events: tuple[Change, ...] = ()
    state: tuple[Change, ...] = ()


def payloads(commands: Iterable[Mapping[str, Any]]) -> Given:
    """Make payloads findable: each command has a `command` (or `name`) and a `payload`."""
    return {
        (str(one.get("command", one.get("name"))), codec.digest(one.get("payload", {}), "a payload")): one.get(
            "payload", {}
        )
        for one in commands
    }


def deviations(app: App, asked: Subject, given: Given = NOTHING) -> Iterator[Deviation]:
    """Go through an aggregate's commits, oldest first, and tell what today's code makes of each."""
    loaded = nothing(asked.kind)
    for item in reading.commits(asked.store, asked.key, Cost()):
        commit = told_commit(asked.kind, item)
        try:
            after = fold(asked.kind, loaded, (_bare(item) if asked.kind.event_sourced else item,))
        except Exception as error:  # an evolver or upcaster of the user's own may raise anything
            yield Deviation(commit, "differs", f"it cannot be folded: {type(error).__name__}: {error}")
            return
        folded = tuple(_folded(asked, item, after))
        decided = _decided(app, asked, commit, item, loaded, given)
        if decided is None:
            yield Deviation(commit, "differs" if folded else "undecided", "", (), folded)
        else:
            differs = bool(folded or decided.told or decided.events or decided.state)
            state = folded or decided.state
            yield Deviation(commit, "differs" if differs else "alike", decided.told, decided.events, state)
        loaded = after


def _bare(item: Item) -> Item:
    """Give a commit without the state that it bears, so that its events are what counts."""
    return {name: value for name, value in item.items() if name not in ("state", "sv", "gone")}


def _folded(asked: Subject, item: Item, after: Loaded) -> Iterator[Change]:
    """Hold a folded state against the one that was stored with it, unless that is of another `state_version`."""
    if asked.kind.event_sourced and "state" in item and item["sv"] == asked.kind.state_version:
        stored = plain(codec.decode(codec.inflate(item["state"])))
        yield from changes(stored, {} if after.text is None else plain(codec.decode(after.text)))


def _decided(app: App, asked: Subject, commit: Commit, item: Item, before: Loaded, given: Given) -> Deviation | None:
    record = app.model.commands.get(commit.command)
    if record is None or record.aggregate != asked.kind.name:
        return Deviation(commit, "differs", f"no handler of {commit.command} changes {asked.kind.name} today")
    plan = CommandPlan(record, app.compiled.dispatcher)
    found = _payload(asked, commit, plan, given)
    if found is None:
        return None
    message = Message(
        commit.command_id, commit.command, "command", found, commit.time, commit.source, commit.actor,
        correlation_id=commit.correlation_id, causation_id=commit.causation_id, aggregate_id=asked.id,
        metadata=commit.metadata,
    )  # fmt: skip
    recorded = _events(stored_events(item))
    try:
        decision = decide(
            asked.kind, record.creation, message, plan.payload(message), before, plan, microseconds(commit.time)
        )
    except Exception as error:  # a refusal of the domain's, or a bug
        if len(recorded) == 1 and recorded[0]["payload"].get("reason") == str(error):
            return Deviation(commit, "alike")  # the event that stands for the refusal
        return Deviation(commit, "differs", f"today it ends with {type(error).__name__}: {error}")
    if decision is None:
        return Deviation(commit, "differs", "today it changes nothing")
    return Deviation(
        commit,
        "alike",
        events=tuple(changes(_by_place(recorded), _by_place(_events(_stored(decision))))),
        state=() if asked.kind.event_sourced else tuple(changes(_state_of(item), _decided_state(decision))),
    )


def _stored(decision: Decision) -> list[list[Any]]:
    return [[event.name, codec.decode(event.text), event.version] for event in decision.events]


def _events(stored: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [{"name": event[0], "payload": plain(event[1])} for event in stored]


def _by_place(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {f"event {at}": event for at, event in enumerate(events, 1)}


def _state_of(item: Item) -> Any:
    return plain(codec.decode(codec.inflate(item["state"]))) if "state" in item else {}


def _decided_state(decision: Decision) -> Any:
    return {} if decision.text is None else plain(codec.decode(decision.text))


def _payload(asked: Subject, commit: Commit, plan: CommandPlan, given: Given) -> Any:
    """Find the payload that a commit's digest is of."""
    known = given.get((commit.command, commit.payload_digest))
    if known is not None:
        return known
    for candidate in _candidates(asked, commit, plan):
        try:
            if codec.digest(candidate, "a payload") == commit.payload_digest:
                return candidate
        except CqrslessError:
            continue
    return None


def _candidates(asked: Subject, commit: Commit, plan: CommandPlan) -> Iterator[Any]:
    ids = dict(zip(asked.kind.id_field, split_id(asked.id, len(asked.kind.id_field)), strict=True))
    bodies = [fact.payload for fact in commit.events if isinstance(fact.payload, dict)]
    yield from ({}, ids)
    for body in bodies:
        for whole in (body, {**body, **ids}, {key: value for key, value in body.items() if key not in ids}):
            yield whole
            yield plain(whole)
            yield _numbers(whole)
            if plan.record.schema is not None:
                schema = schemas.instance(plan.record.schema)
                known = {key: value for key, value in whole.items() if schemas.has_field(schema, key)}
                yield plain(known)
                try:
                    yield schemas.dump(schema, known, "a payload")
                except SerializationFailed:
                    continue


def _numbers(payload: dict[str, Any]) -> dict[str, Any]:
    """Give a payload with its decimals as the numbers that JSON may have had for them."""
    return {
        key: (int(value) if value == value.to_integral_value() else float(value))
        if isinstance(value, Decimal) and value.is_finite()
        else plain(value)
        for key, value in payload.items()
    }
