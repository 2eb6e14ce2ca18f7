"""The applications that decisions are told of: one of each kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields

from cqrsless import (
    DELETED,
    Event,
    Registry,
    Rejected,
    from_command_id,
)
from cqrsless.testing import Given, given

shop = Registry("shop-of-decisions")
Order = shop.aggregate("Order", id_field="order_id")


class NotPaid(Rejected):
    """The order has not been paid."""


class OrderRef(Schema):
    order_id = fields.String(required=True)


class Line(OrderRef):
    price = fields.Decimal(required=True)


@shop.command_handler("CreateOrder", schema=OrderRef, aggregate=Order, creation="always")
def create_order(command: Any, order: None) -> Any:
    return {"status": "placed", "total": Decimal(0)}, Event("OrderCreated", command)


@shop.command_handler("AddLine", schema=Line, aggregate=Order)
def add_line(command: Any, order: Any) -> Any:
    return {**order, "total": order["total"] + command["price"]}, Event("LineAdded", {"price": command["price"]})


@shop.command_handler("PayOrder", schema=OrderRef, aggregate=Order)
def pay_order(command: Any, order: Any) -> Any:
    return {**order, "status": "paid"}, [Event("OrderPaid", command), Event("InvoiceDue", command)]


@shop.command_handler("ShipOrder", schema=OrderRef, aggregate=Order)
def ship_order(command: Any, order: Any) -> Any:
    if order["status"] != "paid":
        raise NotPaid
    return {**order, "status": "shipped"}, Event("OrderShipped", command)


@shop.command_handler("TouchOrder", schema=OrderRef, aggregate=Order)
def touch_order(command: Any, order: Any) -> Any:
    return order


@shop.command_handler("MarkOrder", schema=OrderRef, aggregate=Order)
def mark_order(command: Any, order: Any, *, message: Any, colour: str) -> Any:
    return {**order, "marked": message.time, "colour": colour}


@shop.command_handler("DropOrder", schema=OrderRef, aggregate=Order)
def drop_order(command: Any, order: Any) -> Any:
    return DELETED


@shop.command_handler("BreakOrder", schema=OrderRef, aggregate=Order)
def break_order(command: Any, order: Any) -> Any:
    raise KeyError("a bug")


@shop.command_handler("Ping")
def ping(command: Any) -> str:
    return "pong"


shop.resource("colour")(lambda: "red")

bank = Registry("bank-of-decisions")


@dataclass(frozen=True)
class AccountState:
    owner: str = ""
    balance: Decimal = Decimal(0)


Account = bank.aggregate(
    "Account", id_field="account_id", event_sourced=True, state=AccountState, new_id=from_command_id
)
Opened = bank.event_type("Opened")
Deposited = bank.event_type("Deposited", was="MoneyPaidIn")
Closed = bank.event_type("Closed")


@bank.evolver(Opened, aggregate=Account)
def opened(account: AccountState, event: Any) -> AccountState:
    return replace(account, owner=event["owner"])


@bank.evolver(Deposited, aggregate=Account)
def deposited(account: AccountState, event: Any) -> AccountState:
    return replace(account, balance=account.balance + event["amount"])


@bank.evolver(Closed, aggregate=Account)
def closed(account: AccountState, event: Any) -> Any:
    return DELETED


@bank.command_handler("Open", aggregate=Account, creation="always")
def open_account(command: Any, account: AccountState) -> Event:
    return Opened(owner=command["owner"])


@bank.command_handler("Deposit", aggregate=Account)
def deposit(command: Any, account: AccountState) -> Event:
    return Deposited(amount=command["amount"])


@bank.command_handler("Close", aggregate=Account)
def close(command: Any, account: AccountState) -> list[Event]:
    return [Closed()] if account.balance == 0 else []


PLACED = {"status": "placed", "total": Decimal(0)}
PAID = {"status": "paid", "total": Decimal(0)}
O1 = {"order_id": "o-1"}
A1 = {"account_id": "a-1"}
ADA = Opened(owner="Ada")
TWO = Deposited(amount=Decimal(2))


def order(*past: Any, **how: Any) -> Given:
    return given(*past, registry=shop, **how)


def account(*past: Any, **how: Any) -> Given:
    return given(*past, registry=bank, **how)
