"""What is said to the examples' applications in a simulation, and what must be true of them afterwards."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from cqrsless import App, Command, NotFound
from examples.bank.app import Account
from examples.bank.statements import Statement
from examples.bank.transfers import Transfer

ORDERS = [f"o-{number}" for number in range(1, 5)]
TOTAL, MORE = Decimal("14.90"), Decimal("19.90")  # of one line of 10.00, and of two, sent to Germany
ACCOUNTS = ["ada", "bob", "cyd"]


def order_commands(random: Random) -> Command:
    order_id = random.choice(ORDERS)
    chosen = random.choices(
        ("CreateOrder", "PayOrder", "ShipOrder", "AddLine", "CancelOrder", "RefundOrder"), (6, 4, 3, 2, 1, 1)
    )
    more: dict[str, Any] = {
        "CreateOrder": {
            "customer": random.choice(["ann", "ben"]),
            "country": "DE",
            "ordered_on": "2026-01-01",
            "lines": [{"sku": "cup", "quantity": 1, "price": "10.00"}],
        },
        "PayOrder": {"amount": str(random.choice([TOTAL, TOTAL, MORE])), "method": "card"},
        "ShipOrder": {"carrier": "DHL", "parcel": "p-1"},
        "AddLine": {"line": {"sku": "lid", "quantity": 1, "price": "5.00"}},
        "CancelOrder": {"reason": "changed my mind"},
        "RefundOrder": {"amount": "1.00", "reason": "a scratch"},
    }[chosen[0]]
    return Command(chosen[0], {"order_id": order_id, **more})


def payments(random: Random) -> dict[str, Any]:
    order_id = random.choice(ORDERS)
    if random.random() < 0.3:
        return {"name": "PaymentFailed", "payload": {"order_id": order_id, "reason": "no cover"}, "source": "payments"}
    payload = {"order_id": order_id, "amount": str(random.choice([TOTAL, MORE])), "method": "transfer"}
    return {"name": "PaymentReceived", "payload": payload, "source": "payments"}


def bank_commands(random: Random) -> Command:
    account_id, other = random.sample(ACCOUNTS, 2)
    name = random.choices(
        ("OpenAccount", "Deposit", "Withdraw", "StartTransfer", "FreezeAccount", "UnfreezeAccount", "CloseAccount"),
        (5, 5, 2, 6, 1, 1, 1),
    )[0]
    amount = str(random.randint(1, 40))
    if name == "StartTransfer":
        transfer_id = f"t-{random.randrange(1000)}"
        return Command(name, {"transfer_id": transfer_id, "payer": account_id, "payee": other, "amount": amount})
    more: dict[str, Any] = {
        "OpenAccount": {"owner": account_id, "overdraft": "10.00"},
        "Deposit": {"amount": amount},
        "Withdraw": {"amount": amount},
        "FreezeAccount": {"reason": "asked for"},
    }.get(name, {})
    return Command(name, {"account_id": account_id, **more})


def balanced(app: App) -> None:
    """Every transfer has ended, and each account's balance is the sum of its statement."""
    views = app.compiled.reactions.views
    for account_id in ACCOUNTS:
        try:
            balance = app.load(Account, account_id).state.balance
        except NotFound:
            continue
        lines = views.list(Statement, account_id, limit=1000).rows
        assert sum((line["amount"] for line in lines), Decimal(0)) == balance, (
            f"{account_id} has {balance}, not {lines}"
        )
    for pk in {change.pk for change in app.store.changes("events", 0, 100_000)}:
        kind, _, id = pk.partition("#")
        if kind == "Transfer":
            state = app.load(Transfer, id).state
            assert state.status in ("completed", "refused"), f"{id} has not ended: {state}"
