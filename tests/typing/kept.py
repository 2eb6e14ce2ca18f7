"""Decorated functions are to a type checker what they were: names, parameters and return types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypedDict

from marshmallow import Schema, fields
from typing_extensions import assert_type

import cqrsless
from cqrsless import (
    DELETED,
    Command,
    Event,
    Message,
    Registry,
    aggregate,
    cancel,
    command_handler,
    deployment,
    event_handler,
    event_type,
    evolver,
    from_command_id,
    middleware,
    processor,
    projector,
    publisher,
    query_handler,
    resource,
    state_upcaster,
    upcaster,
    view,
)
from cqrsless.registry import AggregateRecord, Cancel, EventType, Model, ProcessorRecord, ViewRecord


class CreateOrder(Schema):
    order_id = fields.String(required=True)


class OrderState(TypedDict):
    status: str


@dataclass(frozen=True)
class Account:
    balance: Decimal = Decimal(0)


class Mailer:
    def send(self, text: str) -> None: ...


def owner(message: Message) -> bool:
    return message.actor == "me"


Order = aggregate("Order", id_field="order_id", state_version=2, new_id=from_command_id)
Accounts = aggregate("Account", id_field=("bank", "number"), event_sourced=True, state=Account, state_version=2)
assert_type(Order, AggregateRecord)
assert_type(Order.name, str)
assert_type(Order.id_field, tuple[str, ...])


@command_handler("CreateOrder", schema=CreateOrder, aggregate=Order, creation="always", route="POST /orders")
def create_order(command: dict[str, str], order: OrderState | None) -> tuple[OrderState, Event]:
    return {"status": "placed"}, Event("OrderCreated", command)


assert_type(create_order({"order_id": "o-1"}, None), tuple[OrderState, Event])
assert_type(create_order(command={}, order=None), tuple[OrderState, Event])
assert_type(create_order.__name__, str)


@command_handler("CloseOrder", schema=CreateOrder(), aggregate="Order", allow=owner, middleware=[lambda m, n: n(m)])
def close_order(command: dict[str, str], order: OrderState, *, message: Message, mailer: Mailer) -> object:
    mailer.send(message.name)
    return DELETED


def check_close_order(message: Message, mailer: Mailer) -> None:
    assert_type(close_order({}, {"status": "placed"}, message=message, mailer=mailer), object)


@command_handler("Ping")
def ping(command: dict[str, int]) -> int:
    return command["n"]


assert_type(ping({"n": 1}), int)


@command_handler("Deposit", aggregate=Accounts, creation="if_missing")
def deposit(command: dict[str, Decimal], account: Account) -> Iterator[Event]:
    yield Event("Deposited", command)


assert_type(deposit({}, Account()), Iterator[Event])

Deposited = event_type("Deposited", version=2, was="MoneyIn")
assert_type(Deposited, EventType)
assert_type(Deposited(amount=1), Event)
assert_type(Deposited({"amount": 1}), Event)


@evolver(Deposited, "Corrected", aggregate=Accounts)
def deposited(account: Account, event: dict[str, Decimal]) -> Account:
    return replace(account, balance=account.balance + event["amount"])


assert_type(deposited(Account(), {"amount": Decimal(1)}), Account)


@upcaster(Deposited, from_version=1)
def with_currency(payload: dict[str, object]) -> dict[str, object]:
    return {**payload, "currency": "EUR"}


@state_upcaster(Order, from_version=1)
def with_status(state: dict[str, object]) -> dict[str, object]:
    return {**state, "status": "placed"}


assert_type(with_currency({}), dict[str, object])
assert_type(with_status({}), dict[str, object])


@query_handler("GetOrder", route="GET /orders/{order_id}", allow=owner)
def get_order(query: dict[str, str], *, views: Any) -> OrderState | None:
    return None


assert_type(get_order({}, views=None), "OrderState | None")


deployment(memory=512, processors={"mailer": {"timeout": 60, "bus": False}}, create_targets=True)
deployment(processors={processor("audit"): {"allow": [{"actions": ["ses:SendEmail"], "resources": ["*"]}]}})


@middleware
def timed(message: Message, call_next: Callable[[Message], object]) -> object:
    return call_next(message)


@middleware()
def logged(message: Message, call_next: Callable[[Message], object], *, mailer: Mailer) -> object:
    return call_next(message)


def check_middleware(message: Message) -> None:
    assert_type(timed(message, print), object)
    assert_type(logged(message, print, mailer=Mailer()), object)


@resource("mailer")
def make_mailer() -> Mailer:
    return Mailer()


@resource("outbox")
def make_outbox(*, mailer: Mailer) -> list[Mailer]:
    return [mailer]


assert_type(make_mailer(), Mailer)
assert_type(make_outbox(mailer=make_mailer()), list[Mailer])
resource("other_mailer")(Mailer)

mailers = processor("mailers", mode="tracking", start="beginning", retry_on=(OSError, ValueError), on_failure="stop")
Summary = view("Summary", key=("customer_id", "order_id"), indexes={"by_status": "status"}, processor=mailers)
assert_type(mailers, ProcessorRecord)
assert_type(Summary, ViewRecord)


@event_handler("OrderShipped", Deposited, processor=mailers, replay=False)
def tell_customer(event: dict[str, str], *, message: Message) -> list[Command | Cancel]:
    return [Command("Ping", {}, id=message.id), cancel("expire-b1")]


@projector("OrderCreated", view=Summary, key=lambda event, message: (event["customer_id"], message.aggregate_id))
def summary_created(row: dict[str, str] | None, event: dict[str, str]) -> dict[str, str] | None:
    return event


@publisher("OrderShipped", to="eventbridge://shop")
def order_shipped(event: dict[str, str]) -> Event | None:
    return None


def check_reactions(message: Message) -> None:
    assert_type(tell_customer({}, message=message), list[Command | Cancel])
    assert_type(summary_created(None, {}), "dict[str, str] | None")
    assert_type(order_shipped({}), "Event | None")


class Handlers:
    def create(self, command: dict[str, str], order: OrderState | None) -> OrderState:
        return {"status": "placed"}


assert_type(command_handler("Create", aggregate=Order)(Handlers().create)({}, None), OrderState)

billing = Registry("billing")


@billing.command_handler("Bill", aggregate=billing.aggregate("Invoice", id_field="invoice_id"))
@command_handler("Bill", aggregate=Order)
def bill(command: dict[str, str], invoice: dict[str, str] | None) -> dict[str, str]:
    return command


assert_type(bill({}, None), dict[str, str])
assert_type(billing.freeze(), Model)
assert_type(billing.freeze().commands["Bill"].inject, tuple[str, ...])
assert_type(cqrsless.__version__, str)


def place(orders: cqrsless.Gateway) -> cqrsless.CommandResult:
    placed = orders.execute("CreateOrder", {"order_id": "o-1"}, id="c-1", metadata={"tenant": "t"}, expected_version=0)
    orders.ask("GetOrder", {"order_id": "o-1"}, after=placed)
    return orders.execute(Command("ShipOrder", {"order_id": "o-1"}))


def check_application() -> None:
    app = cqrsless.App(store="memory://", registry=billing)
    client = cqrsless.Client("https://orders.example", routes=app, token=lambda: "t", timeout=5, attempts=2)
    assert_type(place(app), cqrsless.CommandResult)
    assert_type(place(client), cqrsless.CommandResult)
    cqrsless.Client("sqs://orders.fifo", group=lambda command: str(command.payload["order_id"]), region="eu-west-1")
    cqrsless.Client("lambda://orders", errors=[cqrsless.Rejected])
    cqrsless.entrypoint({}, None)
