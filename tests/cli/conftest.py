from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cqrsless.cli.group import cqrsless

SHOP = """
from decimal import Decimal

from marshmallow import Schema, fields

from cqrsless import Event, Registry, Rejected

shop = Registry("shop")


class CreateOrder(Schema):
    order_id = fields.String(required=True)
    total = fields.Decimal(required=True)


class OrderRef(Schema):
    order_id = fields.String(required=True)


Order = shop.aggregate("Order", id_field="order_id")
Summary = shop.view("OrderSummary", key="order_id")


@shop.command_handler("CreateOrder", schema=CreateOrder, aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order):
    return {"status": "placed", "total": command["total"]}, Event("OrderCreated", dict(command))


@shop.command_handler("ShipOrder", schema=OrderRef, aggregate=Order, route="POST /orders/{order_id}/ship")
def ship_order(command, order):
    if order["status"] == "shipped":
        raise Rejected("the order has already shipped")
    return {**order, "status": "shipped"}, Event("OrderShipped", {"order_id": command["order_id"]})


@shop.command_handler("BreakOrder", schema=OrderRef, aggregate=Order)
def break_order(command, order):
    return order["no such thing"]


@shop.projector("OrderCreated", "OrderShipped", view=Summary)
def summed_up(row, event):
    return {**(row or {}), "order_id": event["order_id"], "status": "shipped" if row else "placed"}


@shop.event_handler("OrderShipped", processor="mailer")
def tell_customer(event, *, message):
    pass


@shop.query_handler("GetOrder", schema=OrderRef, route="GET /orders/{order_id}")
def get_order(query, *, views):
    return views.get(Summary, query["order_id"])
"""

ACCOUNTS = """
from cqrsless import Command, Event, Registry, Rejected

bank = Registry("bank")
Account = bank.aggregate("Account", id_field="id", event_sourced=True)
Transfer = bank.aggregate("Transfer", id_field="id")


@bank.command_handler("Open", aggregate=Account, creation="always")
def open_account(command, account):
    return Event("Opened", {"owner": command["owner"]})


@bank.command_handler("Deposit", aggregate=Account)
def deposit(command, account):
    return Event("Deposited", {"amount": command["amount"], "transfer": command.get("transfer")})


@bank.command_handler("Start", aggregate=Transfer, creation="always")
def start(command, transfer):
    return {"status": "started"}, Event("Started", command)


@bank.command_handler("Finish", aggregate=Transfer)
def finish(command, transfer):
    return {"status": "done"}


@bank.evolver("Opened", aggregate=Account)
def opened(account, event):
    return {"owner": event["owner"], "balance": 0}


@bank.evolver("Deposited", aggregate=Account)
def deposited(account, event):
    return {**account, "balance": account["balance"] + event["amount"]}


@bank.event_handler("Started", processor="transfers")
def pay(event):
    return Command("Deposit", {"id": event["to"], "amount": event["amount"], "transfer": event["id"]})


@bank.event_handler("Deposited", processor="transfers")
def end(event):
    return Command("Finish", {"id": event["transfer"]}) if event["transfer"] else None
"""


class Project:
    """A folder with a project in it, which is the current one; `run` is the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, old: str, new: str, file: str = "accounts.py") -> None:
        """Change the code, as a person between two runs of the command line would."""
        text = (self.folder / file).read_text(encoding="utf-8")
        assert old in text
        self.write(file, text.replace(old, new))
        for name, module in list(sys.modules.items()):
            if str(self.folder) in str(getattr(module, "__file__", "") or ""):
                del sys.modules[name]

    def run(self, *args: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cqrsless, args, input=input, prog_name="cqrsless")

    def ok(self, *args: str, input: str | bytes | None = None) -> str:
        """Run what has to succeed, and give its standard output."""
        result = self.run(*args, input=input)
        assert result.exit_code == 0, (result.exit_code, result.stdout, result.stderr)
        return result.stdout

    def json(self, *args: str, input: str | bytes | None = None) -> Any:
        return json.loads(self.ok(*args, "--json", input=input))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A shop in a fresh folder; no setting and no module outlives the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    modules, environ = set(sys.modules), dict(os.environ)
    for name in [name for name in os.environ if name.startswith("CQRSLESS_")]:
        del os.environ[name]
    made = Project(tmp_path)
    made.write("pyproject.toml", '[tool.cqrsless]\napp = "shop:shop"\n')
    made.write("shop.py", SHOP)
    yield made
    os.environ.clear()
    os.environ.update(environ)
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "") or ""):
            del sys.modules[name]


@pytest.fixture
def bank(project: Project) -> Project:
    project.write("accounts.py", ACCOUNTS)
    project.write("pyproject.toml", '[tool.cqrsless]\napp = "accounts:bank"\n')
    project.ok("send", "Open", '{"id": "a-1", "owner": "Ada"}', "--id", "c-1")
    project.ok("send", "Start", '{"id": "t-1", "to": "a-1", "amount": 5}', "--id", "c-2")
    return project
