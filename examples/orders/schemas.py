"""What may be asked of the shop and told to it, as marshmallow checks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

CENTS = 2
A_WORD = validate.Length(min=1, max=80)


class Line(Schema):
    sku = fields.String(required=True, validate=A_WORD)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=999))
    price = fields.Decimal(required=True, places=CENTS, validate=validate.Range(min=0))


class OrderRef(Schema):
    order_id = fields.String(required=True, validate=A_WORD)


class CreateOrder(OrderRef):
    customer = fields.String(required=True, validate=A_WORD)
    country = fields.String(required=True, validate=validate.Length(equal=2))
    ordered_on = fields.Date(required=True)
    lines = fields.List(fields.Nested(Line), required=True, validate=validate.Length(min=1))
    discount = fields.Decimal(load_default=Decimal("0.00"), places=CENTS, validate=validate.Range(min=0))

    @validates_schema
    def check_the_total(self, order: dict[str, Any], **_: Any) -> None:
        if order["discount"] > sum(line["quantity"] * line["price"] for line in order["lines"]):
            raise ValidationError("The discount is more than the lines cost.", "discount")


class AddLine(OrderRef):
    line = fields.Nested(Line, required=True)


class PayOrder(OrderRef):
    amount = fields.Decimal(required=True, places=CENTS, validate=validate.Range(min=0))
    method = fields.String(required=True, validate=validate.OneOf(["card", "transfer", "paypal"]))


class DeclinePayment(OrderRef):
    reason = fields.String(required=True, validate=A_WORD)


class ShipOrder(OrderRef):
    carrier = fields.String(required=True, validate=A_WORD)
    parcel = fields.String(required=True, validate=A_WORD)


class CancelOrder(OrderRef):
    reason = fields.String(required=True, validate=A_WORD)


class RefundOrder(OrderRef):
    amount = fields.Decimal(required=True, places=CENTS, validate=validate.Range(min=0, min_inclusive=False))
    reason = fields.String(required=True, validate=A_WORD)


class QuoteShipping(Schema):
    country = fields.String(required=True, validate=validate.Length(equal=2))


# Queries. Over HTTP their values come as text, so numbers are not strict.


class Listing(Schema):
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=100))
    cursor = fields.String(load_default=None)


class CustomerRef(Schema):
    customer = fields.String(required=True, validate=A_WORD)


class OrdersOfCustomer(CustomerRef, Listing):
    by = fields.String(load_default="time", validate=validate.OneOf(["time", "total"]))


class OrdersByStatus(Listing):
    status = fields.String(
        required=True, validate=validate.OneOf(["placed", "paid", "shipped", "cancelled", "expired"])
    )


# What the payment provider tells. What else it tells is none of our business.


class PaymentReceived(PayOrder):
    class Meta:
        unknown = EXCLUDE


class PaymentFailed(DeclinePayment):
    class Meta:
        unknown = EXCLUDE
