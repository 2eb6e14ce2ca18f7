"""An application with one of everything, as its developer would write it."""

from __future__ import annotations

import enum
from datetime import timedelta

from marshmallow import Schema, fields, validate

from cqrsless import Command, Event, Registry, Rejected

shop = Registry("shop")
unreachable = {"nobody@example.org"}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(Schema):
    sku = fields.String(required=True, validate=validate.Length(min=1, max=20))
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=9))
    price = fields.Decimal(required=True, places=2)


class Address(Schema):
    street = fields.String(required=True)
    gate = fields.Boolean(load_default=False)


class PlaceOrder(Schema):
    order_id = fields.String(required=True)
    mail = fields.Email(required=True)
    note = fields.String(load_default="", validate=validate.Length(max=100_000))
    colour = fields.Enum(Colour, by_value=True, load_default=Colour.RED)
    speed = fields.String(load_default="slow", validate=validate.OneOf(["slow", "fast"]))
    wanted_on = fields.Date(load_default=None, allow_none=True)
    address = fields.Nested(Address, load_default=None, allow_none=True)
    lines = fields.List(fields.Nested(Line), required=True, validate=validate.Length(min=1))
    tags = fields.List(fields.String(), load_default=list)
    extra = fields.Dict(load_default=dict)


class OrderRef(Schema):
    order_id = fields.String(required=True)


Order = shop.aggregate("Order", id_field="order_id")
Summary = shop.view("Summary", key="order_id", indexes={"by_status": ("status", "order_id")})
shop.processor("mailer", retries=0)


@shop.command_handler("PlaceOrder", schema=PlaceOrder, aggregate=Order, creation="always", route="POST /orders")
def place_order(command, order):
    """Place an order that nobody has placed before."""
    return {"status": "placed", "note": command["note"], "mail": command["mail"]}, Event("OrderPlaced", command)


@shop.command_handler("ShipOrder", schema=OrderRef, aggregate=Order, route="POST /orders/{order_id}/ship")
def ship_order(command, order):
    if order["status"] == "shipped":
        raise Rejected("the order has already shipped")
    return {**order, "status": "shipped"}, Event("OrderShipped", {**command, "mail": order["mail"]})


@shop.command_handler("ExpireOrder", schema=OrderRef, aggregate=Order)
def expire_order(command, order):
    return {**order, "status": "expired"}, Event("OrderExpired", command)


@shop.command_handler("Break")
def break_it(command):
    raise KeyError("<b>a bug</b>")


@shop.projector("OrderPlaced", view=Summary)
def placed(row, event):
    return {"order_id": event["order_id"], "status": "placed", "note": event["note"]}


@shop.projector("OrderShipped", view=Summary)
def shipped(row, event):
    return {**row, "status": "shipped"}


@shop.event_handler("OrderShipped", processor="mailer")
def tell(event):
    if event["mail"] in unreachable:
        raise ConnectionError(f"no mail reaches {event['mail']}")


@shop.event_handler("OrderPlaced", processor="deadlines")
def set_deadline(event):
    order = event["order_id"]
    return Command("ExpireOrder", {"order_id": order}, id=f"expire-{order}", due=timedelta(days=3))


@shop.publisher("OrderShipped", to="eventbridge://shop")
def publish(event):
    return Event("ParcelSent", {"order": event["order_id"]})


@shop.query_handler("GetOrder", schema=OrderRef, route="GET /orders/{order_id}")
def get_order(query, *, views):
    return views.get(Summary, query["order_id"])


@shop.query_handler("WhoAmI", route="GET /me", allow=lambda message: message.claims.get("role") == "staff")
def who_am_i(query, *, message):
    return {"actor": message.actor, "claims": dict(message.claims)}
