"""Decisions, told as given, when, then: a real application on a store in memory, brought to a given past."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NoReturn
from uuid import uuid4

from ..aggregates import reading
from ..aggregates.executing import Execution, Executor
from ..aggregates.kind import Kind
from ..aggregates.loaded import Loaded
from ..app import App
from ..dispatcher import CommandPlan, Dispatcher
from ..errors import CqrslessError, NotFound, Rejected, SerializationFailed, UnknownEvent, ValidationFailed
from ..keys import aggregate_key, read_id
from ..messages import Command, CommandResult, Cost, Event, Message
from ..registry import DELETED, Registry
from ..resources import Resources
from .differences import differences

__all__ = ["Given", "Outcome", "given"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

#: Stands for the aggregate of a command that names none, such as an invalid one.
NOBODY: Final = "given"


def given(
    *past: Any,
    registry: Registry | None = None,
    resources: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> Given:
    """Begin with what happened before: the events of an event-sourced aggregate, or a state-stored one's state.

    It is written as real commits (one for each event, so that four events are version 4), by the application that
    `registry` holds, by default that of the module-level decorators. Nothing at all is the past of an aggregate that
    does not exist, `DELETED` of one that was deleted. `resources` stand in for the application's own, and `now` is
    the time of everything.

    >>> from cqrsless import Event, Registry
    >>> bank = Registry("bank")
    >>> Account = bank.aggregate("Account", id_field="account_id", event_sourced=True)
    >>> @bank.evolver("Deposited", aggregate=Account)
    ... def deposited(account, event):
    ...     return {"balance": account.get("balance", 0) + event["amount"]}
    >>> @bank.command_handler("Deposit", aggregate=Account)
    ... def deposit(command, account):
    ...     return Event("Deposited", {"amount": command["amount"]})
    >>> two = given(Event("Deposited", {"amount": 2}), registry=bank)
    >>> story = two.when("Deposit", {"account_id": "a-1", "amount": 3})
    >>> story.then(Event("Deposited", {"amount": 3})).then_state({"balance": 5})
    <Outcome of Deposit: recorded Deposited {'amount': 3}>
    """
    return Given(past, registry, resources, now)


class Given:
    """A past, and the application that it is the past of."""

    def __init__(
        self,
        past: Sequence[Any],
        registry: Registry | None,
        resources: Mapping[str, Any] | None,
        now: datetime | None,
    ) -> None:
        self._past = past
        self._registry = registry
        self._resources = resources
        self._now = now

    def when(
        self,
        command: Command | str,
        payload: Any = None,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
    ) -> Outcome:
        """Execute a command, given whole or as name and payload, on the aggregate that it names.

        What the application refuses is an outcome. What is a mistake is raised as it is: an exception of a handler's
        own, a command without a handler, a past that the application does not know.
        """
        if isinstance(command, str):
            command = Command(command, {} if payload is None else payload, id, metadata or {}, expected_version)
        if command.id is None:  # an aggregate's id may be made from it
            command = replace(command, id=uuid4().hex)
        now = self._now
        app = App(
            "memory://",
            registry=self._registry,
            resources=self._resources,
            clock=None if now is None else lambda: now,
        )
        if command.name not in app.model.commands:
            app.execute(command)  # which says what there is of a near name
        aggregate = _Aggregate.of(app, command)
        if aggregate is not None:
            aggregate.live_through(self._past)
        elif self._past:
            raise TypeError(f"{command.name} has no aggregate, so it has no past: write given()")
        before = None if aggregate is None else aggregate.load()
        try:
            return Outcome(command.name, aggregate, before, app.execute(command), None)
        except CqrslessError as error:
            if error.status >= 500:
                raise
            return Outcome(command.name, aggregate, before, None, error)


class _Aggregate:
    """The aggregate that a command names."""

    def __init__(self, app: App, executor: Executor, kind: Kind, id: str) -> None:
        self._app = app
        self._executor = executor
        self.kind = kind
        self.id = id

    @classmethod
    def of(cls, app: App, command: Command) -> _Aggregate | None:
        """Find it by the code that executes commands; `None` where the command has none."""
        record = app.model.commands[command.name]
        if record.aggregate is None:
            return None
        executor = Executor(app.store, app.now)
        plan = CommandPlan(record, Dispatcher(app.model, executor, Resources({}, {})))
        assert plan.kind is not None
        message = Message(str(command.id), command.name, "command", command.payload, app.now())
        try:
            if plan.kind.record.new_id is not None:
                message = plan.with_id(message)
            id = read_id(plan.kind.name, plan.kind.id_field, plan.payload(message))
        except CqrslessError:
            id = NOBODY  # the command will not get as far as its aggregate, but its past is written and checked
        return cls(app, executor, plan.kind, id)

    def live_through(self, past: Sequence[Any]) -> None:
        """Write a past, a commit for each event or for the state, the way every commit is written."""
        for what in past:
            self._check(what, len(past))
            name = what.name if isinstance(what, Event) else "state"
            message = Message(
                f"given-{uuid4().hex}", f"given {name}", "command", {}, self._app.now(), "given", aggregate_id=self.id
            )
            try:
                Execution(self._executor, self.kind, message, {}, _Past(what), "if_missing").run()
            except NotFound as error:
                raise ValueError(
                    f"given() has {name} behind what deleted the {self.kind.name}: nothing happens to it after that"
                ) from error

    def load(self) -> Loaded:
        return reading.load(self._app.store, self.kind, aggregate_key(self.kind.name, self.id), Cost())

    def _check(self, what: Any, count: int) -> None:
        name = self.kind.name
        if self.kind.event_sourced and not isinstance(what, Event):
            raise TypeError(
                f"{name} is event-sourced: give the events that happened, as in given(Event(...)), and not "
                f"{_a(what)}; if nothing happened, given()"
            )
        if not self.kind.event_sourced and (isinstance(what, Event) or what is None or count > 1):
            raise TypeError(
                f"{name} is state-stored: give its one state, as in given({{...}}), and not "
                f"{_a(what) if count == 1 else f'{count} things'}; if it does not exist, given()"
            )


class _Past:
    """What a given commit holds, in the place of a handler's decision."""

    def __init__(self, what: Any) -> None:
        self._what = what

    def payload(self, message: Message) -> Any:
        return {}

    def decide(self, message: Message, payload: Any, state: Any) -> Any:
        return self._what


class Outcome:
    """What came of a command: either `result` or `error`. Each `then` checks one thing, and gives the outcome back."""

    def __init__(
        self,
        name: str,
        aggregate: _Aggregate | None,
        before: Loaded | None,
        result: CommandResult | None,
        error: CqrslessError | None,
    ) -> None:
        self._name = name
        self._aggregate = aggregate
        self._before = before
        self.result = result
        self.error = error

    @property
    def events(self) -> list[Event]:
        """The events that were recorded, as a reader gets them."""
        return [] if self.result is None else [Event(event.name, event.payload) for event in self.result.events]

    def __repr__(self) -> str:
        return f"<Outcome of {self._name}: {self._came_of_it()}>"

    def then(self, *events: Event) -> Outcome:
        """Check that exactly these events were recorded, in this order."""
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
        got = _state(kind, loaded)
        expected = state
        if state is not None and state is not DELETED:
            with suppress(SerializationFailed):  # then it is no state of this aggregate's, and differs as it is
                expected = kind.codec.encode(state)[1]
        if type(got) is not type(expected) or got != expected:
            self._fail(f"leave {kind.name} as {expected!r}", [f"it is {got!r}", *differences(expected, got)])
        return self

    def then_rejected(self, error: type[Exception] = Rejected, match: str | None = None) -> Outcome:
        """Check that the command was refused with this error, and that `match` is found in its text (`re.search`)."""
        wanted = error.__name__ if match is None else f"{error.__name__} saying {match!r}"
        if not isinstance(self.error, error) or (match is not None and not re.search(match, str(self.error))):
            self._fail(f"be refused with {wanted}")
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
            if after.number != self._before.number:
                kind = self._aggregate.kind
                self._fail("write nothing", differences(_state(kind, self._before), _state(kind, after)))
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
        return f"recorded {_list(self.events)}"

    def _fail(self, should: str, details: Sequence[str] = ()) -> NoReturn:
        lines = [f"{self._name} should {should}", f"but {self._came_of_it()}", *details]
        raise AssertionError("\n  ".join(lines)) from self.error


def _state(kind: Kind, loaded: Loaded) -> Any:
    if not loaded.exists:
        return DELETED if loaded.gone else None
    return loaded.private(kind)


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


def _a(value: Any) -> str:
    return f"the event {value.name}" if isinstance(value, Event) else f"{value!r}"
