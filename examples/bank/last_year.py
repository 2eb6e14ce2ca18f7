"""The same bank as it was deployed last year: it counted in cents, knew no overdraft, and named a deposit otherwise.

What it stored is still there, and `app.py` reads it: the event's former name, two upcasters, and a raised
`state_version`, so that last year's snapshots are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cqrsless import Event, Registry, from_command_id

Payload = dict[str, Any]

bank = Registry("bank-of-last-year")


@dataclass(frozen=True)
class AccountState:
    owner: str = ""
    cents: int = 0


Account = bank.aggregate(
    "Account", id_field="account_id", event_sourced=True, state=AccountState, new_id=from_command_id
)


@bank.command_handler("OpenAccount", aggregate=Account, creation="always")
def open_account(command: Payload, account: AccountState) -> Event:
    return Event("AccountOpened", {"owner": command["owner"]})


@bank.command_handler("PayIn", aggregate=Account)
def pay_in(command: Payload, account: AccountState) -> Event:
    return Event("MoneyPaidIn", {"cents": command["cents"], "text": command["text"]})


@bank.evolver("AccountOpened", aggregate=Account)
def opened(account: AccountState, event: Payload) -> AccountState:
    return replace(account, owner=event["owner"])


@bank.evolver("MoneyPaidIn", aggregate=Account)
def paid_in(account: AccountState, event: Payload) -> AccountState:
    return replace(account, cents=account.cents + event["cents"])
