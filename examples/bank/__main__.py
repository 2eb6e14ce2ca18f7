"""Runs the bank over `movements.csv` and checks every outcome and balance: `python -m examples.bank [--store URL]`."""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from cqrsless import App, Command, CommandResult, CqrslessError

from . import last_year
from .aftermath import aftermath
from .app import Account, bank

FILE = Path(__file__).with_name("movements.csv")
FIELDS = {
    "OpenAccount": ("owner", "overdraft"),
    "Deposit": ("text", "amount"),
    "Withdraw": ("text", "amount"),
    "FreezeAccount": ("reason",),
    "PayIn": ("text", "cents"),
}
SHOWN = ("year", "command", "account", "amount", "text")
PAYMENTS = 1000


class Branch:
    """Takes the rows one by one, and knows by now which account is whose."""

    def __init__(self, before: App, now: App) -> None:
        self.apps = {"2025": before, "2026": now}
        self.accounts: dict[str, str] = {}

    def outcome(self, row: dict[str, str]) -> str:
        """Do what a row asks, and say what came of it in one word."""
        try:
            result = self.apps[row["year"]].execute(self.command(row))
        except CqrslessError as refusal:
            if refusal.status >= 500:
                raise
            return type(refusal).__name__
        if row["command"] == "OpenAccount":
            self.accounts[row["account"]] = str(result.aggregate_id)
        return in_a_word(result)

    def command(self, row: dict[str, str]) -> Command:
        names = FIELDS.get(row["command"], ())
        payload: dict[str, object] = dict(zip(names, (row["text"], row["amount"]), strict=False))
        if row["command"] != "OpenAccount":
            payload["account_id"] = self.accounts.get(row["account"], "")
        if row["command"] == "PayIn":
            payload["cents"] = int(row["amount"])
        return Command(row["command"], payload, id=row["id"])


def in_a_word(result: CommandResult) -> str:
    if result.duplicate:
        return "repeated"
    return "done" if result.events else "nothing"


def balances(rows: Sequence[dict[str, str]]) -> dict[str, Decimal]:
    """Add up the rows that are to be done, in plain Python."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row["outcome"] != "done":
            continue
        if row["command"] == "OpenAccount":
            sums[row["account"]] = Decimal(0)
        elif row["command"] == "PayIn":
            sums[row["account"]] += Decimal(row["amount"]) / 100
        elif row["command"] == "Deposit":
            sums[row["account"]] += Decimal(row["amount"])
        elif row["command"] == "Withdraw":
            sums[row["account"]] -= Decimal(row["amount"])
        elif row["command"] == "CloseAccount":
            del sums[row["account"]]
    return sums


def check(app: App, accounts: dict[str, str], expected: dict[str, Decimal]) -> Iterator[str]:
    """Print the accounts as they are stored, and yield what is not as it should be."""
    for name, account_id in accounts.items():
        deposits = sum(event.name == "Deposited" for event in app.history(Account, account_id))
        state, version = app.load(Account, account_id)
        if state.closed:
            print(f"  {name:6} closed, with {deposits} deposits in its history")
            if name in expected:
                yield f"{name}'s account is closed, and should hold {expected[name]}"
            continue
        print(f"  {name:6} {state.owner:15} {state.balance:10.2f}   version {version:2}, {deposits} deposits")
        if state.balance != expected.get(name):
            yield f"{name}'s account holds {state.balance}, and should hold {expected.get(name)}"


def a_busy_till(app: App, accounts: dict[str, str]) -> Iterator[str]:
    """Pay into one account a thousand times; then see what one more payment costs where nothing is cached."""
    till = str(app.execute("OpenAccount", {"owner": "the till at the fair"}, id="open-till").aggregate_id)
    accounts["till"] = till
    for number in range(PAYMENTS):
        app.execute("Deposit", {"account_id": till, "amount": "1.50"}, id=f"till-{number}")
    result = App(store=app.store, registry=bank).execute("Deposit", {"account_id": till, "amount": "1.50"}, id="last")
    cost = result.cost
    print(
        f"\nOne more deposit after {PAYMENTS}, by a container that has never seen the account: "
        f"{cost.requests} requests, {cost.read_units:g} read units, {cost.write_units:g} write unit."
    )
    if (cost.requests, cost.write_units) != (2, 1) or cost.read_units > 2:
        yield f"a cold deposit cost {cost}"
    balance = app.load(Account, till).state.balance
    if balance != Decimal("1.50") * (PAYMENTS + 1):
        yield f"the till holds {balance}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m examples.bank", description="Run a bank over two months of movements.")
    parser.add_argument("--store", help="an empty store, as in dynamodb://bank; by default a temporary SQLite file")
    parser.add_argument("--file", type=Path, default=FILE, help="movements as CSV; by default %(default)s")
    options = parser.parse_args(arguments)
    with options.file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong: list[str] = []
    with TemporaryDirectory() as folder:
        app = App(store=options.store or f"sqlite:///{folder}/bank.db", registry=bank)
        app.create_tables()
        branch = Branch(App(store=app.store, registry=last_year.bank), app)
        print(f"{len(rows)} rows of {options.file.name}, {app.store.url}\n")
        for row in rows:
            outcome = branch.outcome(row)
            year, command, account, amount, text = (row[name] for name in SHOWN)
            print(f"  {year}  {command:15} {account:6} {amount:>9}  {text:32} {outcome}")
            if outcome != row["outcome"]:
                wrong.append(f"{row['id']}: {outcome}, and should be {row['outcome']}")
        print("\nThe accounts, read by a container that has never seen them:\n")
        wrong += check(App(store=app.store, registry=bank), branch.accounts, balances(rows))
        wrong += a_busy_till(app, branch.accounts)
        delivers = not app.store.url.startswith("dynamodb:")
        if delivers:
            wrong += aftermath(app, branch.accounts)
        app.store.close()
    if wrong:
        print("\nThis is not as it should be:", *wrong, sep="\n  ")
        return 1
    print("\nChecked: each row came out as the file says, and each balance is the sum of its rows.")
    if delivers:
        print("Each transfer ended once, no money came or went, and each statement adds up, also after a replay.")
    else:
        print("The tables' streams deliver the events to transfers and statements; that is not checked here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
