"""Entries that list rows in indexes, written and removed with their rows."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Registry
from cqrsless.delivery.consuming import Failed
from tests.projections.harness import Bench, cost, order, registry


def test_index_entries_count_among_the_writes_of_a_commit() -> None:
    made = registry()
    tags = made.view("Tags", key="tag", indexes={"by_color": "color"})
    made.projector("Tagged", view=tags, keys=lambda event, message: range(event["count"]))(
        lambda row, event: dict(event)
    )
    bench = Bench(made)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Tagged", {"count": 49, "color": "red"})))
    with pytest.raises(Failed, match="makes 101 writes"):
        container.feed(bench.commit("Order:o-2", ("Tagged", {"count": 50, "color": "red"})))
    with pytest.raises(Failed, match="makes 148 writes"):  # each entry leaves one place and stands in another
        container.feed(bench.commit("Order:o-3", ("Tagged", {"count": 49, "color": "blue"})))
    assert len(bench.entries("Tags", "by_color")) == 49


def indexed(made: Registry) -> None:
    Listed = made.view(
        "Listed", key="order_id", indexes={"by_status": ("status", "total"), "by_customer": "customer_id"}
    )

    @made.projector("Listed", view=Listed)
    def listed(row: Any, event: Any) -> Any:
        return dict(event)

    @made.projector("Unlisted", view=Listed)
    def unlisted(row: Any, event: Any) -> Any:
        return None


def test_index_entries_follow_their_row(url: str) -> None:
    made = registry()
    indexed(made)
    bench = Bench(made, url)
    container = bench.container()
    row = order(status="new", total=5, customer_id="c-1")
    assert container.feed(bench.commit("Order:o-1", ("Listed", row))) == cost(2, 1, 6)
    assert bench.entries("Listed", "by_status") == [("snew", "n1l15 so-1", row)]
    assert bench.entries("Listed", "by_customer") == [("sc-1", "so-1", row)]
    row = order(status="sent", total=5)
    assert container.feed(bench.commit("Order:o-1", ("Listed", row))) == cost(1, 0, 8)
    assert bench.entries("Listed", "by_status") == [("ssent", "n1l15 so-1", row)]
    assert bench.entries("Listed", "by_customer") == []
    row = order(status="sent", total=5, more=True)
    container.feed(bench.commit("Order:o-1", ("Listed", row)))
    assert bench.entries("Listed", "by_status") == [("ssent", "n1l15 so-1", row)]
    assert container.feed(bench.commit("Order:o-1", ("Listed", row))) == cost(1, 0, 1)
    container.feed(bench.commit("Order:o-1", ("Unlisted", order())))
    assert bench.items("i#") == []
    container.feed(bench.commit("Order:o-1", ("Listed", row)))
    assert len(bench.items("i#")) == 1


def test_an_index_entry_is_found_again_after_its_index_has_changed() -> None:
    made = registry()
    indexed(made)
    bench = Bench(made)
    bench.container().feed(bench.commit("Order:o-1", ("Listed", order(status="new", total=5, customer_id="c-1"))))
    changed = registry()
    Listed = changed.view("Listed", key="order_id", indexes={"by_status": ("status", "customer_id")})
    changed.projector("Listed", view=Listed)(lambda row, event: dict(event))
    later = Bench(changed, "memory://")
    later.app.store = bench.store
    later.container().feed(bench.commit("Order:o-1", ("Listed", order(status="new", total=6, customer_id="c-1"))))
    assert [sk for _, sk, _ in later.entries("Listed", "by_status")] == ["sc-1 so-1"]
    assert later.entries("Listed", "by_customer") == []


def test_a_long_key_still_has_its_index_entry() -> None:
    made = registry()
    indexed(made)
    bench = Bench(made)
    container = bench.container()
    for name in ("a" * 1500, "a" * 1499 + "b"):
        container.feed(bench.commit(f"Order:{name}", ("Listed", order(name, status="new", total=5))))
    assert len(bench.entries("Listed", "by_status")) == 2
