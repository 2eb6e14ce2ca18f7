"""Least privilege: what each role of the examples allows is what its function was seen to call, no more and no less.

The examples' own commands and events run through their planned stacks, with what goes wrong rarely made to happen:
lost and repeated records, functions that die, handlers that fail, retries, deadlines, replays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cqrsless import App, CqrslessError
from cqrsless.deploy.configuration import configuration
from cqrsless.deploy.plan import Plan
from cqrsless.deploy.planning import plan
from cqrsless.registry import Registry
from tests.deploy.calling import noting_calls
from tests.deploy.running import RunningStack

NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
EXAMPLES = Path(__file__).parent.parent.parent / "examples"

#: What Lambda itself needs for a mapping or a log, and nobody here asks for.
LAMBDAS_OWN = {
    "dynamodb:ListStreams": "asked when a mapping is made ('Execution role permissions' for DynamoDB)",
    "logs:CreateLogStream": "the log of an execution environment",
    "logs:PutLogEvents": "the log of an execution environment",
    "s3:ListBucket": "asked when a mapping is given an S3 destination",
}


def check(stack: RunningStack) -> None:
    """Hold every role against the calls of whoever takes it: a function, or the scheduler."""
    missing, spare = {}, {}
    for role in stack.plan.roles:
        allowed, called = stack.allowed(role), stack.calls[role.id]
        missing[role.id] = called - allowed
        spare[role.id] = {one for one in allowed - called if one[0] not in LAMBDAS_OWN}
    assert {id: calls for id, calls in missing.items() if calls} == {}
    assert {id: calls for id, calls in spare.items() if calls} == {}


def planned(registry: Registry, application: str, **section: Any) -> Plan:
    return plan(App("memory://", registry=registry).model, configuration(section), application)


# -- the shop


def lines() -> Iterator[dict[str, Any]]:
    for line in (EXAMPLES / "orders" / "orders.jsonl").read_bytes().splitlines()[:45]:
        with suppress(ValueError):
            document = json.loads(line)
            if isinstance(document, dict):
                yield document


def trade(stack: RunningStack) -> None:
    """Let the shop's first orders come in, by each of the ways there are."""
    for number, line in enumerate(lines()):
        if "event" in line:
            external = {"detail-type": line["event"], "source": line["source"], "id": line["id"]}
            stack.send("PaymentsQueue", {**external, "detail": line["payload"]})
        elif number % 5 == 0:
            stack.send("CommandsQueue", line)
        else:
            with suppress(CqrslessError):
                stack.command(line["command"], line["payload"], line["id"])
        if number % 7 == 0:
            stack.settle()
    stack.settle()


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": f"late-{number}",
        "customer": "Ann",
        "country": "DE",
        "ordered_on": "2026-03-02",
        "lines": [{"sku": "MUG", "quantity": 2, "price": "11.00"}],
    }


def paid(number: int, amount: str, id: str) -> dict[str, Any]:
    detail = {"order_id": f"late-{number}", "amount": amount, "method": "card", "reason": "no cover"}
    return {"detail-type": "PaymentReceived", "source": "payments", "id": id, "detail": detail}


def test_the_shops_roles_allow_what_is_called_and_nothing_else(moto_aws: None) -> None:
    import examples.orders
    from cqrsless.registry import DEFAULT
    from examples.orders.aftermath import Outbox

    assert examples.orders
    # Its functions are invoked by their aliases, by themselves and by schedules too, and the bank's by their names.
    made = planned(DEFAULT, "examples.orders", create_targets=True, snapstart=True)
    stack = RunningStack(made, DEFAULT, NOW, {"mail": Outbox()})
    placed_already: set[int] = set()

    def change(number: int) -> None:
        """Have an order create all events that anybody handles."""
        id = f"late-{number}"
        if number not in placed_already:
            placed_already.add(number)
            stack.command("CreateOrder", order(number), f"{id}-1")
            stack.send("PaymentsQueue", {**paid(number, "26.90", f"{id}-no"), "detail-type": "PaymentFailed"})
        else:
            stack.command("PayOrder", {"order_id": id, "amount": "26.90", "method": "card"}, f"{id}-2")
            stack.command("ShipOrder", {"order_id": id, "carrier": "post", "parcel": "1"}, f"{id}-3")

    with noting_calls(stack):
        trade(stack)
        stack.ask("OrdersByStatus", {"status": "placed", "limit": 3})
        placed = stack.http("POST", "/orders", {}, order(0))
        stack.settle()
        stack.http("GET", "/orders/late-0", {"Cqrsless-After": placed["headers"]["cqrsless-commit"]})
        stack.send("PaymentsQueue", paid(0, "1.00", "p-1"))
        stack.settle()
        stack.send("PaymentsQueue", paid(0, "2.00", "p-2"))
        stack.send("PaymentsQueue", paid(0, "1.00", "p-1"))
        assert stack.advance(timedelta(minutes=31)) > 0, "nobody paid in time"
        stack.run_rarities(change)
        assert stack.command("CreateOrder", order(3), "late-3-1")["duplicate"]
    check(stack)
    with noting_calls(stack):
        stack.restore()
        assert stack.ask("GetOrder", {"order_id": "late-3"})["status"] == "shipped"
        for number in (4, 4):
            change(number)
            stack.settle()
        assert stack.advance(timedelta(minutes=31)) == 0, "it was paid in time"
    check(stack)


# -- the bank


def test_the_banks_roles_allow_what_is_called_and_nothing_else(moto_aws: None) -> None:
    from examples.bank import bank

    made = planned(bank, "examples.bank:bank")
    stack = RunningStack(made, bank, NOW, {})
    numbers = count(3)
    with noting_calls(stack):
        for owner in ("ann", "bob", "cy"):
            stack.command("OpenAccount", {"account_id": owner, "owner": owner}, f"open-{owner}")
            stack.send("CommandsQueue", {"command": "Deposit", "payload": {"account_id": owner, "amount": "100"}})
        stack.settle()
        for number in range(6):
            transfer = {"payer": "ann", "payee": ("bob", "nobody")[number % 2], "amount": "30.00"}
            stack.command("StartTransfer", {**transfer, "transfer_id": f"t-{number}"}, f"t-{number}")
            stack.settle()
        lines = stack.ask("GetStatement", {"account_id": "ann"})["lines"]
        assert sum(Decimal(line["amount"]) for line in lines) == 10
        stack.restart()
        stack.command("Deposit", {"account_id": "bob", "amount": "1.00"}, "d-1")
        stack.command("Deposit", {"account_id": "bob", "amount": "2.00"}, "d-2")
        assert stack.command("Deposit", {"account_id": "bob", "amount": "1.00"}, "d-1")["duplicate"]

        def deposit(account: str) -> None:
            stack.command("Deposit", {"account_id": account, "amount": "1.00"}, f"d-{next(numbers)}")

        def meanwhile() -> None:
            deposit("cy")
            stack.restart()

        with stack.forgetful("TransfersFunction", meanwhile):
            stack.command("StartTransfer", {**transfer, "payer": "cy", "transfer_id": "t-7"}, "t-7")
            stack.settle()

        def change(number: int) -> None:
            """Have an account and the process handle something."""
            deposit("bob")
            stack.command("StartTransfer", {**transfer, "transfer_id": f"r-{next(numbers)}", "amount": "0.01"})

        stack.run_rarities(change)
    check(stack)


def test_a_call_that_no_role_allows_is_found(moto_aws: None) -> None:
    from examples.bank import bank

    stack = RunningStack(planned(bank, "examples.bank:bank"), bank, NOW, {})
    stack.calls["IndexerRole"].add(("dynamodb:Scan", "arn:aws:dynamodb:eu-west-1:1:table/orders-log"))
    with pytest.raises(AssertionError):
        check(stack)
