"""Transfers and statements, tested: one function at a time, and the whole process on a store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqrsless import App, Command, Event, Message, Rejected
from cqrsless.testing import Given
from cqrsless.testing import given as given_in

from .app import Account, AccountClosed, AccountFrozen, AccountOpened, Closed, Frozen, NoSuchAccount, bank
from .statements import money_in, money_out
from .transfers import (
    AccountDebited,
    AlreadyEnded,
    CreditRefused,
    Transfer,
    TransferCompleted,
    TransferRefused,
    TransferStarted,
    TransferState,
    credit_the_payee,
    refuse,
    reimburse_the_payer,
)

TEN = Decimal("10.00")
MONEY: dict[str, Any] = {"transfer_id": "t-1", "payer": "a-1", "payee": "a-2", "amount": TEN, "text": "rent"}
DEBIT = {**MONEY, "account_id": "a-1"}
CREDIT = {**MONEY, "account_id": "a-2"}
ADA = AccountOpened(owner="Ada", overdraft=Decimal("50.00"))


def given(*events: Event) -> Given:
    return given_in(*events, registry=bank)


# Each step of the process is a function: call it.


def test_what_was_debited_is_credited() -> None:
    assert credit_the_payee(DEBIT) == Command("CreditAccount", CREDIT, on_rejected="CreditRefused")


def test_what_cannot_be_credited_goes_back_before_the_transfer_is_refused() -> None:
    why = {**CREDIT, "reason": "closed"}
    back = reimburse_the_payer(why)
    assert back == Command("ReimburseAccount", {**DEBIT, "reason": "closed"})
    assert refuse(back.payload) == Command("RefuseTransfer", {"transfer_id": "t-1", "reason": "closed"})


def test_a_statement_has_what_came_and_what_went() -> None:
    now = datetime(2026, 2, 14, tzinfo=timezone.utc)
    message = Message("Account#a-1@7", "AccountDebited", "event", {}, now, aggregate_id="a-1", sequence=9)
    line = {"account_id": "a-1", "sequence": 9, "time": now, "text": "rent"}
    assert money_in(None, MONEY, message=message) == {**line, "amount": TEN}
    assert money_out(None, MONEY, message=message) == {**line, "amount": -TEN}


# Decisions on what happened before.


def test_an_account_is_debited_like_any_other_withdrawal() -> None:
    given(ADA).when("DebitAccount", DEBIT).then(AccountDebited(**DEBIT))
    given(ADA).when("DebitAccount", {**DEBIT, "amount": Decimal("50.01")}).then_rejected(match="the 50.00 at hand")
    given(ADA, AccountFrozen(reason="stolen")).when("DebitAccount", DEBIT).then_rejected(Frozen)


def test_an_account_that_is_closed_or_was_never_opened_takes_nothing() -> None:
    given(ADA, AccountClosed()).when("CreditAccount", CREDIT).then_rejected(Closed)
    given().when("CreditAccount", CREDIT).then_rejected(NoSuchAccount)
    given().when("DebitAccount", DEBIT).then_rejected(NoSuchAccount)


def test_a_transfer_ends_once() -> None:
    started = TransferStarted(**MONEY)
    end, refusal = {"transfer_id": "t-1"}, {"transfer_id": "t-1", "reason": "closed"}
    given(started).when("CompleteTransfer", end).then(TransferCompleted()).then_state(TransferState("completed"))
    given(started, TransferCompleted()).when("RefuseTransfer", refusal).then_rejected(AlreadyEnded)
    given(started, TransferRefused(reason="closed")).when("CompleteTransfer", end).then_rejected(AlreadyEnded)


def test_a_transfer_is_between_two_accounts() -> None:
    transfer = {"payer": "a-1", "payee": "a-1", "amount": "10"}
    given().when("StartTransfer", transfer).then_invalid({"payee": ["A transfer is between two accounts."]})


# The whole process.


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    made = App("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/bank.db", registry=bank)
    for account_id in ("a-1", "a-2"):
        made.execute("OpenAccount", {"account_id": account_id, "owner": "Ada", "overdraft": "50"})
    yield made
    made.store.close()


def transferred(app: App, payer: str = "a-1", payee: str = "a-2", amount: str = "10") -> TransferState:
    transfer = {"payer": payer, "payee": payee, "amount": amount, "text": "rent"}
    started = app.execute("StartTransfer", transfer)
    app.drain()
    state = app.load(Transfer, str(started.aggregate_id)).state
    assert isinstance(state, TransferState)
    return state


def happened(app: App, account_id: str) -> list[str]:
    return [event.name for event in app.history(Account, account_id)]


def test_a_transfer_moves_money(app: App) -> None:
    assert transferred(app) == TransferState("completed")
    assert [app.load(Account, account_id).state.balance for account_id in ("a-1", "a-2")] == [-TEN, TEN]


def test_a_transfer_that_the_payer_cannot_pay_moves_nothing(app: App) -> None:
    assert transferred(app, amount="50.01").reason == "50.01 is more than the 50.00 at hand"
    assert happened(app, "a-1") == ["AccountOpened", "DebitRefused"]
    assert happened(app, "a-2") == ["AccountOpened"]


def test_a_transfer_that_the_payee_cannot_take_comes_back(app: App) -> None:
    app.execute("CloseAccount", {"account_id": "a-2"})
    assert transferred(app) == TransferState("refused", "The account is closed.")
    assert happened(app, "a-1") == ["AccountOpened", "AccountDebited", "AccountReimbursed"]
    assert happened(app, "a-2") == ["AccountOpened", "AccountClosed", CreditRefused.name]
    assert app.load(Account, "a-1").state.balance == 0


def test_an_account_that_never_was_ends_a_transfer_too(app: App) -> None:
    assert transferred(app, payee="a-9") == TransferState("refused", "There is no such account.")
    assert transferred(app, payer="a-9") == TransferState("refused", "There is no such account.")
    assert app.letters.list("transfers") == []


def test_a_statement_is_read_a_page_at_a_time_and_can_be_built_anew(app: App) -> None:
    for number in range(3):
        app.execute("Deposit", {"account_id": "a-1", "amount": "5.00", "text": f"no. {number}"})
    transferred(app)
    asked = {"account_id": "a-1", "limit": 3}
    first = app.ask("GetStatement", asked)
    rest = app.ask("GetStatement", {**asked, "cursor": first["cursor"]})
    lines = first["lines"] + rest["lines"]
    assert [(line["sequence"], line["text"], line["amount"]) for line in lines] == [
        (2, "no. 0", Decimal("5.00")),
        (3, "no. 1", Decimal("5.00")),
        (4, "no. 2", Decimal("5.00")),
        (5, "rent", -TEN),
    ]
    told: list[int] = []
    app.replay("statements", told.append)
    assert told and app.ask("GetStatement", {"account_id": "a-1"})["lines"] == lines


def test_a_command_of_the_process_is_no_more_than_a_command(app: App) -> None:
    assert transferred(app).status == "completed"
    [transfer_id] = {event.payload["transfer_id"] for event in app.history(Account, "a-2") if "Credited" in event.name}
    with pytest.raises(Rejected, match="has ended"):
        app.execute("RefuseTransfer", {"transfer_id": transfer_id, "reason": "changed my mind"})
