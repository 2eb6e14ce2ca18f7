"""What a type checker refuses, on the lines marked so and on no others. Checked, never run."""

from __future__ import annotations

from typing import Any

from cqrsless import (
    Client,
    Command,
    Event,
    Gateway,
    Registry,
    aggregate,
    command_handler,
    deployment,
    event_handler,
    event_type,
    evolver,
    middleware,
    processor,
    projector,
    query_handler,
    view,
)

Order = aggregate("Order", id_field="order_id")
Account = aggregate("Account", id_field="account_id", event_sourced=True)
Summary = view("Summary", key="order_id")


@command_handler("CreateOrder", aggregate=Order)  # expect-error
def without_state(command: Any) -> Any: ...


@command_handler("CreateOrder", aggregate="Order")  # expect-error
def without_anything() -> Any: ...


@command_handler("Ping")  # expect-error
def without_payload() -> Any: ...


@query_handler("GetOrder")  # expect-error
def query_without_payload(*, views: Any) -> Any: ...


@evolver("Deposited", aggregate=Account)  # expect-error
def evolver_without_event(account: Any) -> Any: ...


@projector("OrderCreated", view=Summary)  # expect-error
def projector_without_event(row: Any) -> Any: ...


@middleware  # expect-error
def without_call_next(message: Any) -> Any: ...


@middleware()  # expect-error
def without_call_next_either(message: Any) -> Any: ...


@event_handler("OrderShipped")  # expect-error
def without_event() -> Any: ...


command_handler("Create", aggregate=Order, creation="sometimes")  # expect-error
command_handler("Create", creation="always")  # expect-error
command_handler("Create", schema=dict)  # expect-error
command_handler("Create", rout="POST /orders")  # expect-error
command_handler("Create", allow=lambda: True)  # expect-error
command_handler("Create", middleware=[lambda message: message])  # expect-error
command_handler("Create", middleware=[len])  # expect-error
command_handler(Order)  # expect-error
aggregate("Order")  # expect-error
aggregate("Order", id_field=7)  # expect-error
evolver("Deposited", aggregate=Summary)  # expect-error
projector("OrderCreated", view=Order)  # expect-error
view("Summary", key=("a", "b", "c"))  # expect-error
processor("mailer", mode="tracing")  # expect-error
event_handler(7)  # expect-error
Registry()  # expect-error
event_type("A", version="1")  # expect-error
deployment(memroy=512)  # expect-error
deployment(processors={"mailer": {"batchsize": 10}})  # expect-error
deployment(http={"authorizer": "basic"})  # expect-error


@command_handler("Ship", aggregate=Order)
def ship(command: dict[str, str], order: dict[str, str], *, message: object) -> Event:
    return Event("OrderShipped", command)


ship({}, {})  # expect-error
ship({}, message=1)  # expect-error
ship(7, {}, message=1)  # expect-error
text: str = ship({}, {}, message=1)  # expect-error
Order.name = "Other"  # expect-error
name = Summary.nmae  # expect-error
Command()  # expect-error
gateway: Gateway = Registry("a")  # expect-error
Client("lambda://orders").execute("Ship", due=7)  # expect-error
Client("lambda://orders", routes=7)  # expect-error
Client("lambda://orders", errors=[ValueError])  # expect-error
Client("sqs://orders.fifo", group="order_id")  # expect-error
