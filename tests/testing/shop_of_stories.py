"""The applications that stories are told of: a shop that reacts to its events, and a bank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from marshmallow import Schema, fields

from cqrsless import (
    DELETED,
    Command,
    Event,
    GiveUp,
    Registry,
    Rejected,
    RetryLater,
    cancel,
)
from cqrsless.testing import given

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
O1 = {"order_id": "o-1"}
PLACED = {"status": "placed"}

shop = Registry("shop-of-stories")
Order = shop.aggregate("Order", id_field="order_id")
Shelf = shop.aggregate("Shelf", id_field="sku")


class OrderRef(Schema):
    order_id = fields.String(required=True)


@shop.command_handler("CreateOrder", aggregate=Order, creation="always")
def create_order(command: Any, order: Any) -> Any:
    return PLACED, Event("OrderCreated", command)


@shop.command_handler("ShipOrder", schema=OrderRef, aggregate=Order)
def ship_order(command: Any, order: Any) -> Any:
    if order["status"] == "shipped":
        raise Rejected("the order has already shipped")
    return {**order, "status": "shipped"}, Event("OrderShipped", command)


@shop.command_handler("NoteOrder", aggregate=Order)
def note_order(command: Any, order: Any) -> Any:
    return {**order, "notes": [*order.get("notes", []), command["note"]]}


@shop.command_handler("DropOrder", aggregate=Order, creation="if_missing")
def drop_order(command: Any, order: Any) -> Any:
    return DELETED


@shop.command_handler("StockShelf", aggregate=Shelf, creation="if_missing")
def stock_shelf(command: Any, shelf: Any) -> Any:
    return {"sku": command["sku"]}, Event("ShelfStocked", command)


@shop.command_handler("Ping")
def ping(command: Any) -> str:
    return "pong"


Summary = shop.view("OrderSummary", key="order_id", indexes={"by_status": ("status", "order_id")})
Notes = shop.view("OrderLines", key=("order_id", "line"))


@shop.projector("OrderCreated", view=Summary)
def summary_created(row: Any, event: Any) -> Any:
    return {"order_id": event["order_id"], "status": "placed"}


@shop.projector("OrderShipped", view=Summary)
def summary_shipped(row: Any, event: Any) -> Any:
    return {**row, "status": "shipped"}


@shop.projector("OrderDropped", view=Summary)
def summary_dropped(row: Any, event: Any) -> None:
    return None


@shop.projector("LineAdded", view=Notes, key=lambda event, message: (message.aggregate_id, event["line"]))
def line_added(row: Any, event: Any) -> Any:
    return {"order_id": "o-1", "line": event["line"], "count": (row or {"count": 0})["count"] + 1}


deadlines = shop.processor("deadlines")
billing = shop.processor("billing", retries=2)


@shop.event_handler("OrderCreated", processor=deadlines)
def set_deadline(event: Any) -> Any:
    order = event["order_id"]
    return Command("ShipOrder", {"order_id": order}, id=f"ship-{order}", due=timedelta(days=3))


@shop.event_handler("OrderShipped", processor=deadlines)
def in_time(event: Any, *, views: Any) -> Any:
    return cancel(f"ship-{event['order_id']}") if views.get(Summary, event["order_id"]) else None


@shop.event_handler("OrderShipped", processor=billing)
def bill(event: Any, *, message: Any) -> Any:
    if event.get("total") is None:
        raise RetryLater("no total yet", after=60 * message.attempt)
    if event["total"] == 0:
        raise GiveUp("nothing to bill")
    return [Command("NoteOrder", {"order_id": event["order_id"], "note": "billed"}, on_rejected="NotBilled")]


@shop.event_handler("PaymentReceived", source="bank", processor="payments")
def ship_what_is_paid(event: Any) -> Any:
    return Command("ShipOrder", {"order_id": event["order"]})


@shop.publisher("OrderShipped", to="eventbridge://shop")
def parcel_sent(event: Any) -> Event:
    return Event("ParcelSent", {"order": event["order_id"]})


bank = Registry("bank-of-stories")


@dataclass(frozen=True)
class AccountState:
    balance: int = 0
    seen: tuple[str, ...] = ()


Account = bank.aggregate("Account", id_field="account_id", event_sourced=True, state=AccountState)
FOLDED: list[str] = []


@bank.evolver("Deposited", aggregate=Account)
def deposited(account: AccountState, event: Any) -> AccountState:
    FOLDED.append("Deposited")
    return replace(account, balance=account.balance + event["amount"])


@bank.evolver("Noted", aggregate=Account)
def noted(account: AccountState, event: Any) -> AccountState:
    return replace(account, seen=tuple(event["notes"]))


@bank.evolver("Withdrawn", aggregate=Account)
def withdrawn(account: AccountState, event: Any) -> AccountState:
    return replace(account, balance=account.balance - event["amount"])


@bank.command_handler("Withdraw", aggregate=Account)
def withdraw(command: Any, account: AccountState) -> Any:
    if command["amount"] > account.balance:
        raise Rejected(f"the balance is {account.balance}")
    return Event("Withdrawn", {"amount": command["amount"]})


TWO = Event("Deposited", {"amount": 2})
WITHDRAW_TWO = ("Withdraw", {"account_id": "a-1", "amount": 2})


def order(*past: Any, **how: Any) -> Any:
    return given(*past, registry=shop, **how)


def account(*past: Any, **how: Any) -> Any:
    return given(*past, registry=bank, **how)
