"""What an application is given wrongly is told by the call, with what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cqrsless import App, Command, Query, Registry, ValidationFailed

shop = Registry("arguments")
Order = shop.aggregate("Order", id_field="order_id")
Seat = shop.aggregate("Seat", id_field=("show", "row"))
O1 = {"order_id": "o-1"}


@shop.command_handler("CreateOrder", aggregate=Order, creation="always")
def create_order(command: Any, order: Any) -> Any:
    return {}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda app: App(5), 'App(5) is given no store: write its URL, as in App("memory://") or App("sqlite:///'),
        (lambda app: App(shop), "App() is given a Registry in the place of a store: write App(registry=...)"),
        (lambda app: App("memory://", resources=5), 'resources=5 is no mapping: write resources={"mailer": ...}'),
        (lambda app: App("memory://", clock=5), "clock=5 is no function that gives the time: write clock=lambda: ..."),
        (lambda app: app.load(5, "o-1"), '5 is no aggregate: give its name, as in app.load("Order", "o-1"), or what '),
        (lambda app: app.history(create_order, "o-1"), "is no aggregate: give its name, as in app.load("),
        (
            lambda app: app.load(Order, "o-1", version="2"),
            "version='2' is no number of a version: write version=1, or ",
        ),
        (
            lambda app: app.execute("CreateOrder", O1, expected_version="1"),
            "expected_version='1' of CreateOrder is no number of a version: write expected_version=1",
        ),
        (lambda app: app.execute_many(5), "app.execute_many is given 5 alone: write app.execute_many([Command("),
        (
            lambda app: app.receive("PaymentReceived", {}, source="payments", time=5),
            "time=5 of PaymentReceived is no time: write datetime(..., tzinfo=timezone.utc)",
        ),
        (
            lambda app: app.receive("PaymentReceived", {}, source="payments", metadata=5),
            "metadata=5 of PaymentReceived is no mapping",
        ),
        (lambda app: app.load(Order, "o-1", version=True), "version=True is no number of a version"),
        (
            lambda app: app.execute("CreateOrder", O1, metadata=5),
            'metadata=5 of CreateOrder is no mapping: write metadata={"note": "..."}',
        ),
        (
            lambda app: app.execute(Command("CreateOrder", O1, metadata="x" * 999)),
            f"metadata='{'x' * 99}… of CreateOrder",
        ),
        (
            lambda app: app.execute("CreateOrder", O1, on_rejected=5),
            'on_rejected=5 of CreateOrder names no event: write on_rejected="OrderKept"',
        ),
        (
            lambda app: app.execute("CreateOrder", O1, due=14),
            "due=14 of CreateOrder is no time: give an aware datetime, or a timedelta, as in timedelta(days=3), ",
        ),
        (
            lambda app: app.execute(Command("CreateOrder", O1), {}),
            "app.execute is given a payload beside the Command CreateOrder, which has its own: leave it out, or write "
            'app.execute("CreateOrder", {...})',
        ),
        (
            lambda app: app.ask(Query("GetOrder"), O1),
            'app.ask is given a payload beside the Query GetOrder, which has its own: leave it out, or write app.ask("',
        ),
        (lambda app: app.execute(Command("CreateOrder", O1), metadata=5), "metadata=5 of CreateOrder is no mapping"),
        (lambda app: app.ask("GetOrder", after=5), "after=5 is no CommandResult: give what execute returned"),
    ],
)
def test_what_is_given_wrongly_is_told_with_what_to_write(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(TypeError) as told:
        call(App("memory://", registry=shop))
    assert text in str(told.value)


def test_an_id_of_several_parts_is_given_by_its_parts() -> None:
    with pytest.raises(ValidationFailed, match=r"^5 is not an id of Seat: give its parts \(show, row\) as a tuple$"):
        App("memory://", registry=shop).load(Seat, 5)  # type: ignore[arg-type]
