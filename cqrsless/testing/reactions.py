"""What events bring about in a test: commands, rows of views, public events; and what can be checked of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any, Final, NamedTuple, NoReturn
from uuid import uuid4

from ..app import App
from ..codec import encode
from ..delivery.commit import Commit
from ..delivery.places import Key
from ..errors import GiveUp, RetryLater, UnknownMessage
from ..messages import Command, Cost, Event, Message
from ..projections.rows import Layout, parts_of, read
from ..publishing.published import Published
from ..registry import Cancel, ProcessorRecord, ViewRecord, near_or_all
from .arguments import check_commands, check_events, check_rows
from .differences import differences, due_at
from .listening import Effect, Listeners, Recorded
from .looking import Story
from .tracebacks import Plainly, raised_in

__all__ = ["Reaction"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True


class Arrival(NamedTuple):
    """An event on its way: a commit that was delivered, or an external event."""

    event: Event
    commit: Commit | None
    message: Message | None


class Reaction(Story):
    """What comes of events. Each `then` checks one thing, and gives the reaction back.

    Handlers, projectors and publishers are called when the first check asks for what they do, once for all checks.
    """

    of = "events"
    figures = ("commands", "published", "row", "rows")

    def __init__(
        self, app: App, processor: ProcessorRecord | str | None, attempt: int, events: Sequence[Any] = ()
    ) -> None:
        self._app = app
        #: All that the story tells of, which functions may find incomplete.
        self._told = events
        self._attempt = attempt
        self._listeners = Listeners(app, processor)
        self._arrivals: list[Arrival] = []
        self._projected = 0
        self._first: Recorded | None = None

    # -- what arrives

    def begin(self) -> None:
        """Let the views hold what happened before."""
        self._project()

    def arrives(self, commit: Commit) -> None:
        [message] = commit.messages(commit.names)
        event = Event(message.name, message.payload)
        if not self._listeners.listens(commit):
            raise UnknownMessage(self._unheard(event.name, None))
        self._arrivals.append(Arrival(event, commit, None))

    def receive(self, event: Event, source: str, id: str | None, metadata: Mapping[str, Any] | None) -> None:
        identity = id if id is not None else uuid4().hex
        message = Message(
            identity,
            event.name,
            "event",
            event.payload,
            self._app.now(),
            source,
            correlation_id=identity,
            attempt=self._attempt,
            metadata=dict(metadata or {}),
        )
        if not self._listeners.listens_to(message):
            raise UnknownMessage(self._unheard(event.name, source))
        self._arrivals.append(Arrival(event, None, message))

    # -- what comes of it

    @property
    def commands(self) -> list[Command]:
        """The commands that were asked for, in order, as the handlers returned them."""
        return [effect.what for effect in self._reacted.effects if isinstance(effect.what, Command)]

    @property
    def published(self) -> Published:
        """The public events, as `app.published` has them."""
        return self._publish()

    def row(self, view: ViewRecord | str, *key: Any) -> dict[str, Any] | None:
        """Give a row of a view as it is now."""
        self._project()
        record = self._view(view)
        with Plainly():
            pk, sk = Layout(record, 1).key(parts_of(record, key[0] if len(key) == 1 else key, "the test"))
        return read(self._app.store.get("views", pk, sk, Cost()))

    def rows(self, view: ViewRecord | str) -> list[dict[str, Any]]:
        """Give all rows of a view as they are now, in the order of their keys."""
        self._project()
        return [row for _, row in sorted(self._rows(self._view(view)), key=lambda pair: pair[0])]

    def __repr__(self) -> str:
        return f"<Reaction to {self._names}>"

    # -- checks

    def then(self, *expected: Command | Cancel) -> Reaction:
        """Check that exactly these commands, and `cancel(id)`s, were asked for, in this order.

        Of a command, name, payload, `due`, `expected_version` and `on_rejected` are compared, and `id` and `metadata`
        where the expected one has them. What is due is the same however it is written.
        """
        check_commands("then", expected)
        reacted = self._reacted
        if reacted.raised is not None:
            self._fail(f"ask for {_list(expected)}")
        got = [effect.what for effect in reacted.effects]
        lines = _differing(expected, reacted.effects)
        if lines:
            self._fail(f"ask for {_list(expected)}", f"asked for {_list(got)}", lines)
        return self

    def then_nothing(self) -> Reaction:
        """Check that no command was asked for, nothing cancelled, and nothing raised."""
        return self.then()

    def then_retry_later(self, after: timedelta | float | None = None) -> Reaction:
        """Check that a handler raised `RetryLater`, after this time (a timedelta or seconds) if it is given."""
        wanted = RetryLater(after=after or 0)
        raised = self._reacted.raised
        if not isinstance(raised, RetryLater):
            self._fail("be retried later" if after is None else f"be retried after {wanted.after}")
        elif after is not None and raised.after != wanted.after:
            self._fail(f"be retried after {wanted.after}", f"is retried after {raised.after}")
        return self

    def then_give_up(self, match: str | None = None) -> Reaction:
        """Check that a handler raised `GiveUp`, and that `match` is found in its text (`re.search`)."""
        raised = self._reacted.raised
        if not isinstance(raised, GiveUp) or (match is not None and not re.search(match, str(raised))):
            self._fail("be given up" if match is None else f"be given up, saying {match!r}")
        return self

    def then_published(self, *events: Event) -> Reaction:
        """Check that exactly these public events were published, in this order."""
        check_events("then_published", events)
        got = list(self._publish())
        if got != list(events):
            self._fail(f"publish {_events(events)}", f"published {_events(got)}", differences(list(events), got))
        return self

    def then_row(self, view: ViewRecord | str, *key_and_row: Any) -> Reaction:
        """Check one row: its key (a value for each field of the view's key), then the row; `None` for no row.

        `then_row(Summary, "o-1", {"status": "placed"})`, `then_row(Lines, "o-1", 2, None)`
        """
        if len(key_and_row) < 2:
            raise TypeError('then_row() takes a view, a key and a row, as in then_row("Summary", "o-1", {...})')
        *key, row = key_and_row
        name = self._view(view).name
        check_rows("then_row", name, [row])
        got = self.row(view, *key)
        expected = row if row is None else encode(row, "the expected row")[1]
        if got != expected:
            said = f"leave {name} {', '.join(map(repr, key))} as {expected!r}"
            self._fail(said, f"it is {got!r}", differences(expected, got))
        return self

    def then_rows(self, view: ViewRecord | str, *rows: Mapping[str, Any]) -> Reaction:
        """Check that the view has exactly these rows, in any order."""
        check_rows("then_rows", self._view(view).name, rows)
        expected = [encode(dict(row), "an expected row")[1] for row in rows]
        got = self.rows(view)
        missing = [row for row in expected if expected.count(row) > got.count(row)]
        beyond = [row for row in got if got.count(row) > expected.count(row)]
        if missing or beyond:
            said = f"leave {len(expected)} row{'' if len(expected) == 1 else 's'} in {self._view(view).name}"
            lines = [*(f"missing: {row!r}" for row in missing), *(f"not expected: {row!r}" for row in beyond)]
            self._fail(said, f"it has {len(got)}", lines)
        return self

    def twice(self) -> Reaction:
        """Deliver the same events again: nothing more may change.

        Handlers and publishers are called as after a crash that lost what had been noted of the first time, and have to
        ask for the same commands under the same ids, and publish the same. Views know what they hold, and are not
        projected into again.
        """
        listeners = self._listeners
        if listeners.handlers or listeners.external:
            first, again = self._reacted, self._react()
            if _told(first) != _told(again):
                self._fail(
                    "ask for the same when it is delivered again",
                    f"asked for {_ids(first)}",
                    [f"this time: {_ids(again)}"],
                )
        if listeners.publishers is not None:
            first_time, second_time = self._publish().documents, self._publish(afresh=True).documents
            if first_time != second_time:
                lines = differences(first_time, second_time)
                self._fail("publish the same when it is delivered again", f"published {len(first_time)} events", lines)
        self._project()
        before = self._all_rows()
        for arrival in self._arrivals:
            if arrival.commit is not None:
                listeners.project(arrival.commit)
        after = self._all_rows()
        if before != after:
            self._fail("leave the views alone when it is delivered again", "changed rows", differences(before, after))
        return self

    # -- inside

    @property
    def _reacted(self) -> Recorded:
        if self._first is None:  # no cached_property: its frame would stand in every failure
            self._first = self._react()
        return self._first

    def _react(self) -> Recorded:
        if not self._listeners.handlers and not self._listeners.external:
            raise TypeError(f"no event handler of this application listens to {self._names}: there are no commands")
        self._listeners.check_dropped([one.event.name for one in self._arrivals])
        recorded = Recorded()
        with Plainly(self._told):
            for arrival in self._arrivals:
                self._listeners.call(arrival.commit, arrival.message, self._attempt, recorded)
        return recorded

    def _publish(self, *, afresh: bool = False) -> Published:
        found: Published | None = vars(self).get("_sent")
        if found is None or afresh:
            self._listeners.check_dropped([one.event.name for one in self._arrivals], of_publishers=True)
            found = Published()
            with Plainly(self._told):
                for arrival in self._arrivals:
                    if arrival.commit is not None:
                        self._listeners.publish(arrival.commit, self._attempt, found)
            self.__dict__.setdefault("_sent", found)
        return found

    def _project(self) -> None:
        """Bring the views up to the last commit there is."""
        for change in self._app.store.changes("events", self._projected, 1_000_000):
            self._projected = change.position
            assert change.item is not None
            with Plainly(self._told):
                self._listeners.project(Commit(change.item, self._app.compiled.reactions.decoder))

    def _rows(self, view: ViewRecord) -> Iterator[tuple[Key, dict[str, Any]]]:
        for item in self._app.store.scan("views", Cost()).items:
            if item["pk"].startswith(f"v#1#{view.name}#"):
                row = read(item)
                if row is not None:
                    yield (item["pk"], item["sk"]), row

    def _all_rows(self) -> dict[str, dict[Any, Any]]:
        return {name: deepcopy(dict(self._rows(view))) for name, view in self._app.model.views.items()}

    def _view(self, view: ViewRecord | str) -> ViewRecord:
        name = view if isinstance(view, str) else view.name
        views = self._app.model.views
        if name not in views:
            raise UnknownMessage(f"no view {name!r} is registered{near_or_all(name, views)}")
        return views[name]

    @property
    def _names(self) -> str:
        return ", ".join(arrival.event.name for arrival in self._arrivals)

    def _unheard(self, name: str, source: str | None) -> str:
        known = self._listeners.names(source)
        said = "event" if source is None else f"event of source {source!r}"
        return f"nothing here listens to an {said} named {name!r}{near_or_all(name, known)}"

    def _fail(self, should: str, got: str | None = None, lines: Sequence[str] = ()) -> NoReturn:
        raised = None if self._first is None else self._first.raised
        if got is None:
            got = f"raised {type(raised).__name__}: {raised}" if raised is not None else self._came_of_it()
        where = None if raised is None else raised_in(raised)
        lines = [*lines, f"it was raised in {where}"] if where is not None else lines
        raise AssertionError("\n  ".join([f"{self._names} should {should}", f"but {got}", *lines])) from None

    def _came_of_it(self) -> str:
        return f"asked for {_list([effect.what for effect in self._reacted.effects])}"


def _differing(expected: Sequence[Command | Cancel], got: Sequence[Effect]) -> list[str]:
    if len(expected) != len(got):
        return [f"{len(expected)} expected, {len(got)} asked for"]
    lines: list[str] = []
    for number, (one, effect) in enumerate(zip(expected, got, strict=True), 1):
        other = effect.what
        if type(one) is not type(other) or (isinstance(one, Cancel) and one != other):
            lines.append(f"number {number}: expected {_one(one)}, got {_one(other)}")
        elif isinstance(one, Command):
            lines += [f"number {number}, {one.name}: {line}" for line in effect.differences(one)]
    return lines


def _told(recorded: Recorded) -> tuple[Any, ...]:
    """Give what has to be the same each time."""
    raised = recorded.raised
    return [effect.told() for effect in recorded.effects], type(raised), str(raised)


def _ids(recorded: Recorded) -> str:
    shown = [f"{_one(one.what)} as {one.id}" for one in recorded.effects]
    return ", ".join(shown) or f"nothing, and raised {recorded.raised!r}"


def _list(effects: Sequence[Command | Cancel]) -> str:
    return ", ".join(map(_one, effects)) or "no command"


def _one(effect: Command | Cancel) -> str:
    if isinstance(effect, Cancel):
        return f"cancel({effect.id!r})"
    return f"{effect.name} {effect.payload!r}" + ("" if effect.due is None else f" due {due_at(effect.due)}")


def _events(events: Sequence[Event]) -> str:
    return ", ".join(f"{event.name} {event.payload!r}" for event in events) or "nothing"
