"""`given(...).when(...).then(...)`: what it checks, and that each check can fail."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema, fields

from cqrsless import (
    DELETED,
    AlreadyExists,
    Command,
    Event,
    NotFound,
    Registry,
    Rejected,
    SerializationFailed,
    UnknownEvent,
    UnknownMessage,
    ValidationFailed,
    VersionMismatch,
    from_command_id,
)
from cqrsless.testing import Given, given

# -- an application of each kind

shop = Registry("shop-of-decisions")
Order = shop.aggregate("Order", id_field="order_id")


class NotPaid(Rejected):
    """The order has not been paid."""


class OrderRef(Schema):
    order_id = fields.String(required=True)


class Line(OrderRef):
    price = fields.Decimal(required=True)


@shop.command_handler("CreateOrder", schema=OrderRef, aggregate=Order, creation="always")
def create_order(command: Any, order: None) -> Any:
    return {"status": "placed", "total": Decimal(0)}, Event("OrderCreated", command)


@shop.command_handler("AddLine", schema=Line, aggregate=Order)
def add_line(command: Any, order: Any) -> Any:
    return {**order, "total": order["total"] + command["price"]}, Event("LineAdded", {"price": command["price"]})


@shop.command_handler("PayOrder", schema=OrderRef, aggregate=Order)
def pay_order(command: Any, order: Any) -> Any:
    return {**order, "status": "paid"}, [Event("OrderPaid", command), Event("InvoiceDue", command)]


@shop.command_handler("ShipOrder", schema=OrderRef, aggregate=Order)
def ship_order(command: Any, order: Any) -> Any:
    if order["status"] != "paid":
        raise NotPaid
    return {**order, "status": "shipped"}, Event("OrderShipped", command)


@shop.command_handler("TouchOrder", schema=OrderRef, aggregate=Order)
def touch_order(command: Any, order: Any) -> Any:
    return order


@shop.command_handler("MarkOrder", schema=OrderRef, aggregate=Order)
def mark_order(command: Any, order: Any, *, message: Any, colour: str) -> Any:
    return {**order, "marked": message.time, "colour": colour}


@shop.command_handler("DropOrder", schema=OrderRef, aggregate=Order)
def drop_order(command: Any, order: Any) -> Any:
    return DELETED


@shop.command_handler("BreakOrder", schema=OrderRef, aggregate=Order)
def break_order(command: Any, order: Any) -> Any:
    raise KeyError("a bug")


@shop.command_handler("Ping")
def ping(command: Any) -> str:
    return "pong"


shop.resource("colour")(lambda: "red")

bank = Registry("bank-of-decisions")


@dataclass(frozen=True)
class AccountState:
    owner: str = ""
    balance: Decimal = Decimal(0)


Account = bank.aggregate(
    "Account", id_field="account_id", event_sourced=True, state=AccountState, new_id=from_command_id
)
Opened = bank.event_type("Opened")
Deposited = bank.event_type("Deposited", was="MoneyPaidIn")
Closed = bank.event_type("Closed")


@bank.evolver(Opened, aggregate=Account)
def opened(account: AccountState, event: Any) -> AccountState:
    return replace(account, owner=event["owner"])


@bank.evolver(Deposited, aggregate=Account)
def deposited(account: AccountState, event: Any) -> AccountState:
    return replace(account, balance=account.balance + event["amount"])


@bank.evolver(Closed, aggregate=Account)
def closed(account: AccountState, event: Any) -> Any:
    return DELETED


@bank.command_handler("Open", aggregate=Account, creation="always")
def open_account(command: Any, account: AccountState) -> Event:
    return Opened(owner=command["owner"])


@bank.command_handler("Deposit", aggregate=Account)
def deposit(command: Any, account: AccountState) -> Event:
    return Deposited(amount=command["amount"])


@bank.command_handler("Close", aggregate=Account)
def close(command: Any, account: AccountState) -> list[Event]:
    return [Closed()] if account.balance == 0 else []


PLACED = {"status": "placed", "total": Decimal(0)}
PAID = {"status": "paid", "total": Decimal(0)}
O1 = {"order_id": "o-1"}
A1 = {"account_id": "a-1"}
ADA = Opened(owner="Ada")
TWO = Deposited(amount=Decimal(2))


def order(*past: Any, **how: Any) -> Given:
    return given(*past, registry=shop, **how)


def account(*past: Any, **how: Any) -> Given:
    return given(*past, registry=bank, **how)


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


# -- that each check can fail


def test_events_that_differ_are_told_field_by_field() -> None:
    outcome = order(PLACED).when("AddLine", {**O1, "price": "4"})
    with pytest.raises(AssertionError) as failure:
        outcome.then(Event("LineAdded", {"price": Decimal(5), "sku": "MUG"}))
    assert str(failure.value).splitlines() == [
        "AddLine should record LineAdded {'price': Decimal('5'), 'sku': 'MUG'}",
        "  but recorded LineAdded {'price': Decimal('4')}",
        "  event 1, LineAdded: price: expected Decimal('5'), got Decimal('4')",
        "  event 1, LineAdded: sku: expected 'MUG', got nothing",
    ]


@pytest.mark.parametrize(
    "expected",
    [
        [],
        [Event("OrderPaid", O1)],
        [Event("OrderPaid", O1), Event("InvoiceDue", O1), Event("InvoiceDue", O1)],
        [Event("OrderPaid", O1), Event("InvoiceSent", O1)],
        [Event("OrderPaid", O1), Event("InvoiceDue", {})],
        [Event("OrderPaid", object()), Event("InvoiceDue", O1)],
    ],
)
def test_other_events_fail(expected: list[Event]) -> None:
    with pytest.raises(AssertionError, match="PayOrder should record"):
        order(PLACED).when("PayOrder", O1).then(*expected)


def test_an_event_that_the_application_does_not_know_was_not_recorded() -> None:
    with pytest.raises(AssertionError, match="expected Withdrawn, got Deposited"):
        account(ADA).when("Deposit", {**A1, "amount": 1}).then(Event("Withdrawn", {"amount": 1}))


@pytest.mark.parametrize("expected", [None, DELETED, {}, {**PLACED, "note": None}, PAID, "placed", 7, object()])
def test_another_state_fails(expected: object) -> None:
    with pytest.raises(AssertionError, match="TouchOrder should leave Order as"):
        order(PLACED).when("TouchOrder", O1).then_state(expected)


def test_another_state_is_told_field_by_field() -> None:
    with pytest.raises(AssertionError) as failure:
        account(ADA).when("Deposit", {**A1, "amount": Decimal(2)}).then_state(AccountState("Ada", Decimal(3)))
    assert str(failure.value).splitlines() == [
        "Deposit should leave Account as AccountState(owner='Ada', balance=Decimal('3'))",
        "  but recorded Deposited {'amount': Decimal('2')}",
        "  it is AccountState(owner='Ada', balance=Decimal('2'))",
        "  balance: expected Decimal('3'), got Decimal('2')",
    ]


def test_a_dict_is_not_taken_for_a_dataclass() -> None:
    with pytest.raises(AssertionError, match="Deposit should leave Account as"):
        account(ADA).when("Deposit", {**A1, "amount": 2}).then_state({"owner": "Ada", "balance": 2})


def test_a_state_where_there_is_none_fails() -> None:
    with pytest.raises(AssertionError, match="it is None"):
        order().when("ShipOrder", O1).then_state(PLACED)
    with pytest.raises(AssertionError, match="it is DELETED"):
        order(DELETED).when("ShipOrder", O1).then_state(None)


def test_what_was_accepted_was_not_rejected() -> None:
    with pytest.raises(AssertionError, match=r"be refused with Rejected\n  but recorded OrderShipped"):
        order(PAID).when("ShipOrder", O1).then_rejected()


def test_another_rejection_fails_and_is_chained() -> None:
    with pytest.raises(
        AssertionError, match="be refused with Rejected\n  but refused with NotFound: there is no Order"
    ) as e:
        order().when("ShipOrder", O1).then_rejected()
    assert isinstance(e.value.__cause__, NotFound)
    with pytest.raises(AssertionError, match="be refused with AlreadyExists"):
        order(PLACED).when("ShipOrder", O1).then_rejected(AlreadyExists)
    with pytest.raises(AssertionError, match="be refused with NotPaid saying 'shipped'"):
        order(PLACED).when("ShipOrder", O1).then_rejected(NotPaid, match="shipped")


def test_what_was_refused_recorded_no_events() -> None:
    with pytest.raises(AssertionError, match="refused with NotPaid: The order has not been paid"):
        order(PLACED).when("ShipOrder", O1).then(Event("OrderShipped", O1))
    with pytest.raises(AssertionError, match="ShipOrder should record no event"):
        order(PLACED).when("ShipOrder", O1).then()


def test_what_is_valid_is_not_invalid() -> None:
    with pytest.raises(AssertionError, match="TouchOrder should be invalid"):
        order(PLACED).when("TouchOrder", O1).then_invalid()
    with pytest.raises(AssertionError, match="ShipOrder should be invalid"):
        order(PLACED).when("ShipOrder", O1).then_invalid()


def test_other_messages_fail() -> None:
    outcome = order(PLACED).when("AddLine", O1)
    for messages in ({}, {"price": ["Not a valid number."]}, {"order_id": ["Missing data for required field."]}):
        with pytest.raises(AssertionError, match="AddLine should be invalid with"):
            outcome.then_invalid(messages)


def test_what_wrote_something_did_not_write_nothing() -> None:
    for command, payload in (("PayOrder", O1), ("AddLine", {**O1, "price": "1"}), ("DropOrder", O1), ("MarkOrder", O1)):
        with pytest.raises(AssertionError, match=f"{command} should write nothing"):
            order(PLACED).when(command, payload).then_nothing()


def test_a_refusal_is_not_nothing() -> None:
    with pytest.raises(AssertionError, match="ShipOrder should write nothing\n  but refused with NotPaid"):
        order(PLACED).when("ShipOrder", O1).then_nothing()


# -- mistakes in a test are raised


def test_a_bug_in_a_handler_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError, match="a bug"):
        order(PLACED).when("BreakOrder", O1)


def test_a_command_that_nobody_handles_is_raised() -> None:
    with pytest.raises(UnknownMessage, match="did you mean 'ShipOrder'"):
        order(PLACED).when("ShipOder", O1)


def test_a_past_that_the_application_does_not_know_is_raised() -> None:
    with pytest.raises(UnknownEvent, match="Withdrawn"):
        account(ADA, Event("Withdrawn", {"amount": 1})).when("Close", A1)
    with pytest.raises(KeyError, match="owner"):
        account(Opened(name="Ada")).when("Close", A1)
    with pytest.raises(SerializationFailed, match="object"):
        order({"status": object()}).when("TouchOrder", O1)


def test_an_unknown_past_is_raised_before_an_invalid_command_is_told() -> None:
    with pytest.raises(UnknownEvent, match="Withdrawn"):
        account(Event("Withdrawn", {})).when("Close", {})


def test_a_past_of_the_other_kind_is_raised() -> None:
    with pytest.raises(TypeError, match="Account is event-sourced: give the events that happened"):
        account(AccountState("Ada")).when("Close", A1)
    with pytest.raises(TypeError, match=r"Order is state-stored: give its one state, as in given.*not the event Paid"):
        order(Event("Paid")).when("TouchOrder", O1)
    with pytest.raises(TypeError, match="not 2 things"):
        order(PLACED, PAID).when("TouchOrder", O1)
    with pytest.raises(TypeError, match=r"if it does not exist, given\(\)"):
        order(None).when("TouchOrder", O1)


@dataclass(frozen=True)
class BookState:
    title: str


def test_a_state_of_another_type_is_told_as_the_mistake_of_given_that_it_is() -> None:
    library = Registry("library-of-decisions")
    book = library.aggregate("Book", id_field="isbn", state=BookState)
    library.command_handler("LendBook", aggregate=book)(lambda command, state: state)
    told = r"the state of Book is a BookState, and given\(\) or racing\(\) has a dict: write given\(BookState\(...\)\)"
    with pytest.raises(TypeError, match=told):
        given({"title": "Dune"}, registry=library).when("LendBook", {"isbn": "1"})
    given(BookState("Dune"), registry=library).when("LendBook", {"isbn": "1"}).then_nothing()
    with pytest.raises(TypeError, match=r"the state of Order is a dict, .* has a str: write given\(\{...\}\)"):
        order("placed").when("TouchOrder", O1)


def test_events_behind_a_deletion_are_raised() -> None:
    with pytest.raises(ValueError, match=r"given\(\) has Deposited behind what deleted the Account"):
        account(ADA, Closed(), TWO).when("Close", A1)


def test_it_needs_no_pytest() -> None:
    code = "import sys, cqrsless.testing; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
