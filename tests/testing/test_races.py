"""`given(...)` for decisions: races, snapshots, repeats, and what they cost."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from marshmallow import Schema, fields

from cqrsless import (
    DELETED,
    AlreadyExists,
    Command,
    Event,
    Registry,
)
from cqrsless.testing import given
from tests.testing.shop_of_stories import FOLDED, O1, PLACED, TWO, WITHDRAW_TWO, AccountState, account, order, shop

# -- races


def test_a_lost_race_is_decided_again_on_what_the_other_left() -> None:
    account(TWO).when(*WITHDRAW_TWO).then(Event("Withdrawn", {"amount": 2}))
    account(TWO).racing(Event("Withdrawn", {"amount": 1})).when(*WITHDRAW_TWO).then_rejected(match="balance is 1")
    account(TWO).racing(TWO).when(*WITHDRAW_TWO).then_state(AccountState(2))


def test_a_race_is_against_a_state_or_a_command_too() -> None:
    order(PLACED).racing({"status": "shipped"}).when("ShipOrder", O1).then_rejected(match="already shipped")
    order(PLACED).racing(Command("ShipOrder", O1)).when("ShipOrder", O1).then_rejected(match="already shipped")
    order(PLACED).racing(Command("NoteOrder", {**O1, "note": "n"})).when("ShipOrder", O1).then_state(
        {"status": "shipped", "notes": ["n"]}
    )


def test_a_create_loses_a_race() -> None:
    order().racing(PLACED).when("CreateOrder", O1).then_rejected(AlreadyExists)
    order().racing(DELETED).when("CreateOrder", O1).then_rejected(AlreadyExists, match="deleted")


def test_several_races_are_lost_one_after_the_other() -> None:
    outcome = account(TWO).racing(TWO, TWO, TWO).when(*WITHDRAW_TWO).then_state(AccountState(6))
    assert outcome.result is not None and outcome.result.version == 5


def test_a_lost_race_costs_one_request() -> None:
    account(TWO).when(*WITHDRAW_TWO).then_cost(requests=2, write_units=1)
    raced = account(TWO).racing(TWO).when(*WITHDRAW_TWO).then_cost(requests=3, write_units=2)
    with pytest.raises(AssertionError, match=r"^Withdraw costs too much: it took 3 requests, and may take 2"):
        raced.then_cost(requests=2)


def test_a_race_that_never_took_place_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="Withdraw lost 0 of 1 races: it came to Rejected"):
        account(TWO).racing(TWO).when("Withdraw", {"account_id": "a-1", "amount": 3})
    with pytest.raises(AssertionError, match="Withdraw lost 1 of 2 races"):
        account(TWO).racing(Event("Withdrawn", {"amount": 1}), TWO).when(*WITHDRAW_TWO)
    with pytest.raises(TypeError, match="nobody in it"):
        account(TWO).racing()
    with pytest.raises(TypeError, match="for commands"):
        order().racing(PLACED).when(Event("OrderShipped", O1))


def test_what_the_rival_wrote_is_not_the_commands() -> None:
    past = order(PLACED).racing({**PLACED, "notes": []})
    with pytest.raises(AssertionError, match="ShipOrder should write nothing"):
        past.when("ShipOrder", O1).then_nothing()


def test_a_past_with_races_can_be_used_again() -> None:
    past = account(TWO).racing(TWO)
    for _ in range(2):
        past.when(*WITHDRAW_TWO).then_state(AccountState(2))


# -- snapshots


def test_through_snapshot_nothing_is_folded() -> None:
    long = Event("Deposited", {"amount": 1, "note": str(uuid4())})
    large = account(Event("Noted", {"notes": [uuid4().hex for _ in range(60)]}), long)  # too large to be due a snapshot
    folds: list[int] = []
    for past in (large, large.through_snapshot()):
        FOLDED.clear()
        past.when("Withdraw", {"account_id": "a-1", "amount": 1}).then(Event("Withdrawn", {"amount": 1}))
        folds.append(len(FOLDED))
    assert folds[0] > folds[1]


def test_a_state_that_its_stored_form_changes_is_found() -> None:
    class Loose(Schema):
        kept = fields.Integer()

    loose = Registry("loose")
    thing = loose.aggregate("Thing", id_field="thing_id", event_sourced=True, state=Loose)

    @loose.evolver("Made", aggregate=thing)
    def made(state: Any, event: Any) -> Any:
        return {"kept": 1}

    @loose.command_handler("Use", aggregate=thing)
    def use(command: Any, state: Any) -> Any:
        return Event("Made", {"was": sorted(state)})

    given(Event("Made", {}), registry=loose).through_snapshot().when("Use", {"thing_id": "t"}).then(
        Event("Made", {"was": ["kept"]})
    )


def test_a_snapshot_needs_a_past_of_events_or_a_state() -> None:
    order(PLACED).through_snapshot().when("ShipOrder", O1).then_state({"status": "shipped"})
    with pytest.raises(TypeError, match="for commands"):
        order().through_snapshot().when(Event("OrderShipped", O1))


# -- repeats


def test_a_command_delivered_twice_changes_nothing_more() -> None:
    order(PLACED).when("ShipOrder", O1).twice().then(Event("OrderShipped", O1))
    order({"status": "shipped"}).when("ShipOrder", O1).twice().then_rejected()
    account(TWO).when(*WITHDRAW_TWO).twice().then_state(AccountState(0))
    order(PLACED).racing(Command("NoteOrder", {**O1, "note": "n"})).when("ShipOrder", O1).twice()


def test_an_id_that_is_new_each_time_is_found_by_twice() -> None:
    forgetful = Registry("forgetful")
    ticket = forgetful.aggregate("Ticket", id_field="ticket_id", new_id=lambda message: uuid4().hex)

    @forgetful.command_handler("OpenTicket", aggregate=ticket, creation="always")
    def open_ticket(command: Any, state: Any) -> Any:
        return {"open": True}, Event("TicketOpened", command)

    with pytest.raises(AssertionError, match="OpenTicket should come to the same when it is delivered again"):
        given(registry=forgetful).when("OpenTicket", {}).twice()


def test_what_has_no_aggregate_is_not_remembered() -> None:
    with pytest.raises(TypeError, match="Ping has no aggregate, so it is not remembered"):
        given(registry=shop).when("Ping").twice()
