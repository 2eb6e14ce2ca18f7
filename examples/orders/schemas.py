"""What may be asked of the shop, as marshmallow checks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

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
