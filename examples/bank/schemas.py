"""What may be asked of the bank, as marshmallow checks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

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


class StartTransfer(Schema):
    transfer_id = fields.String()
    payer = fields.String(required=True, validate=A_TEXT)
    payee = fields.String(required=True, validate=A_TEXT)
    amount = fields.Decimal(required=True, places=CENTS, validate=SOMETHING)
    text = fields.String(load_default="", validate=validate.Length(max=140))

    @validates_schema
    def check_the_accounts(self, transfer: dict[str, Any], **_: Any) -> None:
        if transfer["payer"] == transfer["payee"]:
            raise ValidationError("A transfer is between two accounts.", "payee")


class GetStatement(AccountRef):
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))
    cursor = fields.String(load_default=None)
