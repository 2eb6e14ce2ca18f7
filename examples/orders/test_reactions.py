"""What follows from the shop's events, tested: one function at a time, and the whole application in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqrsless import App, Cancel, Command, Event, MalformedMessage, Message, ValidationFailed
from cqrsless.sources import handle

from . import mailing, payments, publishing, views
from .aftermath import Outbox

NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
ORDER: dict[str, Any] = {
    "order_id": "o-1",
    "customer": "Müller",
    "country": "DE",
    "ordered_on": "2026-03-02",
    "lines": [{"sku": "MUG", "quantity": 2, "price": "11.00"}],
}
PAYMENT = {"order_id": "o-1", "amount": "26.90", "method": "card"}
SHIPMENT = {"order_id": "o-1", "carrier": "post", "parcel": "123"}


def message(name: str, **fields: Any) -> Message:
    return Message("Order#o-1@1", name, "event", {}, NOW, **fields)


# Projectors and event handlers are functions: call them.


def test_a_summary_follows_an_order() -> None:
    created = {"order_id": "o-1", "customer": "Müller", "total": Decimal("26.90")}
    row = views.placed(None, created, message=message("OrderCreated"))
    assert row == {**created, "status": "placed", "placed_at": NOW}
    row = views.grown(row, {"order_id": "o-1", "total": Decimal("91.80")})
    row = views.moved_on(row, {"order_id": "o-1"}, message=message("OrderPaid"))
    assert (row["total"], row["status"]) == (Decimal("91.80"), "paid")


def test_a_customer_has_spent_what_was_not_given_back() -> None:
    row = views.ordered(views.ordered(None, {"customer": "Müller"}), {"customer": "Müller"})
    row = views.spent(row, {"amount": Decimal("26.90")})
    row = views.given_back(row, {"amount": Decimal("6.90")})
    assert row == {"customer": "Müller", "orders": 2, "spent": Decimal("20.00")}


def test_a_payment_is_booked_or_on_record_as_refused() -> None:
    assert payments.book(PAYMENT) == Command("PayOrder", PAYMENT, on_rejected="PaymentRefused")


def test_a_deadline_is_set_and_dropped_under_one_id() -> None:
    assert payments.set_deadline(ORDER) == Command(
        "ExpireOrder", {"order_id": "o-1"}, id="expire-o-1", due=timedelta(minutes=30)
    )
    assert payments.drop_deadline({"order_id": "o-1"}) == Cancel("expire-o-1")


def test_a_mail_that_is_asked_for_again_is_one_mail() -> None:
    outbox = Outbox()
    for _ in range(2):
        mailing.announce_parcel(
            {**SHIPMENT, "customer": "Müller"}, message=message("OrderShipped", idempotency_key="k-1"), mail=outbox
        )
    assert outbox.sent == {"k-1": ("Müller", "Your order o-1 is on its way: post, parcel 123.")}


def test_a_public_event_says_no_more_than_it_has_to() -> None:
    shipped = publishing.order_shipped({**SHIPMENT, "customer": "Müller"})
    assert shipped == Event("OrderShipped", {"order_id": "o-1", "carrier": "post"})


# The whole application: execute and receive, deliver, let time pass, and look.


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path, outbox: Outbox) -> Iterator[App]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"
    made = App(url, resources={"mail": outbox})
    yield made
    made.store.close()


def test_an_order_that_is_paid_and_shipped_is_told_to_everybody(app: App, outbox: Outbox) -> None:
    app.execute("CreateOrder", ORDER)
    assert app.receive("PaymentReceived", {**PAYMENT, "fee": "0.30"}, source="payments", id="p-1")
    shipped = app.execute("ShipOrder", SHIPMENT)

    assert app.ask("GetOrder", {"order_id": "o-1"}, after=shipped)["status"] == "shipped"
    spent = {"customer": "Müller", "orders": 1, "spent": Decimal("26.90")}
    assert app.ask("GetCustomer", {"customer": "Müller"}) == spent
    assert [to for to, _ in outbox.sent.values()] == ["Müller"]
    assert [(to, document["type"]) for to, document in app.published.documents] == [
        ("eventbridge://shop", "OrderPlaced"),
        ("eventbridge://shop", "OrderShipped"),
    ]


def test_an_order_that_nobody_pays_expires_and_a_late_payment_goes_back(app: App) -> None:
    app.execute("CreateOrder", ORDER)
    app.execute("CreateOrder", {**ORDER, "order_id": "o-2"})
    app.drain()
    app.receive("PaymentReceived", {**PAYMENT, "order_id": "o-2"}, source="payments", id="p-2")

    assert app.advance(timedelta(minutes=29)) == 0
    assert app.advance(timedelta(minutes=2)) == 1
    assert app.ask("GetOrder", {"order_id": "o-1"})["status"] == "expired"
    assert app.ask("GetOrder", {"order_id": "o-2"})["status"] == "paid"

    app.receive("PaymentReceived", PAYMENT, source="payments", id="p-1")
    app.receive("PaymentReceived", PAYMENT, source="payments", id="p-1")
    app.drain()
    back = {"order_id": "o-1", "amount": Decimal("26.90"), "reason": "The order has expired: nobody paid in time."}
    assert [event for event in app.published if event.name == "PaymentToReturn"] == [Event("PaymentToReturn", back)]


def test_a_customer_whose_payment_failed_is_asked_once_to_try_again(app: App, outbox: Outbox) -> None:
    app.execute("CreateOrder", ORDER)
    for _ in range(2):
        app.receive("PaymentFailed", {"order_id": "o-1", "reason": "card expired"}, source="payments", id="p-1")
    app.drain()
    app.replay("mailer")
    asked = ("Müller", "Your payment for order o-1 failed (card expired). Please try again.")
    assert (list(outbox.sent.values()), outbox.asked) == ([asked], 1)


def test_what_a_payment_provider_garbles_is_invalid(app: App) -> None:
    with pytest.raises(ValidationFailed):
        app.receive("PaymentReceived", {"order_id": "o-1", "amount": "much"}, source="payments", id="p-1")


def test_a_customers_orders_are_listed_by_total_a_page_at_a_time(app: App) -> None:
    for number, quantity in enumerate((3, 1, 10, 2), 1):
        lines = [{**ORDER["lines"][0], "quantity": quantity}]
        app.execute("CreateOrder", {**ORDER, "order_id": f"o-{number}", "lines": lines})
    app.drain()
    listing = {"customer": "Müller", "by": "total", "limit": 3}
    first = app.ask("OrdersOfCustomer", listing)
    rest = app.ask("OrdersOfCustomer", {**listing, "cursor": first["cursor"]})
    assert [row["order_id"] for row in first["orders"] + rest["orders"]] == ["o-2", "o-4", "o-1", "o-3"]
    assert rest["cursor"] is None
    with pytest.raises(MalformedMessage, match="this cursor belongs to another list"):
        app.ask("OrdersOfCustomer", {**listing, "by": "time", "cursor": first["cursor"]})


def test_a_list_is_read_over_http(app: App) -> None:
    app.execute("CreateOrder", ORDER)
    app.drain()

    def get(path: str, query: str = "") -> tuple[int, Any]:
        http = {"http": {"method": "GET", "path": path}, "stage": "$default"}
        event = {"version": "2.0", "rawPath": path, "rawQueryString": query, "headers": {}, "requestContext": http}
        answer = handle(event, None, app)
        return answer["statusCode"], json.loads(answer["body"])

    status, page = get("/customers/Müller/orders", "by=total&limit=5")
    assert (status, page["cursor"]) == (200, None)
    assert page["orders"][0]["total"] == "26.90"
    assert get("/orders", "status=placed")[0] == 401, "that list is for staff"
    assert get("/orders/o-9")[0] == 404


def test_a_replay_gives_the_same_rows(app: App) -> None:
    app.execute("CreateOrder", ORDER)
    app.execute("PayOrder", PAYMENT)
    app.drain()
    before = app.ask("GetOrder", {"order_id": "o-1"}), app.ask("GetCustomer", {"customer": "Müller"})
    app.replay("OrderSummary")
    app.replay("Customer")
    assert (app.ask("GetOrder", {"order_id": "o-1"}), app.ask("GetCustomer", {"customer": "Müller"})) == before
