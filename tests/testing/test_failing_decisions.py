"""`given(...).when(...).then(...)`: that each check can fail, and what is a mistake in a test."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from cqrsless import (
    DELETED,
    AlreadyExists,
    Event,
    Registry,
    SerializationFailed,
    UnknownEvent,
    UnknownMessage,
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
    NotPaid,
    Opened,
    account,
    order,
)

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


def test_another_rejection_fails_without_its_own_traceback() -> None:
    with pytest.raises(
        AssertionError, match="be refused with Rejected\n  but refused with NotFound: there is no Order"
    ) as e:
        order().when("ShipOrder", O1).then_rejected()
    assert e.value.__cause__ is None and e.value.__suppress_context__
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


def test_a_handler_that_forgot_to_return_is_named_where_its_event_was_expected() -> None:
    lending = Registry("forgetful-decisions")
    loan = lending.aggregate("Loan", id_field="loan_id", event_sourced=True)
    lending.event_type("Lent")

    @lending.command_handler("Lend", aggregate=loan, creation="if_missing")
    def lend(command: Any, state: Any) -> Any:
        _ = Event("Lent")

    told = r"Loan l-1 was not created: .*lend \(tests/testing/.*:\d+\) returned no event; did it forget `return`\?"
    with pytest.raises(AssertionError, match=told):
        given(registry=lending).when("Lend", {"loan_id": "l-1"}).then(Event("Lent"))
