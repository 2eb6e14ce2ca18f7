"""What every store charges: requests everywhere, units where the engine knows them."""

from __future__ import annotations

import pytest

from cqrsless.messages import Cost
from cqrsless.store import (
    Check,
    ConditionFailed,
    Delete,
    Equals,
    Page,
    Put,
    Store,
)
from tests.stores.conftest import Engine
from tests.stores.items import ORDER, commit, fill


def assert_cost(engine: Engine, cost: Cost, *, requests: int = 1, reads: float = 0, writes: float = 0) -> None:
    """Compare requests on every engine, and units on those that know them."""
    assert cost.requests == requests
    if engine.read_units:
        assert cost.read_units == reads
    if engine.write_units:
        assert cost.write_units == writes


@pytest.mark.parametrize(("size", "units"), [(50, 1), (1024, 1), (1025, 2), (10_240, 10)])
def test_a_put_costs_a_write_unit_per_kb(store: Store, engine: Engine, size: int, units: int) -> None:
    cost = Cost()
    store.put("events", commit(1, size=size), cost, condition="absent")
    assert_cost(engine, cost, writes=units)


def test_a_put_over_another_costs_the_larger_of_both(store: Store, engine: Engine) -> None:
    fill(store, range(1, 2), size=3000)
    for size, units in ((500, 3), (5000, 5)):
        cost = Cost()
        store.put("events", commit(1, size=size), cost)
        assert_cost(engine, cost, writes=units)


def test_a_failed_condition_costs_the_units_of_the_item_in_the_way(store: Store, engine: Engine) -> None:
    fill(store, range(1, 2), size=3000)
    cost = Cost()
    with pytest.raises(ConditionFailed):
        store.put("events", commit(1, size=500), cost, condition="absent")
    # No engine tells the units of a failure: they are counted from the item that it gives.
    assert (cost.requests, cost.read_units, cost.write_units) == (1, 0, 3)
    cost = Cost()
    with pytest.raises(ConditionFailed):
        store.put("events", commit(2), cost, condition=Equals("by", "me"))
    assert (cost.requests, cost.read_units, cost.write_units) == (1, 0, 1)


@pytest.mark.parametrize(("size", "units"), [(50, 1), (4096, 1), (4097, 2), (12_000, 3)])
def test_a_get_costs_a_read_unit_per_4_kb(store: Store, engine: Engine, size: int, units: int) -> None:
    fill(store, range(1, 2), size=size)
    cost = Cost()
    store.get("events", ORDER, 1, cost)
    assert_cost(engine, cost, reads=units)


def test_reading_nothing_costs_a_read_unit(store: Store, engine: Engine) -> None:
    for read in (
        lambda cost: store.get("events", ORDER, 1, cost),
        lambda cost: store.query("events", ORDER, cost),
        lambda cost: store.scan("events", cost),
    ):
        cost = Cost()
        read(cost)
        assert_cost(engine, cost, reads=1)


def test_a_range_without_a_key_costs_nothing(store: Store) -> None:
    fill(store, range(1, 4))
    cost = Cost()
    assert store.query("events", ORDER, cost, first=3, last=2) == Page([], False)
    assert store.query("events", ORDER, cost, last=2, after=2) == Page([], False)
    assert store.query("events", ORDER, cost, first=2, after=2, descending=True) == Page([], False)
    assert cost == Cost()


def test_a_query_and_a_scan_sum_sizes_before_they_round(store: Store, engine: Engine) -> None:
    fill(store, range(1, 9), size=600)
    for read, units in (
        (lambda cost: store.query("events", ORDER, cost), 2),
        (lambda cost: store.query("events", ORDER, cost, limit=6), 1),
        (lambda cost: store.scan("events", cost), 2),
    ):
        cost = Cost()
        read(cost)
        assert_cost(engine, cost, reads=units)


def test_a_transaction_costs_twice_the_units_of_each_item(store: Store, engine: Engine) -> None:
    fill(store, range(1, 4), size=3000)
    cost = Cost()
    store.write(
        [
            Put("events", commit(5, size=500), "absent"),
            Put("events", commit(6, size=1500), "absent"),
            Put("events", commit(1, size=500)),
            Delete("events", ORDER, 2),
            Delete("events", ORDER, 8),
            Check("events", ORDER, 3, Equals("c", 3)),
        ],
        cost,
    )
    units = 1 + 2 + 3 + 3 + 1 + 3
    if engine.name == "endpoint" and cost.write_units == units:
        return  # DynamoDB Local tells the units of a transaction before they are doubled
    assert_cost(engine, cost, writes=2 * units)


def test_a_canceled_transaction_costs_one_request(store: Store, engine: Engine) -> None:
    fill(store, range(1, 2))
    cost = Cost()
    with pytest.raises(ConditionFailed):
        store.write([Put("events", commit(1), "absent"), Put("events", commit(2), "absent")], cost)
    assert (cost.requests, cost.read_units, cost.write_units) == (1, 0, 4)
