"""The shop, tested: handlers as plain functions, and decisions told as given, when, then."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cqrsless import AlreadyExists, App, Event, NotFound
from cqrsless.testing import given

from . import app as shop

TARIFF = {"DE": Decimal("4.90")}
MUG = {"sku": "MUG", "quantity": 2, "price": Decimal("11.00")}
ORDER: dict[str, Any] = {
    "order_id": "o-1",
    "customer": "Müller",
    "country": "DE",
    "ordered_on": date(2026, 3, 2),
    "lines": [MUG],
    "discount": Decimal("0.00"),
}
PLACED = {
    **ORDER,
    "status": "placed",
    "shipping": Decimal("4.90"),
    "total": Decimal("26.90"),
    "refunded": Decimal("0.00"),
}
PAID = {**PLACED, "status": "paid"}
SHIPPED = {**PAID, "status": "shipped", "parcel": "123"}


# A handler is a function: call it.


def test_an_order_costs_its_lines_and_the_parcel_less_the_discount() -> None:
    state, event = shop.create_order({**ORDER, "discount": Decimal("2.50")}, None, tariff=TARIFF)
    assert state["total"] == 2 * Decimal("11.00") + Decimal("4.90") - Decimal("2.50")
    assert event.name == "OrderCreated"
    assert event.payload["total"] == Decimal("24.40")


def test_we_deliver_where_the_tariff_says() -> None:
    with pytest.raises(shop.NotDelivered, match="we do not deliver to US"):
        shop.create_order({**ORDER, "country": "US"}, None, tariff=TARIFF)


def test_the_cost_of_a_parcel_can_be_asked_for() -> None:
    assert shop.quote_shipping({"country": "DE"}, tariff=TARIFF) == {"country": "DE", "price": Decimal("4.90")}
    assert shop.quote_shipping({"country": "US"}, tariff=TARIFF) is None


# A decision with all that stands around it: validation, what exists, what is stored.


def test_an_order_is_placed_once() -> None:
    created = {**ORDER, "ordered_on": "2026-03-02", "lines": [{**MUG, "price": "11.00"}], "discount": "0"}
    given().when("CreateOrder", created).then_state(PLACED)
    given(PLACED).when("CreateOrder", created).then_rejected(AlreadyExists)


def test_an_order_has_lines_and_a_total_that_is_not_negative() -> None:
    order = {**ORDER, "ordered_on": "2026-03-02", "lines": [{**MUG, "price": "11.00"}]}
    given().when("CreateOrder", {**order, "lines": []}).then_invalid({"lines": ["Shorter than minimum length 1."]})
    too_much = {"discount": ["The discount is more than the lines cost."]}
    given().when("CreateOrder", {**order, "discount": "22.01"}).then_invalid(too_much)
    given().when("CreateOrder", {**order, "discount": "22.00"}).then_state(
        {**PLACED, "discount": Decimal("22.00"), "total": Decimal("4.90")}
    )


def test_a_line_can_be_added_until_the_order_is_paid() -> None:
    command = {"order_id": "o-1", "line": {"sku": "KETTLE", "quantity": 1, "price": "64.90"}}
    kettle = {"sku": "KETTLE", "quantity": 1, "price": Decimal("64.90")}
    added = Event("LineAdded", {"order_id": "o-1", "line": kettle, "total": Decimal("91.80")})
    with_both = {**PLACED, "lines": [MUG, kettle], "total": Decimal("91.80")}
    given(PLACED).when("AddLine", command).then(added).then_state(with_both)
    given(PAID).when("AddLine", command).then_rejected(shop.AlreadyPaid).then_state(PAID)


def test_a_payment_is_the_whole_amount() -> None:
    payment = {"order_id": "o-1", "amount": "26.90", "method": "card"}
    paid = Event("OrderPaid", {**payment, "amount": Decimal("26.90"), "customer": "Müller"})
    given(PLACED).when("PayOrder", payment).then(paid).then_state(PAID)
    given(PLACED).when("PayOrder", {**payment, "amount": "26.89"}).then_rejected(shop.WrongAmount, match="costs 26.90")
    given(PAID).when("PayOrder", payment).then_rejected(shop.AlreadyPaid)


def test_what_is_paid_is_shipped_once() -> None:
    shipment = {"order_id": "o-1", "carrier": "post", "parcel": "123"}
    shipped = Event("OrderShipped", {**shipment, "customer": "Müller"})
    given(PAID).when("ShipOrder", shipment).then(shipped).then_state(SHIPPED)
    given(PLACED).when("ShipOrder", shipment).then_rejected(shop.NotPaid)
    given(SHIPPED).when("ShipOrder", shipment).then_rejected(shop.AlreadyShipped)
    given().when("ShipOrder", shipment).then_rejected(NotFound)


def test_only_what_is_unpaid_expires() -> None:
    command = {"order_id": "o-1"}
    expired = {**PLACED, "status": "expired"}
    given(PLACED).when("ExpireOrder", command).then(Event("OrderExpired", command)).then_state(expired)
    given(PAID).when("ExpireOrder", command).then_rejected(shop.AlreadyPaid)
    given(expired).when("PayOrder", {**command, "amount": "26.90", "method": "card"}).then_rejected(shop.AlreadyExpired)


def test_a_payment_is_declined_until_one_is_booked() -> None:
    command = {"order_id": "o-1", "reason": "card expired"}
    declined = Event("PaymentDeclined", {**command, "customer": "Müller"})
    given(PLACED).when("DeclinePayment", command).then(declined).then_state(PLACED)
    given(PAID).when("DeclinePayment", command).then_rejected(shop.AlreadyPaid)


def test_a_cancelled_order_is_refunded_if_it_was_paid() -> None:
    command = {"order_id": "o-1", "reason": "found it cheaper"}
    cancelled = Event("OrderCancelled", command)
    refunded = Event("OrderRefunded", {**command, "amount": PAID["total"], "customer": "Müller"})
    given(PLACED).when("CancelOrder", command).then(cancelled).then_state({**PLACED, "status": "cancelled"})
    given(PAID).when("CancelOrder", command).then(cancelled, refunded)
    given(SHIPPED).when("CancelOrder", command).then_rejected(shop.AlreadyShipped)


def test_no_more_is_refunded_than_was_paid() -> None:
    command = {"order_id": "o-1", "amount": "20.00", "reason": "broken"}
    once = {**SHIPPED, "refunded": Decimal("20.00")}
    given(SHIPPED).when("RefundOrder", command).then_state(once)
    given(once).when("RefundOrder", command).then_rejected(shop.RefundTooLarge, match="6.90 that are left")
    given(PLACED).when("RefundOrder", command).then_rejected(shop.NotPaid)


# The whole application, on a store in memory.


def test_a_command_that_is_sent_again_is_one_command() -> None:
    app = App("memory://")
    order = {**ORDER, "ordered_on": "2026-03-02", "lines": [{**MUG, "price": "11.00"}], "discount": "0"}
    first = app.execute("CreateOrder", order, id="c-1")
    again = app.execute("CreateOrder", order, id="c-1")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.events == first.events
    assert [event.name for event in app.history(shop.Order, "o-1")] == ["OrderCreated"]
    assert app.ask("QuoteShipping", {"country": "DE"}) == {"country": "DE", "price": Decimal("4.90")}
