"""What may be asked of the bank, as marshmallow checks it."""

from __future__ import annotations

from decimal import Decimal

from marshmallow import Schema, fields, validate

CENTS = 2
A_TEXT = validate.Length(min=1, max=140)
SOMETHING = validate.Range(min=0, min_inclusive=False)


class OpenAccount(Schema):
    account_id = fields.String()
    owner = fields.String(required=True, validate=A_TEXT)
    overdraft = fields.Decimal(load_default=Decimal("0.00"), places=CENTS, validate=validate.Range(min=0, max=5000))


class AccountRef(Schema):
    account_id = fields.String(required=True)


class Movement(AccountRef):
    amount = fields.Decimal(required=True, places=CENTS, validate=SOMETHING)
    text = fields.String(load_default="", validate=validate.Length(max=140))


class FreezeAccount(AccountRef):
    reason = fields.String(required=True, validate=A_TEXT)
