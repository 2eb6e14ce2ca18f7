"""Statements: a line for each movement of an account, from its very first one on, a page at a time."""

from __future__ import annotations

from typing import Any

from cqrsless import Message, Views

from . import schemas
from .app import Deposited, Payload, Withdrawn, bank
from .transfers import AccountCredited, AccountDebited, AccountReimbursed

Row = dict[str, Any]

# It reads the log of all commits at its own pace, last year's included.
statements = bank.processor("statements", mode="tracking", start="beginning")
Statement = bank.view("Statement", key=("account_id", "sequence"), processor=statements)


def place(event: Payload, message: Message) -> tuple[str | None, int | None]:
    return message.aggregate_id, message.sequence


@bank.projector(Deposited, AccountCredited, AccountReimbursed, view=Statement, key=place)
def money_in(row: None, event: Payload, *, message: Message) -> Row:
    return {
        "account_id": message.aggregate_id,
        "sequence": message.sequence,
        "time": message.time,
        "text": event["text"],
        "amount": event["amount"],
    }


@bank.projector(Withdrawn, AccountDebited, view=Statement, key=place)
def money_out(row: None, event: Payload, *, message: Message) -> Row:
    return money_in(row, {**event, "amount": -event["amount"]}, message=message)


@bank.query_handler("GetStatement", schema=schemas.GetStatement)
def get_statement(query: Payload, *, views: Views) -> Payload:
    page = views.list(Statement, query["account_id"], query["limit"], query["cursor"])
    return {"lines": page.rows, "cursor": page.cursor}
