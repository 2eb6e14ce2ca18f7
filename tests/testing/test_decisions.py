"""`given(...).when(...).then(...)`: what it checks."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest

from cqrsless import (
    DELETED,
    AlreadyExists,
    Command,
    Event,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from cqrsless.testing import given
from tests.testing.shop_of_decisions import (
    A1,
    ADA,
    O1,
    PAID,
    PLACED,
    TWO,
    AccountState,
    Closed,
    Deposited,
    NotPaid,
    account,
    order,
    shop,
)

# -- what it checks


def test_a_state_stored_decision_is_checked_by_events_and_state() -> None:
    order(PAID).when("ShipOrder", O1).then(Event("OrderShipped", O1)).then_state({**PAID, "status": "shipped"})


def test_an_event_sourced_decision_is_checked_by_events_and_state() -> None:
    outcome = account(ADA, TWO).when("Deposit", {**A1, "amount": Decimal(3)})
    outcome.then(Deposited(amount=Decimal(3))).then_state(AccountState("Ada", Decimal(5)))


def test_several_events_are_compared_in_their_order() -> None:
    outcome = order(PLACED).when("PayOrder", O1).then(Event("OrderPaid", O1), Event("InvoiceDue", O1))
    with pytest.raises(AssertionError, match="event 1: expected InvoiceDue, got OrderPaid"):
        outcome.then(Event("InvoiceDue", O1), Event("OrderPaid", O1))


def test_nothing_given_is_an_aggregate_that_does_not_exist() -> None:
    order().when("CreateOrder", O1).then(Event("OrderCreated", O1)).then_state(PLACED)
    order().when("ShipOrder", O1).then_rejected(NotFound).then_state(None)
    order(PLACED).when("CreateOrder", O1).then_rejected(AlreadyExists).then_state(PLACED)


def test_a_deleted_aggregate_can_be_given_and_checked() -> None:
    order(PLACED).when("DropOrder", O1).then().then_state(DELETED)
    order(DELETED).when("CreateOrder", O1).then_rejected(AlreadyExists, match="deleted")
    account(ADA, Closed()).when("Deposit", {**A1, "amount": 1}).then_rejected(NotFound).then_state(DELETED)


def test_a_refusal_leaves_the_state_as_it_was() -> None:
    order(PLACED).when("ShipOrder", O1).then_rejected().then_rejected(NotPaid, match="not been paid").then_state(PLACED)


def test_an_invalid_payload_is_told_by_its_messages() -> None:
    outcome = order(PLACED).when("AddLine", {**O1, "price": "much"}).then_invalid()
    outcome.then_invalid({"price": ["Not a valid number."]}).then_rejected(ValidationFailed).then_state(PLACED)


def test_a_command_can_be_accepted_and_change_nothing() -> None:
    order(PLACED).when("TouchOrder", O1).then_nothing().then()
    account(ADA, TWO).when("Close", A1).then_nothing().then_state(AccountState("Ada", Decimal(2)))


def test_a_command_is_given_whole_or_as_name_and_payload() -> None:
    order(PLACED).when(Command("TouchOrder", O1, id="c-1")).then_nothing()
    order(PLACED).when(Command("TouchOrder", O1)).then_nothing()


def test_each_given_event_is_a_commit() -> None:
    account(ADA, TWO, TWO).when("Close", A1, expected_version=3).then_nothing()
    account(ADA, TWO, TWO).when("Close", A1, expected_version=2).then_rejected(VersionMismatch, match="at version 3")


def test_an_id_made_from_the_commands_is_the_one_that_the_past_is_given_to() -> None:
    account().when("Open", {"owner": "Ada"}, id="c-1").then(ADA).then_state(AccountState("Ada"))
    account(ADA).when("Open", {"owner": "Ada"}, id="c-1").then_rejected(AlreadyExists)
    account(ADA).when("Open", {"owner": "Ada"}).then_rejected(AlreadyExists)


def test_resources_and_the_time_can_be_given() -> None:
    now = datetime(2026, 3, 2, tzinfo=timezone.utc)
    outcome = order(PLACED, resources={"colour": "blue"}, now=now).when("MarkOrder", O1)
    outcome.then_state({**PLACED, "marked": now, "colour": "blue"})
    order(PLACED, now=now).when("MarkOrder", O1).then_state({**PLACED, "marked": now, "colour": "red"})


def test_events_and_states_are_compared_as_a_reader_gets_them() -> None:
    account(ADA).when("Deposit", {**A1, "amount": 1}).then(Event("MoneyPaidIn", {"amount": 1}))
    order({**PLACED, "tags": ("new",)}).when("TouchOrder", O1).then_state({**PLACED, "tags": ["new"]})
    order({**PLACED, "tags": ["new"]}).when("TouchOrder", O1).then_state({**PLACED, "tags": ("new",)})


def test_a_past_can_be_used_again() -> None:
    past = account(ADA, TWO)
    for _ in range(2):
        past.when("Deposit", {**A1, "amount": Decimal(1)}).then_state(AccountState("Ada", Decimal(3)))


def test_a_command_without_an_aggregate_can_only_be_accepted_or_not() -> None:
    outcome = given(registry=shop).when("Ping").then().then_nothing()
    assert outcome.result is not None and outcome.result.value == "pong"
    with pytest.raises(AssertionError, match="Ping has no aggregate"):
        outcome.then_state({})
    with pytest.raises(TypeError, match=r"Ping has no aggregate, so it has no past: write given\(\)"):
        order(PLACED).when("Ping")
