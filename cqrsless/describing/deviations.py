"""What today's code would have made of what was recorded.

Each commit's events are folded again, and what comes out is held against the state that was stored with it. Then its
command is decided again, on the state before it, with the message that it was: where commits keep their commands, where
the caller gives the payload, or where it is equal to what the commit holds otherwise, which the digest of it proves.
Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, NoReturn, TypeAlias

from .. import codec
from ..aggregates import reading
from ..aggregates.commits import read_head, stored_events
from ..aggregates.deciding import Creation, Decision, decide, refuse
from ..aggregates.kind import Kind
from ..aggregates.loaded import Loaded, fold, nothing
from ..aggregates.recording import Sent, sent
from ..dispatcher import CommandPlan
from ..errors import AlreadyExists, CqrslessError, NotFound, Rejected
from ..messages import NOTHING, Cost, Message
from ..sources.documents import plain
from ..store import Item
from .changes import Change, changes
from .histories import Commit, Subject, told_commit
from .payloads import Given, proven

if TYPE_CHECKING:
    from ..app import App

__all__ = ["DIFFERENT", "OUTCOMES", "Deviation", "Outcome", "deviations"]

Outcome: TypeAlias = Literal["same", "other events", "other state", "refused now", "fails now", "cannot tell"]
OUTCOMES: Final[tuple[Outcome, ...]] = (
    "same", "other events", "other state", "refused now", "fails now", "cannot tell"
)  # fmt: skip
#: The outcomes of commits that today's code would not make as they are.
DIFFERENT: Final = frozenset(OUTCOMES) - {"same", "cannot tell"}


class Deviation(NamedTuple):
    """What came of one commit; `told` says in words what is not a change of a value."""

    commit: Commit
    outcome: Outcome
    told: str = ""
    events: tuple[Change, ...] = ()
    state: tuple[Change, ...] = ()


class _NotKept(Exception):
    """A handler looks at the caller's claims, which are not kept."""


class _Claims(Mapping[str, Any]):
    """The claims of a caller who had some; whoever looks at them is told that they are not kept."""

    def __getitem__(self, name: str) -> NoReturn:
        raise _NotKept

    def __iter__(self) -> NoReturn:
        raise _NotKept

    def __len__(self) -> NoReturn:
        raise _NotKept


def deviations(app: App, asked: Subject, given: Given = NOTHING) -> Iterator[Deviation]:
    """Go through an aggregate's commits, oldest first, and tell what today's code makes of each."""
    kind, loaded, unread = asked.kind, nothing(asked.kind), ""
    for item in reading.commits(asked.store, asked.key, Cost()):
        commit = told_commit(kind, item)
        if unread:
            yield Deviation(commit, "cannot tell", unread)
            continue
        try:
            after = fold(kind, loaded, (_bare(item) if kind.event_sourced else item,))
        except Exception as error:  # an evolver or upcaster of the user's own may raise anything
            yield Deviation(commit, "fails now", f"it cannot be folded: {type(error).__name__}: {error}")
            unread = f"version {commit.version} cannot be folded"
            continue
        decided = _decided(app, asked, commit, item, loaded, given)
        folded = tuple(_folded(asked, item, after))
        if folded and decided.outcome in ("same", "cannot tell"):
            decided = Deviation(commit, "other state")
        yield decided._replace(state=folded or decided.state)
        loaded = after


def _bare(item: Item) -> Item:
    """Give a commit without the state that it bears, so that its events are what counts."""
    return {name: value for name, value in item.items() if name not in ("state", "sv", "gone")}


def _folded(asked: Subject, item: Item, after: Loaded) -> Iterator[Change]:
    """Hold a folded state against the one that was stored with it, unless that is of another `state_version`."""
    if asked.kind.event_sourced and "state" in item and item["sv"] == asked.kind.state_version:
        yield from changes(_plain(codec.inflate(item["state"])), _plain(after.text))


def _decided(app: App, asked: Subject, commit: Commit, item: Item, before: Loaded, given: Given) -> Deviation:
    """Decide a command again, and hold what comes out against the commit."""
    record = app.model.commands.get(commit.command)
    if record is None or record.aggregate != asked.kind.name:
        return Deviation(commit, "refused now", f"no handler of {commit.command} changes {asked.kind.name} today")
    plan = CommandPlan(record, app.compiled.dispatcher)
    kept = sent(item)
    if kept is None:
        found = proven(asked, commit, plan, given)
        if found is None:
            return Deviation(commit, "cannot tell", "its command was not recorded")
        kept = Sent(found[0], commit.time)
    try:
        decision = _decide(asked, record.creation, plan, _message(asked, commit, item, kept), before, item)
    except _NotKept:
        return Deviation(commit, "cannot tell", "its handler looks at the caller's claims, which are not kept")
    except CqrslessError as error:
        if _reason(item) == str(error):
            return Deviation(commit, "same")  # `on_rejected` is not known here, but its event is
        return Deviation(commit, "refused now", f"{type(error).__name__}: {error}")
    except Exception as error:  # a bug in the handler
        return Deviation(commit, "fails now", f"{type(error).__name__}: {error}")
    return _compared(asked, commit, item, before, decision)


def _reason(item: Item) -> Any:
    """Give why a command was refused, if the commit's event is one that may stand for that."""
    stored = stored_events(item)
    return stored[0][1].get("reason") if len(stored) == 1 and isinstance(stored[0][1], dict) else None


def _decide(
    asked: Subject, creation: Creation, plan: CommandPlan, message: Message, before: Loaded, item: Item
) -> Decision | None:
    try:
        return decide(asked.kind, creation, message, plan.payload(message), before, plan, item["time"])
    except (Rejected, AlreadyExists, NotFound) as refusal:
        if message.on_rejected is None or [one[0] for one in stored_events(item)] != [message.on_rejected]:
            raise
        return refuse(asked.kind, message, plan.payload(message), refusal, before, item["time"])


def _message(asked: Subject, commit: Commit, item: Item, kept: Sent) -> Message:
    head = read_head(item)
    return Message(
        commit.command_id, commit.command, "command", kept.payload, kept.time, commit.source, commit.actor,
        _Claims() if kept.claimed else NOTHING, commit.correlation_id, commit.causation_id, asked.id,
        metadata=codec.decode(head["meta"]) if "meta" in head else NOTHING, on_rejected=kept.on_rejected,
    )  # fmt: skip


def _compared(asked: Subject, commit: Commit, item: Item, before: Loaded, decision: Decision | None) -> Deviation:
    """Hold a decision against the commit, both as today's upcasters give them.

    A decision to change nothing leaves the state as it was, with no events.
    """
    kind = asked.kind
    made = [] if decision is None else [codec.decode(one.text) for one in decision.events]
    events = tuple(changes(_by_place(kind, asked.key, stored_events(item)), _by_place(kind, asked.key, made)))
    state: tuple[Change, ...] = ()
    if not kind.event_sourced:
        text = before.text if decision is None else decision.text
        state = tuple(changes(_told_state(kind, kind.state_in(item)) if "state" in item else {}, _plain(text)))
    told = "it changes nothing now" if decision is None else ""
    return Deviation(commit, "other events" if events else "other state" if state else "same", told, events, state)


def _by_place(kind: Kind, pk: str, events: Sequence[list[Any]]) -> dict[str, Any]:
    """Give stored events, each under its place in the commit."""
    found: dict[str, Any] = {}
    for at, event in enumerate(events, 1):
        name, payload = kind.decode(event, pk)
        found[f"event {at}"] = {"name": name, "payload": plain(payload)}
    return found


def _told_state(kind: Kind, state: Any) -> Any:
    return _plain(kind.codec.encode(state)[0])


def _plain(text: str | None) -> Any:
    return {} if text is None else plain(codec.decode(text))
