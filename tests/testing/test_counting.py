"""What a block cost, and that a bound on it holds or fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cqrsless import App, Cost, Event, Registry
from cqrsless.store import ConditionFailed
from cqrsless.testing import assert_cost, counted

shop = Registry("shop-of-counting")
Order = shop.aggregate("Order", id_field="order_id")
Summary = shop.view("OrderSummary", key="order_id")


@shop.command_handler("CreateOrder", aggregate=Order, creation="always")
def create_order(command: Any, order: Any) -> Any:
    return {"status": "placed"}, Event("OrderCreated", command)


@shop.projector("OrderCreated", view=Summary)
def created(row: Any, event: Any) -> Any:
    return {"order_id": event["order_id"]}


def test_at_most_so_much_is_allowed() -> None:
    result = App("memory://", registry=shop).execute("CreateOrder", {"order_id": "o-1"})
    assert_cost(result, requests=1, read_units=0, write_units=1)
    assert_cost(result, requests=2)
    assert_cost(result.cost, write_units=1)


@pytest.mark.parametrize(
    ("most", "text"),
    [
        ({"requests": 0}, "it took 1 requests, and may take 0 (in all: 1 requests, 0 read units, 1 write units)"),
        ({"write_units": 0.5, "requests": 1}, "it took 1 write units, and may take 0.5 (in all"),
        ({"write_units": 0, "requests": 0}, "it took 1 requests, and may take 0; 1 write units, and may take 0 (in"),
    ],
)
def test_more_fails_and_says_all_of_it(most: dict[str, Any], text: str) -> None:
    result = App("memory://", registry=shop).execute("CreateOrder", {"order_id": "o-1"})
    with pytest.raises(AssertionError) as failure:
        assert_cost(result, **most)
    assert str(failure.value).startswith(text)


def test_a_bound_on_nothing_is_a_mistake() -> None:
    with pytest.raises(TypeError, match=r"checks nothing: say how much it may cost, as in requests=1"):
        assert_cost(Cost())


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/orders.db"])
def test_a_block_counts_everything_that_asks_the_store(url: str, tmp_path: Path) -> None:
    app = App(url.format(tmp_path), registry=shop)
    app.create_tables()
    with counted(app) as command:
        result = app.execute("CreateOrder", {"order_id": "o-1"})
    assert command == result.cost == Cost(1, 0, 1)
    with counted(app) as delivery:
        app.drain()
    assert delivery.write_units >= 2  # the row, and the page of the log
    app.execute("CreateOrder", {"order_id": "o-2"})
    assert command == Cost(1, 0, 1)
    app.store.close()


def test_a_call_that_fails_is_counted_too() -> None:
    app = App("memory://", registry=shop)
    app.execute("CreateOrder", {"order_id": "o-1"})
    with counted(app.store) as cost, pytest.raises(ConditionFailed):
        app.store.put("events", {"pk": "Order#o-1", "c": 1}, Cost(), condition="absent")
    assert cost == Cost(1, 0, 1)


def test_blocks_may_be_nested() -> None:
    app = App("memory://", registry=shop)
    with counted(app) as outer:
        app.execute("CreateOrder", {"order_id": "o-1"})
        with counted(app) as inner:
            app.execute("CreateOrder", {"order_id": "o-2"})
        app.execute("CreateOrder", {"order_id": "o-3"})
    assert (outer.requests, inner.requests) == (3, 1)
    assert not {"put", "get"} & vars(app.store).keys()
