"""What the store in memory alone promises."""

from __future__ import annotations

from cqrsless.messages import Cost
from cqrsless.stores import open_store
from cqrsless.stores.memory import MemoryStore


def test_each_store_without_a_name_is_private() -> None:
    first, second = open_store("memory://"), open_store("memory://")
    first.put("events", {"pk": "a", "c": 1}, Cost())
    assert second.get("events", "a", 1, Cost()) is None


def test_stores_of_one_name_are_one_store() -> None:
    first, second = open_store("memory://test-shared"), open_store("memory://test-shared")
    first.put("events", {"pk": "a", "c": 1}, Cost())
    first.close()
    assert second.get("events", "a", 1, Cost()) == {"pk": "a", "c": 1}
    assert open_store("memory://test-other").get("events", "a", 1, Cost()) is None
    assert (first.url, open_store("memory://").url) == ("memory://test-shared", "memory://")


def test_the_end_of_a_long_partition_is_read_as_cheaply_as_a_short_one() -> None:
    store = MemoryStore()
    for number in range(1, 20_001):
        store.put("events", {"pk": "a", "c": number}, Cost(), condition="absent")
    cost = Cost()
    page = store.query("events", "a", cost, descending=True, limit=3)
    assert [item["c"] for item in page.items] == [20_000, 19_999, 19_998]
    assert (cost.requests, cost.read_units) == (1, 1)
