"""What a function makes and drops, where it says so plainly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import cqrsless
from cqrsless import Command, Event, Registry, cancel
from cqrsless.describing.dropped import dropped
from cqrsless.describing.unfolded import warnings
from cqrsless.testing import given

shop = Registry("dropping")
Order = shop.aggregate("Order", id_field="order_id", event_sourced=True)
OrderShipped = shop.event_type("OrderShipped")
OrderKept = shop.event_type("OrderKept")
seen: list[Any] = []


@shop.evolver(OrderShipped, OrderKept, aggregate=Order)
def evolve(order: Any, event: Any) -> Any:
    return {**order, **event}


@shop.command_handler("ShipOrder", aggregate=Order, creation="if_missing")
def ship(command: Any, order: Any) -> Any:
    OrderShipped(order_id=command["order_id"])


@shop.command_handler("KeepOrder", aggregate=Order, creation="if_missing")
def keep(command: Any, order: Any) -> Any:
    seen.append(OrderKept(order_id=command["order_id"]))
    return seen[-1]


@shop.event_handler(OrderShipped)
def bill(event: Any) -> Any:
    if event["order_id"]:
        Command("KeepOrder", event)


@shop.publisher(OrderShipped, to="eventbridge://shop")
def parcel_sent(event: Any) -> Any:
    Event("ParcelSent", event)


@shop.event_handler(OrderKept)
def unbill(event: Any) -> Any:
    yield cancel("bill")
    command = Command("KeepOrder", event)
    yield from [command]


def qualified(event: Any) -> Any:
    cqrsless.cancel("a")


def inside_of_another(event: Any) -> Any:
    def later(Command: Any) -> None:
        Command("KeepOrder")

    return [later]


def another_command(event: Any) -> Any:
    Command = print
    Command("KeepOrder")


@pytest.mark.parametrize(
    ("fn", "what"), [(ship, "OrderShipped"), (bill, "Command"), (qualified, "cancel"), (lambda e: e, ""), (len, "")]
)
def test_what_stands_alone_is_dropped(fn: Callable[..., Any], what: str) -> None:
    told = dropped(fn)
    assert (f" makes {what}(...) and drops it (tests/describing/test_dropped.py:" in told) if what else told == ""


@pytest.mark.parametrize("fn", [keep, unbill, partial(keep, {}), another_command, inside_of_another])
def test_what_is_returned_yielded_or_used_is_not(fn: Callable[..., Any]) -> None:
    assert dropped(fn) == ""


def test_the_tools_warn_of_each_once() -> None:
    told = [line for line in warnings(shop.freeze()) if "drops it" in line]
    assert [line.partition(" ")[0] for line in told] == ["ship", "bill", "parcel_sent"]


def test_a_story_of_a_handler_that_drops_what_it_makes_fails_whatever_it_expects() -> None:
    order = {"order_id": "o-1"}
    told = (
        r"^bill \(tests.describing.test_dropped.py:\d+\) makes Command\(...\) and drops it \(.*\): return or yield it$"
    )
    with pytest.raises(AssertionError, match=told):
        given(registry=shop).when(Event("OrderShipped", order)).then_nothing()
    with pytest.raises(AssertionError, match=r"^parcel_sent \(.* makes Event\(...\) and drops it"):
        given(registry=shop).when(Event("OrderShipped", order)).then_published()
    with pytest.raises(AssertionError, match=r"^ship \(.* makes OrderShipped\(...\) and drops it"):
        given(registry=shop).when("ShipOrder", order)
    given(registry=shop).when("KeepOrder", order).then(OrderKept(**order))
    given(registry=shop).when(Event("OrderKept", order)).then(cancel("bill"), Command("KeepOrder", order))
