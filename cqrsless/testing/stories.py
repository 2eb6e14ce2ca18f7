"""Tests told as given, when, then: a real application on a store in memory, brought to a given past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final, NoReturn, overload
from uuid import uuid4

from ..describing.dropped import dropped
from ..errors import CqrslessError, UnknownMessage
from ..messages import Command, Event
from ..registry import ProcessorRecord, Registry
from .arguments import check_command, check_events, check_given, check_options
from .counting import counted
from .decisions import Outcome, execute
from .looking import begun, noted
from .pasts import NOBODY, Aggregate
from .reactions import Reaction
from .staging import Stage
from .tracebacks import Plainly
from .whose import Of, Said, check_of

__all__ = ["Given", "given"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True


def given(
    *past: Any,
    registry: Registry | None = None,
    resources: Mapping[str, Any] | None = None,
    now: datetime | Callable[[], datetime] | None = None,
    of: Of = None,
    **others: NoReturn,
) -> Given:
    """Begin with what happened before: events, a state-stored aggregate's one state, or commands to execute.

    It is written as real commits (one for each event, so that four events are version 4), by the application that
    `registry` holds, by default that of the module-level decorators. Nothing at all is the past of an aggregate that
    does not exist, `DELETED` of one that was deleted. `resources` stand in for the application's own, and `now` (a
    time, or a clock) is the time of everything. `of` is the aggregate that recorded the events, where neither they
    nor the command say it; it holds for the events of `when`, too, where these say nothing else.

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
    check_given(others)
    return Given(past, partial(Stage, registry, resources, now), of)


class Given:
    """A past, and the application that it is the past of. It can be used for several tests."""

    def __init__(
        self,
        past: Sequence[Any],
        stage: Callable[[], Stage],
        of: Of = None,
        rivals: Sequence[Any] = (),
        snapshot: bool = False,
    ) -> None:
        self._past = past
        self._stage = stage
        self._of = of
        self._rivals = rivals
        self._snapshot = snapshot
        self._begun = noted("given", "..." if past else "")

    def _goes_on(self) -> None:
        if self._begun is not None:
            self._begun.looked_at = True

    def racing(self, *others: Any) -> Given:
        """Let another writer commit first, right before the command's own write: so it is decided again, on what the
        other has left.

        Each of `others` is an event (of an event-sourced aggregate), a state (of a state-stored one) or a command, and
        costs the command one race.

        >>> from cqrsless import Event, Registry, Rejected
        >>> shop = Registry("shop")
        >>> Order = shop.aggregate("Order", id_field="order_id")
        >>> @shop.command_handler("ShipOrder", aggregate=Order)
        ... def ship_order(command, order):
        ...     if order["shipped"]:
        ...         raise Rejected("the order has already shipped")
        ...     return {"shipped": True}, Event("OrderShipped", command)
        >>> placed = given({"shipped": False}, registry=shop)
        >>> placed.racing({"shipped": True}).when("ShipOrder", {"order_id": "o-1"}).then_rejected()
        <Outcome of ShipOrder: refused with Rejected: the order has already shipped>
        """
        self._goes_on()
        if not others:
            raise TypeError("racing() has nobody in it: say what the other writer commits, as in racing(Event(...))")
        return Given(self._past, self._stage, self._of, (*self._rivals, *others), self._snapshot)

    def through_snapshot(self) -> Given:
        """Let the command be decided on the state as it was stored and read, in place of one folded from the events."""
        self._goes_on()
        return Given(self._past, self._stage, self._of, self._rivals, True)

    @overload
    def when(
        self,
        command: Command | str,
        payload: Any = None,
        /,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
    ) -> Outcome: ...

    @overload
    def when(
        self,
        event: Event,
        /,
        *more: Event,
        of: Of = None,
        source: str | None = None,
        processor: ProcessorRecord | str | None = None,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        attempt: int = 1,
    ) -> Reaction: ...

    def when(self, what: Command | str | Event, /, *more: Any, **how: Any) -> Outcome | Reaction:
        """Execute a command on the aggregate that it names, or let events arrive.

        A command is given whole, or as name and payload. What the application refuses is an outcome. What is a mistake
        is raised as it is: an exception of a handler's own, a command without a handler, a past that the application
        does not know.

        Events arrive at the processors, views and publishers that listen to them; nothing is called before a check
        asks for it. `of` says which aggregate recorded them (`Order`, or `(Order, "o-1")`), where they do not; `source`
        makes external ones of them, with an `id` of their own; `processor` keeps to its handlers; `attempt` counts
        from 1.
        """
        self._goes_on()
        if isinstance(what, Event):
            if self._rivals or self._snapshot:
                raise TypeError("racing() and through_snapshot() are for commands; an event is a fact already")
            check_options("events", how)
            check_events("when", (what, *more), "; a command has a story of its own: given(...).when(Command(...))")
            with Plainly((*self._past, what, *more)):
                return self._react((what, *more), **how)
        check_command(what, more, how)
        with Plainly((*self._past, *self._rivals)):
            return self._decide(what, *more, **how)

    def _decide(
        self,
        command: Command | str,
        payload: Any = None,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
    ) -> Outcome:
        if isinstance(command, str):
            command = Command(command, {} if payload is None else payload, id, metadata or {}, expected_version)
        if command.id is None:  # an aggregate's id may be made from it
            command = replace(command, id=uuid4().hex)
        stage = self._stage()
        if command.name not in stage.app.model.commands:
            if command.name in stage.app.model.event_names():
                raise UnknownMessage(
                    f"{command.name} is an event, and no command: let it arrive by when(Event({command.name!r}, ...))"
                )
            stage.app.execute(command)  # which says what there is of a near name
        by = "" if isinstance(self._of, tuple) else command.name
        told = dropped(stage.app.model.commands[command.name].fn)
        if told:
            raise AssertionError(told)
        aggregate = stage.aggregate = Aggregate.of_command(stage.app, command)
        if aggregate is not None:
            if aggregate.id != NOBODY:  # an invalid command names none, and is told
                check_of(stage.app, self._of, command.name, aggregate.kind.name, aggregate.id)
            aggregate.live_through(self._past, by=by, snapshot=self._snapshot)
        elif self._past or self._rivals:
            raise TypeError(f"{command.name} has no aggregate, so it has no past: write given()")
        before = None if aggregate is None else aggregate.load()
        rivals = [self._rival(stage, aggregate, other, by) for other in self._rivals if aggregate is not None]
        stage.store.rivals.extend(rivals)
        with counted(stage.store) as cost:
            done = execute(stage.app, command)
        if stage.store.rivals:
            raise AssertionError(
                f"{command.name} lost {len(rivals) - len(stage.store.rivals)} of {len(rivals)} races: it came to "
                f"{done!r} before it tried to write, so nobody was faster"
            )
        outcome = Outcome(stage, command, before, len(rivals), cost, done)
        # Without an aggregate, what was done was done elsewhere, and is looked at there; not so a refusal.
        if aggregate is not None or isinstance(done, CqrslessError):
            begun(outcome, command.name)
        return outcome

    def _rival(self, stage: Stage, aggregate: Aggregate, other: Any, by: str) -> Callable[[], object]:
        app = stage.elsewhere()
        if isinstance(other, Command):
            return lambda: app.execute(other)
        aggregate.check_id(other, by)
        return lambda: Aggregate(app, aggregate.kind, aggregate.id).live_through((other,))

    def _react(
        self,
        events: Sequence[Event],
        *,
        of: Of = None,
        source: str | None = None,
        processor: ProcessorRecord | str | None = None,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        attempt: int = 1,
    ) -> Reaction:
        if id is not None and (source is None or len(events) > 1):
            raise TypeError("id= is for one external event, with source=; those recorded here have ids of their own")
        stage = self._stage()
        reaction = Reaction(stage.app, processor, attempt, (*self._past, *events))
        for what in self._past:
            if isinstance(what, Command):
                stage.app.execute(what)
            elif isinstance(what, Event):
                Aggregate.of_event(stage.app, what, Said("given", self._of, of)).record(what)
            else:
                raise TypeError(f"an event arrives after other events or commands, and not after {what!r}")
        reaction.begin()
        for event in events:
            if source is not None:
                reaction.receive(event, source, id, metadata)
            else:
                aggregate = Aggregate.of_event(stage.app, event, Said("when", of, self._of))
                reaction.arrives(aggregate.record(event, metadata))
        begun(reaction, ", ".join(event.name for event in events))
        return reaction
