"""A small shop for the tests of the sources: an application on a store in memory that remembers what it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from marshmallow import Schema, fields, validate

from cqrsless import CqrslessError, Event, Message, Registry, Rejected
from cqrsless.app import App
from cqrsless.registry import Model
from cqrsless.store import Store

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
CONTEXT = SimpleNamespace(aws_request_id="8b1f21d2-request", function_name="shop")
PAYLOADS = Path(__file__).parent.parent / "payloads"


def recorded(name: str) -> Any:
    """Give a recorded payload, fresh."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


class CreateOrder(Schema):
    order_id = fields.String(required=True)
    customer_id = fields.String(required=True)
    total = fields.Decimal(required=True)
    lines = fields.List(fields.Integer(validate=validate.Range(min=1)))


class OrderRef(Schema):
    order_id = fields.String(required=True)


class Filter(Schema):
    status = fields.String()
    tag = fields.List(fields.String())
    note = fields.String()
    limit = fields.Integer()


class OutOfStock(Rejected):
    """The shelf is empty."""


def registry() -> Registry:
    shop = Registry("shop")
    order = shop.aggregate("Order", id_field="order_id")
    seat = shop.aggregate("Seat", id_field=("room", "row"))

    def create(command: Mapping[str, Any], state: None) -> Any:
        return {"status": "placed"}, Event("OrderCreated", dict(command))

    shop.command_handler("CreateOrder", schema=CreateOrder, aggregate=order, creation="always", route="POST /orders")(
        create
    )
    shop.command_handler(
        "CreatePrivateOrder",
        schema=CreateOrder,
        aggregate=order,
        creation="always",
        route="POST /private/orders",
        allow=lambda message: message.claims.get("sub") != "banned",
    )(create)

    @shop.command_handler("ShipOrder", schema=OrderRef, aggregate=order, route="POST /orders/{order_id}/ship")
    def ship_order(command: Mapping[str, Any], state: Any) -> Any:
        if state["status"] == "shipped":
            raise OutOfStock("the order has already shipped")
        return {**state, "status": "shipped"}, Event("OrderShipped", dict(command))

    @shop.command_handler("TouchOrder", aggregate=order, creation="if_missing", route="PUT /orders/{order_id}")
    def touch_order(command: Mapping[str, Any], state: Any) -> Any:
        return state or {"status": "draft"}

    @shop.command_handler("TakeSeat", aggregate=seat, creation="always", route="POST /seats")
    def take_seat(command: Mapping[str, Any], state: None) -> Any:
        return {"taken": True}

    @shop.command_handler("Greet", route="POST /greetings")
    def greet(command: Mapping[str, Any]) -> Any:
        return {"hello": command["name"], "at": NOON}

    @shop.command_handler("Break", route="POST /bugs")
    def break_down(command: Mapping[str, Any]) -> Any:
        raise KeyError("secret\ndetail")

    @shop.command_handler("Raise", route="POST /raise")
    def raise_it(command: Mapping[str, Any]) -> Any:
        raise command["error"]

    @shop.query_handler("GetOrder", schema=OrderRef, route="GET /orders/{order_id}")
    def get_order(query: Mapping[str, Any]) -> Any:
        return None if query["order_id"] == "none" else {"order_id": query["order_id"], "total": Decimal("19.90")}

    @shop.query_handler("ListOrders", schema=Filter, route="GET /orders")
    def list_orders(query: Mapping[str, Any]) -> Any:
        return {"asked": dict(query)}

    @shop.query_handler("Echo", route="GET /echo/{word}")
    def echo(query: Mapping[str, Any]) -> Any:
        return dict(query)

    @shop.query_handler("GetSeat", route="GET /rooms/{room}/rows/{row}")
    def get_seat(query: Mapping[str, Any]) -> Any:
        return dict(query)

    @shop.query_handler("Unwritable", route="GET /unwritable")
    def unwritable(query: Mapping[str, Any]) -> Any:
        return {"rows": [object()]}

    return shop


@dataclass
class Shop:
    """An application that remembers the messages it was given; `events` says which external events it handles."""

    events: frozenset[str] = frozenset({"PaymentFailed"})
    raising: Exception | BaseException | None = None
    messages: list[Message] = field(default_factory=list)
    app: App = field(default_factory=lambda: App("memory://", registry=registry(), clock=lambda: NOON))

    @property
    def model(self) -> Model:
        return self.app.model

    def now(self) -> datetime:
        return NOON

    def dispatch(self, message: Message) -> Any:
        self.messages.append(message)
        if self.raising is not None:
            raise self.raising
        return self.app.dispatch(message)

    def receive_event(self, message: Message) -> bool:
        self.messages.append(message)
        if self.raising is not None:
            raise self.raising
        return message.name in self.events

    def consume(self, deliveries: Any) -> list[str]:
        raise AssertionError("no commits are delivered here")

    wake = consume

    def park_given_up(self, deliveries: Any, why: str) -> list[str]:
        raise AssertionError("nothing is given up here")

    @property
    def store(self) -> Store:
        return self.app.store

    @property
    def message(self) -> Message:
        (message,) = self.messages
        return message

    def versions(self, *ids: str) -> list[int]:
        """Give the orders' versions, 0 for one that does not exist."""
        found = []
        for order_id in ids:
            try:
                found.append(self.app.load("Order", order_id).version)
            except CqrslessError:
                found.append(0)
        return found
