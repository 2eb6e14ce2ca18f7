"""A small shop's orders: each handler gives the order as it stands afterwards, and the event that says why.

What follows from the events stands in `views.py`, `payments.py`, `mailing.py` and `publishing.py`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from cqrsless import Event, Message, Rejected, aggregate, command_handler, query_handler, resource

from . import schemas

Payload = dict[str, Any]
State = dict[str, Any]
Tariff = dict[str, Decimal]

Order = aggregate("Order", id_field="order_id")


class NotDelivered(Rejected):
    """We do not deliver to that country."""


class WrongAmount(Rejected):
    """The payment is not what the order costs."""


class NotPaid(Rejected):
    """The order has not been paid."""


class AlreadyPaid(Rejected):
    """The order has been paid already."""


class AlreadyShipped(Rejected):
    """The order has been shipped already."""


class AlreadyCancelled(Rejected):
    """The order has been cancelled."""


class AlreadyExpired(Rejected):
    """The order has expired: nobody paid in time."""


class RefundTooLarge(Rejected):
    """There is less left to refund."""


NOT_NOW = {
    "placed": NotPaid,
    "paid": AlreadyPaid,
    "shipped": AlreadyShipped,
    "cancelled": AlreadyCancelled,
    "expired": AlreadyExpired,
}


def expect(order: State, *statuses: str) -> None:
    """Refuse what does not fit where the order stands."""
    if order["status"] not in statuses:
        raise NOT_NOW[order["status"]]


def is_staff(message: Message) -> bool:
    """Say whether the API's authorizer knows the caller as one of ours; it is asked over HTTP only."""
    return message.claims.get("role") == "staff"


@resource("tariff")
def read_tariff() -> Tariff:
    """What a parcel costs, by country: read once, and injected wherever a handler asks for `tariff`."""
    text = Path(__file__).with_name("tariff.json").read_text()
    return {country: Decimal(price) for country, price in json.loads(text).items()}


@command_handler("CreateOrder", schema=schemas.CreateOrder, aggregate=Order, creation="always", route="POST /orders")
def create_order(command: Payload, order: None, *, tariff: Tariff) -> tuple[State, Event]:
    if command["country"] not in tariff:
        raise NotDelivered(f"we do not deliver to {command['country']}")
    shipping = tariff[command["country"]]
    total = sum((line["quantity"] * line["price"] for line in command["lines"]), shipping) - command["discount"]
    state = {
        **command,
        "status": "placed",
        "shipping": shipping,
        "total": total,
        "refunded": Decimal("0.00"),
    }
    return state, Event("OrderCreated", {**command, "shipping": shipping, "total": total})


@command_handler("AddLine", schema=schemas.AddLine, aggregate=Order, route="POST /orders/{order_id}/lines")
def add_line(command: Payload, order: State) -> tuple[State, Event]:
    expect(order, "placed")
    line = command["line"]
    total = order["total"] + line["quantity"] * line["price"]
    return {**order, "lines": [*order["lines"], line], "total": total}, Event("LineAdded", {**command, "total": total})


@command_handler("PayOrder", schema=schemas.PayOrder, aggregate=Order, route="POST /orders/{order_id}/payment")
def pay_order(command: Payload, order: State) -> tuple[State, Event]:
    expect(order, "placed")
    if command["amount"] != order["total"]:
        raise WrongAmount(f"the order costs {order['total']}, and {command['amount']} came in")
    return {**order, "status": "paid"}, Event("OrderPaid", {**command, "customer": order["customer"]})


@command_handler("DeclinePayment", schema=schemas.DeclinePayment, aggregate=Order)
def decline_payment(command: Payload, order: State) -> tuple[State, Event]:
    expect(order, "placed")
    return order, Event("PaymentDeclined", {**command, "customer": order["customer"]})


@command_handler("ExpireOrder", schema=schemas.OrderRef, aggregate=Order)
def expire_order(command: Payload, order: State) -> tuple[State, Event]:
    expect(order, "placed")
    return {**order, "status": "expired"}, Event("OrderExpired", command)


@command_handler(
    "ShipOrder", schema=schemas.ShipOrder, aggregate=Order, route="POST /orders/{order_id}/shipment", allow=is_staff
)
def ship_order(command: Payload, order: State) -> tuple[State, Event]:
    expect(order, "paid")
    shipped = Event("OrderShipped", {**command, "customer": order["customer"]})
    return {**order, "status": "shipped", "parcel": command["parcel"]}, shipped


@command_handler(
    "CancelOrder", schema=schemas.CancelOrder, aggregate=Order, route="POST /orders/{order_id}/cancellation"
)
def cancel_order(command: Payload, order: State) -> tuple[State, list[Event]]:
    expect(order, "placed", "paid")
    cancelled = {**order, "status": "cancelled"}
    events = [Event("OrderCancelled", command)]
    left = order["total"] - order["refunded"]
    if order["status"] == "paid" and left:
        cancelled["refunded"] = order["total"]
        events.append(Event("OrderRefunded", {**command, "amount": left, "customer": order["customer"]}))
    return cancelled, events


@command_handler(
    "RefundOrder", schema=schemas.RefundOrder, aggregate=Order, route="POST /orders/{order_id}/refunds", allow=is_staff
)
def refund_order(command: Payload, order: State) -> tuple[State, Event]:
    expect(order, "paid", "shipped")
    left = order["total"] - order["refunded"]
    if command["amount"] > left:
        raise RefundTooLarge(f"{command['amount']} is more than the {left} that are left to refund")
    refunded = Event("OrderRefunded", {**command, "customer": order["customer"]})
    return {**order, "refunded": order["refunded"] + command["amount"]}, refunded


@query_handler("QuoteShipping", schema=schemas.QuoteShipping, route="GET /shipping/{country}")
def quote_shipping(query: Payload, *, tariff: Tariff) -> Payload | None:
    price = tariff.get(query["country"])
    return None if price is None else {"country": query["country"], "price": price}
