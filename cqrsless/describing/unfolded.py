"""Events that an event-sourced aggregate records and could not fold again: their commands fail once they are sent."""

from __future__ import annotations

from collections.abc import Iterator

from ..registry import Model, did_you_mean
from .dropped import dropped
from .mentions import mentions
from .unrecorded import unrecorded

__all__ = ["unfolded", "warnings"]


def unfolded(model: Model) -> dict[str, str]:
    """Give such events, as far as the source of handlers tells what they record, with what to write.

    >>> from cqrsless import Event, Registry
    >>> bank = Registry("bank")
    >>> Account = bank.aggregate("Account", id_field="account_id", event_sourced=True)
    >>> Opened = bank.event_type("Opened")
    >>> @bank.command_handler("Open", aggregate=Account, creation="always")
    ... def open_account(command, account):
    ...     return Event("Opened", command)
    >>> unfolded(bank.freeze())
    {}
    """
    found: dict[str, str] = {}
    for aggregate, event, who in _recorded(model):
        evolvers = model.aggregates[aggregate].evolvers
        if event not in evolvers and event not in model.events and event not in found:
            found[event] = (
                f"{aggregate} records {event!r}, by {who}, and could not fold it again: "
                f"add @evolver({event!r}, aggregate={aggregate!r}), or event_type({event!r}) if it changes no state"
                f"{did_you_mean(event, evolvers)}"
            )
    return found


def warnings(model: Model) -> list[str]:
    """Tell what is most likely a mistake in an application, a line each: of one that is seen from both sides, once."""
    waiting = unrecorded(model)
    makers = [
        *(command.fn for command in model.commands.values()),
        *(handler.fn for handler in model.event_handlers),
        *(publisher.fn for publisher in model.publishers),
    ]
    return [
        *map(str, waiting),
        *(text for name, text in unfolded(model).items() if not any(repr(name) in one.near for one in waiting)),
        *dict.fromkeys(told for fn in makers if (told := dropped(fn))),
    ]


def _recorded(model: Model) -> Iterator[tuple[str, str, str]]:
    """Give event-sourced aggregates, what each records, and what in the application makes it do so."""
    for command in model.commands.values():
        if _folds(model, command.aggregate):
            for event in mentions(command.fn, commands=model.commands, views=model.views).events:
                yield command.aggregate or "", event, f"the command handler at {command.place}"
    for handler in model.event_handlers:
        for name, refusal in mentions(handler.fn, commands=model.commands, views=model.views).refusals:
            aggregate = model.commands[name].aggregate
            if _folds(model, aggregate):
                yield aggregate or "", refusal, f"the on_rejected= of the event handler at {handler.place}"


def _folds(model: Model, aggregate: str | None) -> bool:
    return aggregate is not None and model.aggregates[aggregate].record.event_sourced
