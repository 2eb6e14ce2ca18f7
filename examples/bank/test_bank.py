"""The bank's decisions, its evolvers, and what is stored from last year."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cqrsless import AlreadyExists, App, Event, NotFound, UnknownEvent
from cqrsless.testing import Given
from cqrsless.testing import given as given_in

from . import last_year
from .app import (
    Account,
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountState,
    AccountUnfrozen,
    Closed,
    Deposited,
    Frozen,
    NotCovered,
    NotSettled,
    Withdrawn,
    bank,
    from_cents,
    opened,
    withdraw,
)

ADA = AccountOpened(owner="Ada", overdraft=Decimal("50.00"))
FROZEN = AccountFrozen(reason="card stolen")
A1 = {"account_id": "a-1"}


def given(*events: Event) -> Given:
    return given_in(*events, registry=bank)


def deposited(amount: str, text: str = "") -> Event:
    return Deposited(amount=Decimal(amount), text=text)


# Handlers and evolvers are functions: call them.


def test_a_withdrawal_is_decided_on_the_state() -> None:
    command = {**A1, "amount": Decimal("150.00"), "text": "rent"}
    account = AccountState("Ada", balance=Decimal("100.00"), overdraft=Decimal("50.00"))
    assert withdraw(command, account) == Withdrawn(amount=Decimal("150.00"), text="rent")


def test_an_opened_account_has_its_owner_and_overdraft() -> None:
    assert opened(AccountState(), ADA.payload) == AccountState("Ada", overdraft=Decimal("50.00"))


def test_last_years_cents_become_an_amount() -> None:
    assert from_cents({"cents": 1050, "text": "salary"}) == {"amount": Decimal("10.50"), "text": "salary"}


# Decisions on what happened before.


def test_an_account_is_opened_once_however_often_that_is_sent() -> None:
    given().when("OpenAccount", {"owner": "Ada", "overdraft": "50"}, id="c-1").then(ADA)
    given(ADA).when("OpenAccount", {"owner": "Ada"}, id="c-1").then_rejected(AlreadyExists)


def test_the_overdraft_is_covered_and_not_a_cent_more() -> None:
    past = given(ADA, deposited("10.00"))
    past.when("Withdraw", {**A1, "amount": "60.00"}).then_state(
        AccountState("Ada", Decimal("-50.00"), Decimal("50.00"))
    )
    past.when("Withdraw", {**A1, "amount": "60.01"}).then_rejected(NotCovered, match="60.01 is more than the 60.00")
    past.when("Withdraw", {**A1, "amount": "0"}).then_invalid({"amount": ["Must be greater than 0."]})


def test_a_frozen_account_takes_money_and_gives_none() -> None:
    past = given(ADA, deposited("10.00"), FROZEN)
    past.when("Deposit", {**A1, "amount": "5.00", "text": "tax refund"}).then(deposited("5.00", "tax refund"))
    past.when("Withdraw", {**A1, "amount": "5.00"}).then_rejected(Frozen)
    past.when("CloseAccount", A1).then_rejected(Frozen)
    past.when("FreezeAccount", {**A1, "reason": "once more"}).then_nothing()
    past.when("UnfreezeAccount", A1).then(AccountUnfrozen())
    given(ADA).when("UnfreezeAccount", A1).then_nothing()


def test_an_account_is_closed_at_zero_and_for_good() -> None:
    given(ADA, deposited("10.00")).when("CloseAccount", A1).then_rejected(NotSettled, match="balance is 10.00")
    closed = given(ADA, AccountClosed())
    given(ADA).when("CloseAccount", A1).then(AccountClosed())
    closed.when("Deposit", {**A1, "amount": "1.00"}).then_rejected(Closed)
    closed.when("Withdraw", {**A1, "amount": "1.00"}).then_rejected(Closed)
    closed.when("CloseAccount", A1).then_rejected(Closed)
    given().when("Deposit", {**A1, "amount": "1.00"}).then_rejected(NotFound)


# What last year's application stored is this year's past.


def test_an_account_of_last_year_goes_on() -> None:
    before = App("memory://", registry=last_year.bank)
    account_id = before.execute("OpenAccount", {"owner": "Ada"}, id="open-ada").aggregate_id
    assert account_id is not None
    before.execute("PayIn", {"account_id": account_id, "cents": 1050, "text": "salary"})

    now = App(before.store, registry=bank)
    now.execute("Withdraw", {"account_id": account_id, "amount": "0.50", "text": "sweets"})
    assert now.load(Account, account_id).state == AccountState("Ada", Decimal("10.00"))
    assert [(event.name, event.payload) for event in now.history(Account, account_id)] == [
        ("AccountOpened", {"owner": "Ada", "overdraft": Decimal("0.00")}),
        ("Deposited", {"amount": Decimal("10.50"), "text": "salary"}),
        ("Withdrawn", {"amount": Decimal("0.50"), "text": "sweets"}),
    ]
    assert now.execute("OpenAccount", {"owner": "Ada"}, id="open-ada").duplicate


def test_last_years_application_refuses_what_it_would_misread() -> None:
    now = App("memory://", registry=bank)
    account_id = now.execute("OpenAccount", {"owner": "Ada"}, id="open-ada").aggregate_id
    before = App(now.store, registry=last_year.bank)
    with pytest.raises(UnknownEvent, match=r"AccountOpened of version 2.*deploy the newer code"):
        before.execute("PayIn", {"account_id": account_id, "cents": 1050, "text": "salary"})
