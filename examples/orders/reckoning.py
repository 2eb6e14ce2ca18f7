"""A second reckoning of the same file: what should be stored, worked out in plain Python.

Nothing here comes from cqrsless or from the application, so that one mistake cannot stand on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

TARIFF: dict[str, str] = json.loads(Path(__file__).with_name("tariff.json").read_text())
CENT = Decimal("0.01")


@dataclass
class Reckoned:
    """An order as it should stand; its history is each event's name and the amount that it is about.

    `accepted` are the ids of the commands and events that changed it.
    """

    status: str = "never placed"
    total: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    history: list[tuple[str, Decimal | None]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    customer: str = field(default="", compare=False)
    place: int = field(default=0, compare=False)

    @property
    def left(self) -> Decimal:
        return self.total - self.refunded

    @property
    def commands(self) -> int:
        """How many commands were accepted; the rest are events of the payment provider's."""
        return sum(not id.startswith("pay-") for id in self.accepted)

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.history)


def reckon(lines: Iterable[bytes]) -> dict[str, Reckoned]:
    """Go through a file once, and give every order that it speaks of, also those that never came to be."""
    orders: dict[str, Reckoned] = {}
    for number, line in enumerate(lines):
        try:
            document = json.loads(line)
            name = document["event" if "event" in document else "command"]
            id, payload = document["id"], document["payload"]
            order = orders.setdefault(payload["order_id"], Reckoned())
            amount = READERS[name](payload)
        except (ValueError, KeyError, TypeError, InvalidOperation):
            continue
        version = len(order.accepted)
        is_new = id not in order.accepted and document.get("expected_version", version) == version
        if is_new and apply(order, name, amount):
            order.accepted.add(id)
            if name == "CreateOrder":
                order.customer, order.place = payload["customer"], number
    return orders


def expire(orders: dict[str, Reckoned]) -> list[str]:
    """Let the deadline of every order pass, and give those that had not been paid."""
    unpaid = [order_id for order_id, order in orders.items() if order.status == "placed"]
    for order_id in unpaid:
        orders[order_id].status = "expired"
        orders[order_id].history.append(("OrderExpired", None))
    return unpaid


def apply(order: Reckoned, name: str, amount: Decimal) -> bool:
    """Do what a command asks, if it may be done now."""
    if name == "CreateOrder" and order.status == "never placed":
        order.status, order.total = "placed", amount
        order.history.append(("OrderCreated", amount))
    elif name == "AddLine" and order.status == "placed":
        order.total += amount
        order.history.append(("LineAdded", order.total))
    elif name in ("PayOrder", "PaymentReceived") and order.status == "placed" and amount == order.total:
        order.status = "paid"
        order.history.append(("OrderPaid", amount))
    elif name == "PaymentReceived" and order.status != "never placed":
        order.history.append(("PaymentRefused", amount))
    elif name == "PaymentFailed" and order.status == "placed":
        order.history.append(("PaymentDeclined", None))
    elif name == "ShipOrder" and order.status == "paid":
        order.status = "shipped"
        order.history.append(("OrderShipped", None))
    elif name == "CancelOrder" and order.status in ("placed", "paid"):
        order.history.append(("OrderCancelled", None))
        if order.status == "paid" and order.left:
            order.history.append(("OrderRefunded", order.left))
            order.refunded = order.total
        order.status = "cancelled"
    elif name == "RefundOrder" and order.status in ("paid", "shipped") and amount <= order.left:
        order.refunded += amount
        order.history.append(("OrderRefunded", amount))
    else:
        return False
    return True


# What each command is about in money. A reader raises where the command is not one that anybody could accept.


def read_order(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "customer", "country", "ordered_on", "lines", "discount")
    text(payload["customer"])
    date.fromisoformat(payload["ordered_on"])
    if type(payload["lines"]) is not list or not payload["lines"]:
        raise ValueError("an order has lines")
    goods = sum((read_line(line) for line in payload["lines"]), Decimal(0))
    discounted = positive(goods - positive(money(payload.get("discount", 0))))
    return discounted + Decimal(TARIFF[payload["country"]])


def read_line(line: dict[str, Any]) -> Decimal:
    only(line, "sku", "quantity", "price")
    if not (type(line["quantity"]) is int and 1 <= line["quantity"] <= 999):
        raise ValueError("a quantity is a whole number")
    return line["quantity"] * positive(money(line["price"]))


def read_added_line(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "line")
    return read_line(payload["line"])


def read_payment(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "amount", "method")
    return positive(money(payload["amount"]))


def read_failure(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "reason")
    return Decimal(0)


def read_refund(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "amount", "reason")
    return positive(money(payload["amount"]))


def read_shipment(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "carrier", "parcel")
    return Decimal(0)


def read_cancellation(payload: dict[str, Any]) -> Decimal:
    only(payload, "order_id", "reason")
    return Decimal(0)


READERS = {
    "CreateOrder": read_order,
    "AddLine": read_added_line,
    "PayOrder": read_payment,
    "ShipOrder": read_shipment,
    "CancelOrder": read_cancellation,
    "RefundOrder": read_refund,
    "PaymentReceived": read_payment,
    "PaymentFailed": read_failure,
}


def only(payload: dict[str, Any], *names: str) -> None:
    """Refuse a field that nobody knows."""
    if not payload.keys() <= {*names}:
        raise ValueError(f"unknown: {payload.keys() - {*names}}")


def text(value: Any) -> None:
    if type(value) is not str or not value:
        raise ValueError(f"{value!r} is no text")


def money(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no amount")
    return Decimal(str(value)).quantize(CENT)


def positive(amount: Decimal) -> Decimal:
    if amount < 0:
        raise ValueError(f"{amount} is below zero")
    return amount
