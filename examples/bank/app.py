"""A bank's accounts: handlers decide which events happen, and evolvers fold those into what an account is.

`transfers.py` moves money from one to another, and `statements.py` keeps what its owner reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cqrsless import Event, Registry, Rejected, from_command_id

from . import schemas

Payload = dict[str, Any]

bank = Registry("bank")


@dataclass(frozen=True)
class AccountState:
    owner: str = ""
    balance: Decimal = Decimal("0.00")
    overdraft: Decimal = Decimal("0.00")
    frozen: bool = False
    closed: bool = False


Account = bank.aggregate(
    "Account",
    id_field="account_id",
    event_sourced=True,
    state=AccountState,
    state_version=2,  # 1 counted in cents: see last_year.py
    new_id=from_command_id,
)


class NoSuchAccount(Rejected):
    """There is no such account."""


class Closed(Rejected):
    """The account is closed."""


class NotCovered(Rejected):
    """The account does not cover that."""


class Frozen(Rejected):
    """The account is frozen."""


class NotSettled(Rejected):
    """An account is closed at a balance of zero."""


# What happens to an account. The versions and former names are what is stored from last year.

AccountOpened = bank.event_type("AccountOpened", version=2)
Deposited = bank.event_type("Deposited", version=2, was="MoneyPaidIn")
Withdrawn = bank.event_type("Withdrawn")
AccountFrozen = bank.event_type("AccountFrozen")
AccountUnfrozen = bank.event_type("AccountUnfrozen")
AccountClosed = bank.event_type("AccountClosed")


@bank.upcaster(AccountOpened, from_version=1)
def without_overdraft(payload: Payload) -> Payload:
    return {**payload, "overdraft": Decimal("0.00")}


@bank.upcaster(Deposited, from_version=1)
def from_cents(payload: Payload) -> Payload:
    return {"amount": Decimal(payload["cents"]) / 100, "text": payload["text"]}


# What may happen.


def expect_open(account: AccountState) -> None:
    if not account.owner:  # a transfer may name any account: see transfers.py
        raise NoSuchAccount
    if account.closed:
        raise Closed


def expect_cover(account: AccountState, amount: Decimal) -> None:
    """Refuse what an account may not give."""
    expect_open(account)
    if account.frozen:
        raise Frozen
    if amount > account.balance + account.overdraft:
        raise NotCovered(f"{amount} is more than the {account.balance + account.overdraft} at hand")


@bank.command_handler("OpenAccount", schema=schemas.OpenAccount, aggregate=Account, creation="always")
def open_account(command: Payload, account: AccountState) -> Event:
    return AccountOpened(owner=command["owner"], overdraft=command["overdraft"])


@bank.command_handler("Deposit", schema=schemas.Movement, aggregate=Account)
def deposit(command: Payload, account: AccountState) -> Event:
    expect_open(account)
    return Deposited(amount=command["amount"], text=command["text"])


@bank.command_handler("Withdraw", schema=schemas.Movement, aggregate=Account)
def withdraw(command: Payload, account: AccountState) -> Event:
    expect_cover(account, command["amount"])
    return Withdrawn(amount=command["amount"], text=command["text"])


@bank.command_handler("FreezeAccount", schema=schemas.FreezeAccount, aggregate=Account)
def freeze_account(command: Payload, account: AccountState) -> list[Event]:
    expect_open(account)
    return [] if account.frozen else [AccountFrozen(reason=command["reason"])]


@bank.command_handler("UnfreezeAccount", schema=schemas.AccountRef, aggregate=Account)
def unfreeze_account(command: Payload, account: AccountState) -> list[Event]:
    expect_open(account)
    return [AccountUnfrozen()] if account.frozen else []


@bank.command_handler("CloseAccount", schema=schemas.AccountRef, aggregate=Account)
def close_account(command: Payload, account: AccountState) -> Event:
    expect_open(account)
    if account.frozen:
        raise Frozen
    if account.balance != 0:
        raise NotSettled(f"the balance is {account.balance}, and an account is closed at zero")
    return AccountClosed()


# What an account becomes by it.


@bank.evolver(AccountOpened, aggregate=Account)
def opened(account: AccountState, event: Payload) -> AccountState:
    return replace(account, owner=event["owner"], overdraft=event["overdraft"])


@bank.evolver(Deposited, aggregate=Account)
def deposited(account: AccountState, event: Payload) -> AccountState:
    return replace(account, balance=account.balance + event["amount"])


@bank.evolver(Withdrawn, aggregate=Account)
def withdrawn(account: AccountState, event: Payload) -> AccountState:
    return replace(account, balance=account.balance - event["amount"])


@bank.evolver(AccountFrozen, aggregate=Account)
def frozen(account: AccountState, event: Payload) -> AccountState:
    return replace(account, frozen=True)


@bank.evolver(AccountUnfrozen, aggregate=Account)
def unfrozen(account: AccountState, event: Payload) -> AccountState:
    return replace(account, frozen=False)


@bank.evolver(AccountClosed, aggregate=Account)
def closed(account: AccountState, event: Payload) -> AccountState:
    return replace(account, closed=True)
