"""What is told of events that an event-sourced aggregate records and could not fold again."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Command, Event, Registry
from cqrsless.describing.unfolded import unfolded, warnings
from cqrsless.describing.unrecorded import Unrecorded
from cqrsless.registry import did_you_mean


@pytest.fixture
def bank() -> Registry:
    registry = Registry("bank")
    account = registry.aggregate("Account", id_field="account_id", event_sourced=True)

    @registry.command_handler("Open", aggregate=account, creation="always")
    def open_account(command: Any, state: Any) -> Any:
        return Event("Opened", command)

    return registry


def told(registry: Registry) -> list[str]:
    return list(unfolded(registry.freeze()).values())


def test_an_event_without_an_evolver_is_told_with_whose_it_is_and_what_to_write(bank: Registry) -> None:
    (only,) = told(bank)
    head, _, advice = only.partition(", and could not fold it again: ")
    assert head.startswith("Account records 'Opened', by the command handler at tests/describing/test_unfolded.py:")
    assert advice == "add @evolver('Opened', aggregate='Account'), or event_type('Opened') if it changes no state"


def test_nothing_is_told_of_what_is_folded_or_declared(bank: Registry) -> None:
    bank.event_type("Opened")
    assert told(bank) == []
    other = Registry("other")
    account = other.aggregate("Account", id_field="account_id", event_sourced=True)
    other.evolver("Opened", aggregate=account)(lambda state, event: state)
    other.command_handler("Open", aggregate=account, creation="always")(lambda command, state: Event("Opened"))
    assert told(other) == []


def test_nothing_is_told_of_an_aggregate_that_keeps_its_state() -> None:
    shop = Registry("shop")
    order = shop.aggregate("Order", id_field="order_id")
    shop.command_handler("Place", aggregate=order, creation="always")(lambda command, state: ({}, Event("Placed")))
    assert told(shop) == []


def test_the_event_for_a_refusal_is_told_too(bank: Registry) -> None:
    bank.event_type("Opened")

    @bank.event_handler("Opened")
    def welcome(event: Any) -> Any:
        return Command("Open", event, on_rejected="NotOpened")

    (only,) = told(bank)
    assert only.startswith("Account records 'NotOpened', by the on_rejected= of the event handler at tests/")


def test_a_misspelt_evolver_is_one_warning(bank: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Unrecorded("Openned", ("the evolver at bank.py:9",), did_you_mean("Openned", ["Opened"]))
    monkeypatch.setattr("cqrsless.describing.unfolded.unrecorded", lambda model: [waiting])
    assert warnings(bank.freeze()) == [str(waiting)]
