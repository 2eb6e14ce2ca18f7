"""What came of a command in a test, and what can be checked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NoReturn

from ..aggregates.loaded import Loaded
from ..app import App
from ..describing.handlers import decided_nothing
from ..errors import CqrslessError, Rejected, SerializationFailed, UnknownEvent, ValidationFailed
from ..messages import Command, CommandResult, Cost, Event
from ..registry import DELETED
from .arguments import check_error, check_events
from .counting import assert_cost
from .differences import differences
from .looking import Story
from .pasts import state_of
from .staging import Stage
from .tracebacks import Plainly, raised_in

__all__ = ["Outcome", "execute"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True


def execute(app: App, command: Command) -> CommandResult | CqrslessError:
    """Execute a command; what the application refuses is given, what is a mistake is raised as it is."""
    try:
        with Plainly():
            return app.execute(command)
    except CqrslessError as error:
        if error.status >= 500:
            raise
        return error


class Outcome(Story):
    """What came of a command: either `result` or `error`. Each `then` checks one thing, and gives the outcome back."""

    of = "a command"
    figures = ("result", "error", "events", "cost")

    def __init__(
        self,
        stage: Stage,
        command: Command,
        before: Loaded | None,
        raced: int,
        cost: Cost,
        done: CommandResult | CqrslessError,
    ) -> None:
        self._stage = stage
        self._command = command
        self._name = command.name
        self._aggregate = stage.aggregate
        self._before = before
        self._raced = raced
        #: What the command asked of the store, also where it was refused.
        self.cost = cost
        self.result = done if isinstance(done, CommandResult) else None
        self.error = done if isinstance(done, CqrslessError) else None

    @property
    def events(self) -> list[Event]:
        """The events that were recorded, as a reader gets them."""
        return [] if self.result is None else [Event(event.name, event.payload) for event in self.result.events]

    def __repr__(self) -> str:
        return f"<Outcome of {self._name}: {self._came_of_it()}>"

    def then(self, *events: Event) -> Outcome:
        """Check that exactly these events were recorded, in this order."""
        check_events("then", events, "; commands are what events ask for: given().when(Event(...)).then(Command(...))")
        expected = [self._as_read(event) for event in events]
        if self.error is not None:
            self._fail(f"record {_list(expected)}")
        if self.events != expected:
            self._fail(f"record {_list(expected)}", _differing(expected, self.events))
        return self

    def then_state(self, state: Any) -> Outcome:
        """Check the state that the aggregate has now: `None` where it does not exist, `DELETED` where it did."""
        if self._aggregate is None:
            raise AssertionError(f"{self._name} has no aggregate, so there is no state to check")
        kind, loaded = self._aggregate.kind, self._aggregate.load()
        got = state_of(kind, loaded)
        expected = state
        if state is not None and state is not DELETED:
            with suppress(SerializationFailed):  # then it is no state of this aggregate's, and differs as it is
                expected = kind.codec.encode(state)[1]
        if type(got) is not type(expected) or got != expected:
            self._fail(f"leave {kind.name} as {expected!r}", [f"it is {got!r}", *differences(expected, got)])
        return self

    def then_rejected(self, error: type[Exception] = Rejected, match: str | None = None) -> Outcome:
        """Check that the command was refused with this error, and that `match` is found in its text (`re.search`)."""
        check_error(error)
        wanted = error.__name__ if match is None else f"{error.__name__} saying {match!r}"
        if not isinstance(self.error, error) or (match is not None and not re.search(match, str(self.error))):
            self._fail(f"be refused with {wanted}", self._other_check(error))
        return self

    def then_invalid(self, messages: Mapping[str, Any] | None = None) -> Outcome:
        """Check that the payload failed its validation, with exactly these messages of marshmallow's if given."""
        error = self.error
        if not isinstance(error, ValidationFailed):
            self._fail("be invalid")
        elif messages is not None and error.messages != messages:
            self._fail(f"be invalid with {messages!r}", differences(messages, error.messages))
        return self

    def then_nothing(self) -> Outcome:
        """Check that the command was accepted and wrote nothing: no event, and no other state."""
        if self.error is not None or self.events:
            self._fail("write nothing")
        if self._aggregate is not None and self._before is not None:
            after = self._aggregate.load()
            if after.number != self._before.number + self._raced:
                kind = self._aggregate.kind
                self._fail("write nothing", differences(state_of(kind, self._before), state_of(kind, after)))
        return self

    def then_cost(
        self, *, requests: int | None = None, read_units: float | None = None, write_units: float | None = None
    ) -> Outcome:
        """Check that the command cost at most so much, the application's cache being empty when it came."""
        try:
            assert_cost(self.cost, requests=requests, read_units=read_units, write_units=write_units)
        except AssertionError as error:
            raise AssertionError(f"{self._name} costs too much: {error}") from None
        return self

    def twice(self) -> Outcome:
        """Deliver the same message again, to another container and to this one: nothing more may change.

        What was recorded is answered as before, as a duplicate; what was refused, or changed nothing, is decided again.
        """
        if self._aggregate is None:
            raise TypeError(f"{self._name} has no aggregate, so it is not remembered, and runs again each time")
        after = self._aggregate.load()
        for app in (self._stage.elsewhere(), self._stage.app):
            done = execute(app, self._command)
            same = (
                type(done) is type(self.error) and str(done) == str(self.error)
                if self.result is None
                else isinstance(done, CommandResult) and replace(done, duplicate=self.result.duplicate) == self.result
            )
            if not same:
                got = f"refused with {done!r}" if isinstance(done, CqrslessError) else f"{done}"
                self._fail("come to the same when it is delivered again", [f"this time: {got}"])
            now = self._aggregate.load()
            if now.number != after.number:
                kind = self._aggregate.kind
                lines = differences(state_of(kind, after), state_of(kind, now))
                self._fail(
                    "change nothing more when it is delivered again", [f"it wrote once more: {self._name}", *lines]
                )
        return self

    def _as_read(self, event: Event) -> Event:
        """Give an expected event as a reader would get it, or as it is where it could not have been recorded."""
        if self._aggregate is not None:
            try:
                encoded = self._aggregate.kind.encode(event.name, event.payload)
            except (SerializationFailed, UnknownEvent):
                return event
            return Event(encoded.name, encoded.payload)
        return event

    def _came_of_it(self) -> str:
        if self.error is not None:
            return f"refused with {type(self.error).__name__}: {self.error}"
        if self.result is None:
            return "recorded no event"
        nothing = decided_nothing(self._stage.app.model, self._name, self.result)
        return f"recorded {_list(self.events)}" + (f": {nothing}" if nothing else "")

    def _other_check(self, expected: type[Exception]) -> list[str]:
        """Say how the refusal that there was is checked, where another class was expected."""
        if self.error is None or isinstance(self.error, expected):
            return []
        if isinstance(self.error, ValidationFailed):
            return ["an invalid payload is checked by then_invalid()"]
        return [f"that is checked by then_rejected({type(self.error).__name__})"]

    def _fail(self, should: str, details: Sequence[str] = ()) -> NoReturn:
        lines = [f"{self._name} should {should}", f"but {self._came_of_it()}", *details]
        where = None if self.error is None else raised_in(self.error)
        if where is not None:
            lines.append(f"it was raised in {where}")
        # Not from the error: its way through this package would stand before the test's own line.
        raise AssertionError("\n  ".join(lines)) from None


def _differing(expected: Sequence[Event], got: Sequence[Event]) -> list[str]:
    if len(expected) != len(got):
        return [f"{len(expected)} expected, {len(got)} recorded"]
    found: list[str] = []
    for number, (one, other) in enumerate(zip(expected, got, strict=True), 1):
        if one.name != other.name:
            found.append(f"event {number}: expected {one.name}, got {other.name}")
        else:
            found += [f"event {number}, {one.name}: {line}" for line in differences(one.payload, other.payload)]
    return found


def _list(events: Sequence[Event]) -> str:
    return ", ".join(f"{event.name} {event.payload!r}" for event in events) or "no event"
