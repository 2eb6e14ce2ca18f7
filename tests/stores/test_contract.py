"""What every store does, whatever engine is behind it: items and conditions."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.messages import Cost
from cqrsless.store import (
    ITEM_LIMIT,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Store,
)
from tests.stores.conftest import ENDPOINT, Engine
from tests.stores.items import ORDER, commit, fill, row


def test_the_contract_runs_on_an_endpoint_of_ones_own() -> None:
    if not ENDPOINT:
        pytest.skip("set CQRSLESS_TEST_ENDPOINT to the URL of a DynamoDB API to run the contract on that, too")


EVERYTHING: Item = {
    "pk": "Order#ÄÖ #😀",
    "c": 7,
    "text": 'Grüße, 世界 😀 "quoted" [1,2] \\ \n end',
    "empty": "",
    "zero": 0,
    "negative": -120,
    "large": 12345678901234567890123456789012345678,
    "bytes": bytes(range(256)),
    "no bytes": b"",
    "yes": True,
    "no": False,
    "map": {"OrderCreated": 1, "text": "t", "flag": True, "deep": {"bytes": b"\x00[", "n": 2, "empty": {}}},
    "nothing": {},
}


def test_an_item_comes_back_as_it_went_in(store: Store) -> None:
    store.put("events", EVERYTHING, Cost())
    found = store.get("events", EVERYTHING["pk"], 7, Cost())
    assert found == EVERYTHING
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in EVERYTHING.items()
    }


def test_an_item_comes_back_the_same_from_every_read(store: Store) -> None:
    store.put("events", EVERYTHING, Cost())
    assert store.query("events", EVERYTHING["pk"], Cost()).items == [EVERYTHING]
    assert store.scan("events", Cost()).items == [EVERYTHING]
    with pytest.raises(ConditionFailed) as failed:
        store.put("events", EVERYTHING, Cost(), condition="absent")
    assert failed.value.item == EVERYTHING


def test_what_does_not_exist_is_none(store: Store) -> None:
    fill(store, range(1, 2))
    assert store.get("events", ORDER, 2, Cost()) is None
    assert store.get("events", "Order#o-2", 1, Cost()) is None
    assert store.get("log", ORDER, 1, Cost()) is None


def test_a_put_replaces_the_whole_item(store: Store) -> None:
    store.put("views", row("v", "k", a=1, b=2), Cost())
    store.put("views", row("v", "k", b=3), Cost())
    assert store.get("views", "v", "k", Cost()) == row("v", "k", b=3)


def test_a_store_shares_no_dict_with_its_callers(store: Store) -> None:
    item = commit(1, map={"deep": {"n": 1}})
    store.put("events", item, Cost())
    item["map"]["deep"]["n"] = 2
    item["map"]["more"] = 1
    item["other"] = 1
    for _ in range(2):
        for found in (store.get("events", ORDER, 1, Cost()), *store.query("events", ORDER, Cost()).items):
            assert found == commit(1, map={"deep": {"n": 1}})
            found["map"]["deep"]["n"] = 3
            found["map"]["more"] = 1
            found["other"] = 1
    with pytest.raises(ConditionFailed) as failed:
        store.put("events", item, Cost(), condition="absent")
    assert failed.value.item == commit(1, map={"deep": {"n": 1}})
    failed.value.item["map"]["deep"]["n"] = 4
    assert store.get("events", ORDER, 1, Cost()) == commit(1, map={"deep": {"n": 1}})


@pytest.mark.parametrize("pk", ["", "x" * 2049, "ä" * 1025, 1, None, b"x"])
def test_a_partition_key_that_dynamodb_would_not_take_is_refused(store: Store, pk: Any) -> None:
    cost = Cost()
    for attempt in (
        lambda: store.put("events", {"pk": pk, "c": 1}, cost),
        lambda: store.get("events", pk, 1, cost),
        lambda: store.query("events", pk, cost),
        lambda: store.write([Delete("events", pk, 1)], cost),
    ):
        with pytest.raises(ValueError, match=r"a partition key of events is a string of 1 to 2048 bytes, not "):
            attempt()
    assert cost == Cost()


@pytest.mark.parametrize("sk", [1.0, True, "1", None, 2**63, -(2**63) - 1])
def test_a_number_to_sort_by_is_an_int_of_64_bits(store: Store, sk: Any) -> None:
    with pytest.raises(ValueError, match=r"a sort key of events is an int of at most 64 bits, not "):
        store.put("events", {"pk": ORDER, "c": sk}, Cost())
    with pytest.raises(ValueError, match=r"a sort key of log is an int of at most 64 bits, not "):
        store.get("log", ORDER, sk, Cost())


@pytest.mark.parametrize("sk", ["", "x" * 1025, 1, b"x"])
def test_a_string_to_sort_by_has_up_to_1024_bytes(store: Store, sk: Any) -> None:
    for attempt in (
        lambda: store.put("views", row("v", sk), Cost()),
        lambda: store.query("views", "v", Cost(), first=sk),
        lambda: store.query("views", "v", Cost(), after=sk),
        lambda: store.scan("views", Cost(), after=("v", sk)),
    ):
        with pytest.raises(ValueError, match=r"a sort key of views is a string of 1 to 1024 bytes, not "):
            attempt()


def test_the_longest_keys_fit(store: Store) -> None:
    item = row("p" * 2048, "s" * 1024)
    store.put("views", item, Cost())
    assert store.get("views", item["pk"], item["sk"], Cost()) == item


def test_an_item_without_its_key_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match=r"an item of views has the attributes 'pk' and 'sk'; got \['pk', 'c'\]"):
        store.put("views", commit(1), Cost())


@pytest.mark.parametrize("value", [1.5, [1], {1, 2}, ("a",), object()])
def test_a_value_that_no_item_holds_is_refused(store: Store, value: Any) -> None:
    for bad in (value, {"deep": value}):
        with pytest.raises(TypeError, match="an item holds str, int, bytes, bool and dicts of them, not "):
            store.put("events", commit(1, bad=bad), Cost())
    assert store.get("events", ORDER, 1, Cost()) is None


def test_a_number_of_39_digits_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="a number in an item has at most 38 digits"):
        store.put("events", commit(1, n=10**38), Cost())


def test_an_item_of_400_kb_is_the_largest(store: Store, engine: Engine) -> None:
    if engine.name != "moto":  # which counts the base64 text of bytes, a third more
        store.put("events", commit(1, size=ITEM_LIMIT), Cost())
        assert store.get("events", ORDER, 1, Cost()) == commit(1, size=ITEM_LIMIT)
    with pytest.raises(ValueError, match=r"an item is at most 409,600 bytes; 'Order#o-1' 2 in events takes 409,601"):
        store.put("events", commit(2, size=ITEM_LIMIT + 1), Cost())
    assert store.get("events", ORDER, 2, Cost()) is None


def test_absent_lets_one_put_through_and_shows_the_item_to_the_next(store: Store) -> None:
    store.put("events", commit(1, by="first"), Cost(), condition="absent")
    with pytest.raises(ConditionFailed) as failed:
        store.put("events", commit(1, by="second"), Cost(), condition="absent")
    assert failed.value.item == commit(1, by="first")
    assert failed.value.index == 0
    assert store.get("events", ORDER, 1, Cost()) == commit(1, by="first")


def test_absent_looks_at_the_whole_key(store: Store) -> None:
    fill(store, range(1, 2))
    store.put("events", commit(2), Cost(), condition="absent")
    store.put("events", commit(1, pk="Order#o-10"), Cost(), condition="absent")
    store.put("log", {"pk": ORDER, "n": 1}, Cost(), condition="absent")


def test_equals_is_optimistic_locking(store: Store) -> None:
    store.put("views", row("v", "k", version=1), Cost())
    store.put("views", row("v", "k", version=2), Cost(), condition=Equals("version", 1))
    with pytest.raises(ConditionFailed) as failed:
        store.put("views", row("v", "k", version=2, by="other"), Cost(), condition=Equals("version", 1))
    assert failed.value.item == row("v", "k", version=2)


def test_equals_needs_an_item_with_that_attribute(store: Store) -> None:
    with pytest.raises(ConditionFailed) as failed:
        store.put("views", row("v", "k"), Cost(), condition=Equals("version", 1))
    assert failed.value.item is None
    store.put("views", row("v", "k"), Cost())
    with pytest.raises(ConditionFailed) as failed:
        store.put("views", row("v", "k", version=1), Cost(), condition=Equals("version", 1))
    assert failed.value.item == row("v", "k")


@pytest.mark.parametrize(("stored", "asked"), [("1", 1), (1, "1"), (True, 1), (b"a", "a"), ("a", "A"), (10, 1)])
def test_equals_means_the_same_type_and_value(store: Store, engine: Engine, stored: Any, asked: str | int) -> None:
    if engine.name == "moto" and stored is True:
        pytest.skip("moto compares as Python does, where True equals 1")
    store.put("views", row("v", "k", token=stored), Cost())
    with pytest.raises(ConditionFailed):
        store.put("views", row("v", "k"), Cost(), condition=Equals("token", asked))


def test_equals_takes_any_attribute_name(store: Store) -> None:
    for name in ("name", "size", "a.b", "with space", "#a", ":a", "ü"):
        store.put("views", {**row("v", "k"), name: "x"}, Cost())
        store.put("views", {**row("v", "k"), name: "y"}, Cost(), condition=Equals(name, "x"))
