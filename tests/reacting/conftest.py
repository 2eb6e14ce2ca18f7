"""A small shop whose orders are seen by views, mailed about, published, expired, and written into statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cqrsless import Command, Event, Registry, Rejected, cancel
from cqrsless.app import App


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        self.time += timedelta(microseconds=1)  # no two moments are the same
        return self.time


class Shop:
    """A registry, and what its handlers did."""

    def __init__(self) -> None:
        self.registry = Registry("shop")
        self.mailed: list[tuple[str, int]] = []
        self.replayed: list[str] = []
        self.poisoned: set[str] = set()
        self.build()

    def build(self) -> None:
        shop = self.registry
        Order = shop.aggregate("Order", id_field="order_id")

        @shop.command_handler("CreateOrder", aggregate=Order, creation="always", route="POST /orders")
        def create(command: Any, order: Any) -> Any:
            return {"status": "placed"}, Event("OrderCreated", dict(command))

        @shop.command_handler("PayOrder", aggregate=Order)
        def pay(command: Any, order: Any) -> Any:
            if order["status"] != "placed":
                raise Rejected(f"the order is {order['status']}")
            return {**order, "status": "paid"}, Event("OrderPaid", {"order_id": command["order_id"]})

        @shop.command_handler("ExpireOrder", aggregate=Order)
        def expire(command: Any, order: Any) -> Any:
            if order["status"] != "placed":
                raise Rejected("the order was paid")
            return {**order, "status": "expired"}, Event("OrderExpired", {"order_id": command["order_id"]})

        @shop.command_handler("Touch", aggregate=Order)
        def touch(command: Any, order: Any) -> Any:
            return {**order, "touched": order.get("touched", 0) + 1}, Event("OrderTouched", {})

        Summary = shop.view("Summary", key="order_id", indexes={"by_status": ("status", "order_id")})

        @shop.projector("OrderCreated", "OrderPaid", "OrderExpired", view=Summary)
        def summary(row: Any, event: Any, *, message: Any) -> Any:
            seen = [*(row or {}).get("seen", []), message.name]
            return {"order_id": message.aggregate_id, "status": message.name, "seen": seen}

        Customers = shop.view("Customers", key="customer")

        @shop.projector("OrderCreated", view=Customers, key=lambda event, message: event.get("customer", "nobody"))
        def customers(row: Any, event: Any) -> Any:
            return {"orders": (row or {"orders": 0})["orders"] + 1}

        statements = shop.processor("statements", mode="tracking", start="beginning")
        Statement = shop.view("Statement", key="order_id", processor=statements)

        @shop.projector("OrderCreated", "OrderPaid", "OrderTouched", view=Statement)
        def statement(row: Any, event: Any, *, message: Any) -> Any:
            return {"lines": [*(row or {"lines": []})["lines"], message.sequence]}

        shop.processor("mailer", retries=1)

        @shop.event_handler("OrderPaid", "OrderTouched", processor="mailer")
        def mail(event: Any, *, message: Any) -> None:
            if message.aggregate_id in self.poisoned:
                raise ValueError("poison")
            (self.replayed.append(message.id) if message.replaying else None)
            self.mailed.append((message.aggregate_id, message.sequence))

        @shop.event_handler("OrderCreated", processor="deadlines")
        def deadline(event: Any, *, message: Any) -> Any:
            target = {"order_id": message.aggregate_id}
            return Command("ExpireOrder", target, id=f"expire-{message.aggregate_id}", due=timedelta(minutes=20))

        @shop.event_handler("OrderPaid", processor="deadlines")
        def in_time(event: Any, *, message: Any) -> Any:
            return cancel(f"expire-{message.aggregate_id}")

        shop.processor("deadlines")

        @shop.event_handler("PaymentReceived", source="payments", processor="payments")
        def received(event: Any) -> Any:
            return Command("PayOrder", {"order_id": event["order_id"]})

        shop.processor("payments")

        @shop.publisher("OrderPaid", to="eventbridge://bus")
        def publish(event: Any) -> Any:
            return Event("order.paid", event)

        @shop.query_handler("GetOrder", route="GET /orders/{order_id}")
        def get(query: Any, *, views: Any) -> Any:
            return views.get(Summary, query["order_id"])

        @shop.query_handler("ListOrders", route="GET /orders")
        def list_orders(query: Any, *, views: Any) -> Any:
            return views.list(Summary, query["status"], index="by_status")

    def app(self, store: Any = "memory://", clock: Callable[[], datetime] | None = None) -> App:
        return App(store=store, registry=self.registry, clock=clock)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store_url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def app(shop: Shop, store_url: str, clock: Clock) -> Iterator[App]:
    made = shop.app(store_url, clock)
    yield made
    made.store.close()
