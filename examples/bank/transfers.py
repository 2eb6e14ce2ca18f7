"""Transfers: money leaves one account and reaches another, or comes back.

No transaction spans two accounts; each transfer ends in one of the two ways all the same, and once. Each step is a
command on one aggregate, made from the event of the step before:

    TransferStarted   -> DebitAccount      -> AccountDebited, or DebitRefused
    AccountDebited    -> CreditAccount     -> AccountCredited, or CreditRefused
    AccountCredited   -> CompleteTransfer  -> TransferCompleted
    CreditRefused     -> ReimburseAccount  -> AccountReimbursed
    DebitRefused,
    AccountReimbursed -> RefuseTransfer    -> TransferRefused

Each event carries all that the next step needs, and each command is carried out once, however often its event comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cqrsless import Command, Event, Rejected, from_command_id

from . import schemas
from .app import Account, AccountState, Payload, bank, expect_cover, expect_open


@dataclass(frozen=True)
class TransferState:
    status: str = "started"
    reason: str = ""


Transfer = bank.aggregate(
    "Transfer", id_field="transfer_id", event_sourced=True, state=TransferState, new_id=from_command_id
)
transfers = bank.processor("transfers")


class AlreadyEnded(Rejected):
    """The transfer has ended."""


TransferStarted = bank.event_type("TransferStarted")
TransferCompleted = bank.event_type("TransferCompleted")
TransferRefused = bank.event_type("TransferRefused")
AccountDebited = bank.event_type("AccountDebited")
AccountCredited = bank.event_type("AccountCredited")
AccountReimbursed = bank.event_type("AccountReimbursed")
DebitRefused = bank.event_type("DebitRefused")
CreditRefused = bank.event_type("CreditRefused")


# The transfer itself: it starts, and ends once.


@bank.command_handler("StartTransfer", schema=schemas.StartTransfer, aggregate=Transfer, creation="always")
def start_transfer(command: Payload, transfer: TransferState) -> Event:
    return TransferStarted(**command)


@bank.command_handler("CompleteTransfer", aggregate=Transfer)
def complete_transfer(command: Payload, transfer: TransferState) -> Event:
    expect_started(transfer)
    return TransferCompleted()


@bank.command_handler("RefuseTransfer", aggregate=Transfer)
def refuse_transfer(command: Payload, transfer: TransferState) -> Event:
    expect_started(transfer)
    return TransferRefused(reason=command["reason"])


def expect_started(transfer: TransferState) -> None:
    if transfer.status != "started":
        raise AlreadyEnded


@bank.evolver(TransferCompleted, aggregate=Transfer)
def completed(transfer: TransferState, event: Payload) -> TransferState:
    return replace(transfer, status="completed")


@bank.evolver(TransferRefused, aggregate=Transfer)
def refused(transfer: TransferState, event: Payload) -> TransferState:
    return replace(transfer, status="refused", reason=event["reason"])


# What it does to accounts. Either of the two may not exist: `if_missing` leaves it to `expect_open` to say so.


@bank.command_handler("DebitAccount", aggregate=Account, creation="if_missing")
def debit_account(command: Payload, account: AccountState) -> Event:
    expect_cover(account, command["amount"])
    return AccountDebited(**command)


@bank.command_handler("CreditAccount", aggregate=Account, creation="if_missing")
def credit_account(command: Payload, account: AccountState) -> Event:
    expect_open(account)
    return AccountCredited(**command)


@bank.command_handler("ReimburseAccount", aggregate=Account)
def reimburse_account(command: Payload, account: AccountState) -> Event:
    return AccountReimbursed(**command)  # whatever became of the account since, the money is its owner's


@bank.evolver(AccountDebited, aggregate=Account)
def debited(account: AccountState, event: Payload) -> AccountState:
    return replace(account, balance=account.balance - event["amount"])


@bank.evolver(AccountCredited, AccountReimbursed, aggregate=Account)
def credited(account: AccountState, event: Payload) -> AccountState:
    return replace(account, balance=account.balance + event["amount"])


# The process: which step follows which.


@bank.event_handler(TransferStarted, processor=transfers)
def debit_the_payer(event: Payload) -> Command:
    return Command("DebitAccount", {**event, "account_id": event["payer"]}, on_rejected=DebitRefused.name)


@bank.event_handler(AccountDebited, processor=transfers)
def credit_the_payee(event: Payload) -> Command:
    return Command("CreditAccount", {**event, "account_id": event["payee"]}, on_rejected=CreditRefused.name)


@bank.event_handler(AccountCredited, processor=transfers)
def complete(event: Payload) -> Command:
    return Command("CompleteTransfer", {"transfer_id": event["transfer_id"]})


@bank.event_handler(CreditRefused, processor=transfers)
def reimburse_the_payer(event: Payload) -> Command:
    return Command("ReimburseAccount", {**event, "account_id": event["payer"]})


@bank.event_handler(DebitRefused, AccountReimbursed, processor=transfers)
def refuse(event: Payload) -> Command:
    return Command("RefuseTransfer", {"transfer_id": event["transfer_id"], "reason": event["reason"]})
