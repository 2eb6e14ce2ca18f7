"""What follows from the movements, checked: transfers, statements, and a replay of these."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from cqrsless import App, ValidationFailed

from .app import Account
from .transfers import Transfer

FILE = Path(__file__).with_name("transfers.csv")
AT_ONCE = 100
MONEY = {"Deposited", "Withdrawn", "AccountDebited", "AccountCredited", "AccountReimbursed"}

Accounts = dict[str, str]
Balances = dict[str, Decimal]


def aftermath(app: App, accounts: Accounts) -> Iterator[str]:
    """Deliver what is pending, transfer money between the accounts, and yield what is not as it should be."""
    app.drain()
    yield from transfer_one_by_one(app, accounts)
    yield from transfer_at_once(app, accounts)
    yield from wrong_statements(app, accounts)


def balances(app: App, accounts: Accounts) -> Balances:
    return {name: app.load(Account, account_id).state.balance for name, account_id in accounts.items()}


def transfer(app: App, accounts: Accounts, row: dict[str, Any], id: str) -> str:
    """Start a transfer, and give its id."""
    payer, payee = (accounts.get(row[side], row[side]) for side in ("payer", "payee"))
    payload = {"payer": payer, "payee": payee, "amount": row["amount"], "text": row["text"]}
    return str(app.execute("StartTransfer", payload, id=id).aggregate_id)


def settled(before: Balances, *transfers: dict[str, Any]) -> Balances:
    """Work out what should be in the accounts after some transfers."""
    after = dict(before)
    for row in transfers:
        after[row["payer"]] -= Decimal(row["amount"])
        after[row["payee"]] += Decimal(row["amount"])
    return after


def transfer_one_by_one(app: App, accounts: Accounts) -> Iterator[str]:
    """Carry out the transfers of the file, each to its end, and compare it with what the file says."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    print(f"\n{len(rows)} transfers of {FILE.name}:\n")
    done: dict[str, dict[str, str]] = {}
    before = balances(app, accounts)
    for row in rows:
        outcome, reason = "ValidationFailed", ""
        try:
            transfer_id = transfer(app, accounts, row, row["id"])
        except ValidationFailed:
            pass
        else:
            app.drain()
            state = app.load(Transfer, transfer_id).state
            outcome, reason = state.status, state.reason
        if outcome == "completed":
            done[row["id"]] = row
        print(
            f"  {row['payer']:6} -> {row['payee']:6} {row['amount']:>8}  {row['text']:24} {outcome} {reason}".rstrip()
        )
        if (outcome, reason) != (row["outcome"], row["reason"]):
            yield f"{row['id']} was {outcome} ({reason}), and should be {row['outcome']} ({row['reason']})"
    yield from wrong_balances(balances(app, accounts), settled(before, *done.values()))


def transfer_at_once(app: App, accounts: Accounts) -> Iterator[str]:
    """Start many transfers before any goes on; each has to end once, and all money has to be somewhere."""
    rnd = Random(20260214)
    before = balances(app, accounts)
    started: dict[str, dict[str, Any]] = {}
    for number in range(AT_ONCE):
        payer, payee = rnd.sample([*accounts, "nobody"], 2)
        amount = Decimal(rnd.randint(1, 50_000)) / 100
        row = {"payer": payer, "payee": payee, "amount": amount, "text": f"no. {number}"}
        started[transfer(app, accounts, row, f"at-once-{number}")] = row
    app.drain()

    endings: Counter[str] = Counter()
    completed: list[dict[str, Any]] = []
    for transfer_id, row in started.items():
        names = [event.name for event in app.history(Transfer, transfer_id)]
        if names not in (["TransferStarted", "TransferCompleted"], ["TransferStarted", "TransferRefused"]):
            yield f"{row['text']} has the history {names}, and should have ended once"
        if names[-1] == "TransferCompleted":
            completed.append(row)
        endings[names[-1]] += 1
    told = " and ".join(f"{count} {name}" for name, count in sorted(endings.items()))
    print(f"\n{AT_ONCE} more, started at once: {told}")

    after = balances(app, accounts)
    yield from wrong_balances(after, settled(before, *completed))
    if sum(after.values()) != sum(before.values()):
        yield f"all accounts held {sum(before.values())}, and hold {sum(after.values())}"
    yield from (f"{letter.key} is parked: {letter.why}" for letter in app.letters.list("transfers"))


def wrong_balances(are: Balances, should: Balances) -> Iterator[str]:
    for name, balance in are.items():
        if balance != should[name]:
            yield f"after the transfers {name}'s account holds {balance}, and should hold {should[name]}"


# Statements.


def statement(app: App, account_id: str) -> list[dict[str, Any]]:
    """Turn every page of an account's statement."""
    lines: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = app.ask("GetStatement", {"account_id": account_id, "limit": 20, "cursor": cursor})
        lines += page["lines"]
        cursor = page["cursor"]
        if cursor is None:
            return lines


def wrong_statements(app: App, accounts: Accounts) -> Iterator[str]:
    """Add up each statement, and build all of them anew from the beginning of last year."""
    before = {name: statement(app, account_id) for name, account_id in accounts.items()}
    print("\nThe statements:\n")
    for name, lines in before.items():
        account = app.load(Account, accounts[name]).state
        total = sum((line["amount"] for line in lines), Decimal("0.00"))
        print(f"  {name:6} {len(lines):4} lines {total:12.2f}")
        moved = [event.sequence for event in app.history(Account, accounts[name]) if event.name in MONEY]
        if [line["sequence"] for line in lines] != moved:
            yield f"{name}'s statement has {len(lines)} lines, and the account {len(moved)} movements"
        if total != account.balance:
            yield f"{name}'s statement adds up to {total}, and the account holds {account.balance}"
    print()
    app.replay("statements", lambda done: print(f"  {done:5} commits replayed into the statements"))
    if {name: statement(app, account_id) for name, account_id in accounts.items()} != before:
        yield "a replay gives other statements"
