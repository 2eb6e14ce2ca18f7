"""What a failing story shows: the test's own lines and the handlers', in few lines."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cqrsless import Command, Event, Registry, Rejected, RetryLater
from cqrsless.testing import given
from cqrsless.testing.tracebacks import Plainly
from tests.test_pytest_plugin import run
from tests.testing.shop_of_stories import O1, order

SHOP = """
from cqrsless import Command, Event, Registry, Rejected
from cqrsless.testing import given

shop = Registry("shop")
Order = shop.aggregate("Order", id_field="order_id")

@shop.command_handler("ShipOrder", aggregate=Order)
def ship_order(command, order):
    if order.get("shipped"):
        raise Rejected("it has shipped")
    return order["missing"]

@shop.command_handler("Return", aggregate=Order)
def return_it(command, order):
    return Rejected("no")

@shop.event_handler("OrderShipped")
def bill(event):
    return Command("BillOrder", {"order_id": event["order_id"]})

def test_it():
    """


@pytest.mark.parametrize(
    ("story", "told", "most"),
    [
        ("given({'shipped': True}, registry=shop).when('ShipOrder', {'order_id': '1'}).then()", "in ship_order (", 9),
        ("given(registry=shop).when('ShipOrder', {'order_id': '1'}).then()", "refused with NotFound", 9),
        ("given({}, registry=shop).when('Return', {'order_id': '1'})", "(raise it, do not return it)", 9),
        ("given({}, registry=shop).when('ShpOrder', {})", "did you mean 'ShipOrder'", 9),
        ("given({}, registry=shop).when('ShipOrder', {'order_id': '1'})", "KeyError: 'missing'", 16),
        (
            "given(registry=shop).when(Event('OrderShipped', {'order_id': '1'})).then()",
            "named 'BillOrder'|'BillOrder'",
            9,
        ),
        (
            "given(registry=shop).when(Event('OrderShipped', {'order_id': '1'})).then_rejected()",
            "has no then_rejected",
            9,
        ),
    ],
)
def test_a_failure_is_a_few_lines_and_none_of_this_package(tmp_path: Path, story: str, told: str, most: int) -> None:
    shown = run(tmp_path, SHOP + story + "\n", passes=False)
    failure = shown.partition("test_it ___")[2].partition("short test summary")[0]
    assert any(one in failure for one in told.split("|")), shown
    assert ">" in failure and "/cqrsless/" not in failure
    assert len([line for line in failure.splitlines() if line]) <= most, shown


@pytest.mark.parametrize(
    "check",
    [
        lambda story: story.then(),
        lambda story: story.then_row("V", "1", {}),
        lambda story: story.then_published(),
    ],
)
def test_an_event_that_lacks_what_a_function_reads_is_named(check: Callable[[Any], Any]) -> None:
    story = given(registry=reading(), of="Order").when(Event("OrderShipped", {"order_id": "1"}))
    with pytest.raises(KeyError) as told:
        check(story)
    text = str(told.value)
    assert text.startswith("the test's event OrderShipped has order_id, and no 'total', which reads (tests")
    assert text.endswith(") reads: write Event('OrderShipped', {..., 'total': ...}), or let the function do without")


def test_a_past_that_lacks_what_an_evolver_reads_is_named() -> None:
    made = Registry("evolving")
    Account = made.aggregate("Account", id_field="id", event_sourced=True)

    @made.evolver("Deposited", aggregate=Account)
    def deposited(account: Any, event: Any) -> Any:
        return {"balance": account.get("balance", 0) + event["amount"]}

    @made.command_handler("Deposit", aggregate=Account)
    def deposit(command: Any, account: Any) -> Any:
        return Event("Deposited", command)

    with pytest.raises(KeyError, match="the test's event Deposited has note, and no 'amount', which deposited"):
        given(Event("Deposited", {"note": ""}), registry=made).when("Deposit", {"id": "1"})
    with pytest.raises(KeyError, match=r"^'amount'$"):  # the state is as empty: nobody knows which was asked
        given(Event("Deposited", {}), registry=made).when("Deposit", {"id": "1"})
    with pytest.raises(KeyError, match=r"^'amount'$"):  # of the handler's own event, which the test has not
        given(Event("Deposited", {"amount": 1}), registry=made).when("Deposit", {"id": "1"})


def test_a_key_that_something_else_lacks_is_raised_as_it_is() -> None:
    prices: dict[str, Any] = {"1": {}}
    for read in (
        lambda event: prices[event["order_id"] + "2"],
        lambda event: prices["1"]["total"],
        lambda event: (event, prices["total"]),
        lambda event: prices["total"] or event["total"],
    ):
        with pytest.raises(KeyError) as raised:
            given(registry=reading(read)).when(Event("OrderShipped", {"order_id": "1"})).then()
        assert type(raised.value) is KeyError
        assert [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)][-1] == "<lambda>"


def test_where_a_handler_raised_what_steers_its_processor_is_said() -> None:
    def later(event: Any) -> None:
        raise RetryLater("soon", after=1)

    with pytest.raises(
        AssertionError, match=r"\n  it was raised in later \(tests.testing.test_tracebacks.py:\d+\)$"
    ) as told:
        given(registry=reading(later)).when(Event("OrderShipped", {"order_id": "1"})).then()
    assert told.value.__cause__ is None and told.value.__suppress_context__


def test_a_mistake_of_the_package_itself_keeps_its_traceback() -> None:
    try:
        with Plainly():
            Command("ShipOrder", 5)
    except TypeError as error:
        assert len(traceback.extract_tb(error.__traceback__)) > 2
    with pytest.raises(Rejected) as kept, Plainly():
        raise Rejected("mine") from ValueError("why")
    assert isinstance(kept.value.__cause__, ValueError)
    order().when(Event("OrderCreated", O1)).then_row("OrderSummary", "o-1", {**O1, "status": "placed"})


def reading(handler: Callable[[Any], Any] | None = None) -> Registry:
    made = Registry("reading")
    made.aggregate("Order", id_field="order_id")
    V = made.view("V", key="order_id")

    def reads(event: Any) -> Any:
        return event["total"]

    made.event_handler("OrderShipped")(handler or reads)

    @made.projector("OrderShipped", view=V)
    def project(row: Any, event: Any) -> Any:
        return reads(event)

    @made.publisher("OrderShipped", to="eventbridge://shop")
    def publish(event: Any) -> Any:
        return reads(event)

    return made
