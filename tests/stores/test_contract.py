"""What every store does, whatever engine is behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import chain, product
from typing import Any

import pytest

from cqrsless.errors import CqrslessError
from cqrsless.messages import Cost
from cqrsless.store import (
    ITEM_LIMIT,
    Check,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Page,
    Put,
    SortKey,
    Store,
    item_size,
)
from tests.stores.conftest import ENDPOINT, Engine

ORDER = "Order#o-1"


def commit(number: int, *, pk: str = ORDER, size: int = 0, **more: Any) -> Item:
    """Make an item of the events table, of exactly `size` bytes if one is given."""
    item: Item = {"pk": pk, "c": number, **more}
    if size:
        item["body"] = b""
        item["body"] = b"x" * (size - item_size(item))
        assert item_size(item) == size
    return item


def row(pk: str, sk: str, **more: Any) -> Item:
    return {"pk": pk, "sk": sk, **more}


def fill(store: Store, numbers: range, *, pk: str = ORDER, size: int = 0) -> None:
    for number in numbers:
        store.put("events", commit(number, pk=pk, size=size), Cost())


def numbers(page: Page) -> list[int]:
    return [item["c"] for item in page.items]


def test_the_contract_runs_on_an_endpoint_of_ones_own() -> None:
    if not ENDPOINT:
        pytest.skip("set CQRSLESS_TEST_ENDPOINT to the URL of a DynamoDB API to run the contract on that, too")


# -- items ------------------------------------------------------------------------------------------------------------


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


# -- conditions -------------------------------------------------------------------------------------------------------


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


# -- query ------------------------------------------------------------------------------------------------------------


def test_a_query_gives_one_partition_in_key_order(store: Store) -> None:
    for number in (10, 2, 1, -3, 33, 9):
        store.put("events", commit(number), Cost())
    fill(store, range(1, 3), pk="Order#o-10")
    fill(store, range(1, 3), pk="Order#o")
    page = store.query("events", ORDER, Cost())
    assert (numbers(page), page.more) == ([-3, 1, 2, 9, 10, 33], False)
    assert numbers(store.query("events", ORDER, Cost(), descending=True)) == [33, 10, 9, 2, 1, -3]
    assert store.query("events", "Order#o-3", Cost()) == Page([], False)


def test_strings_sort_by_their_bytes(store: Store) -> None:
    keys = ["10", "2", "A", "a", "aa", "b", "z", "ä", "é", "\uffee", "😀"]
    for sk in reversed(keys):
        store.put("views", row("v", sk), Cost())
    assert [item["sk"] for item in store.query("views", "v", Cost()).items] == keys
    found = store.query("views", "v", Cost(), first="aa", last="é", after="b").items
    assert [item["sk"] for item in found] == ["z", "ä", "é"]


RANGES: list[tuple[int | None, int | None, int | None]] = [
    (None, None, None),
    (3, None, None),
    (None, 6, None),
    (3, 6, None),
    (4, 4, None),
    (11, None, None),
    (None, 0, None),
    (6, 3, None),
    (None, None, 5),
    (None, None, 10),
    (None, None, 0),
    (3, 6, 4),
    (3, 6, 1),
    (3, 6, 3),
    (3, 6, 6),
    (3, 6, 9),
    (3, None, 5),
    (None, 6, 5),
]


def test_a_query_reads_the_range_it_is_asked_for(store: Store) -> None:
    fill(store, range(1, 11))
    for (first, last, after), limit, descending in product(RANGES, (None, 1, 3, 20), (False, True)):
        expected = [
            number
            for number in range(1, 11)
            if (first is None or number >= first)
            and (last is None or number <= last)
            and (after is None or (number < after if descending else number > after))
        ]
        if descending:
            expected.reverse()
        page = store.query(
            "events", ORDER, Cost(), first=first, last=last, after=after, descending=descending, limit=limit
        )
        assert numbers(page) == expected[:limit], (first, last, after, limit, descending)
        if limit is not None and len(expected) > limit:
            assert page.more
        if limit is None or len(expected) < limit:
            assert not page.more


def test_a_query_continues_behind_a_string_key_wherever_it_lies(store: Store) -> None:
    for sk in "abcdef":
        store.put("views", row("v", sk), Cost())

    def found(after: str, *, descending: bool = False) -> str:
        page = store.query("views", "v", Cost(), first="b", last="e", after=after, descending=descending)
        return "".join(item["sk"] for item in page.items)

    assert [found(after) for after in ("a", "b", "bb", "d", "e", "f")] == ["bcde", "cde", "cde", "e", "", ""]
    assert [found(after, descending=True) for after in ("a", "b", "bb", "d", "e", "f")] == [
        "", "", "b", "cb", "dcb", "edcb",
    ]  # fmt: skip


def test_pages_of_a_limit_give_everything_once(store: Store) -> None:
    fill(store, range(1, 11))
    assert [numbers(page) for page in pages(store, limit=4)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert [numbers(page) for page in pages(store, limit=4, descending=True)] == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]


def test_a_page_ends_behind_the_item_that_crosses_1_mb(store: Store, engine: Engine) -> None:
    fill(store, range(1, 14), size=100_000)
    found = [numbers(page) for page in pages(store)]
    assert list(chain(*found)) == list(range(1, 14))
    assert len(found) == 2
    if engine.embedded:
        assert found == [list(range(1, 12)), [12, 13]]
    assert list(chain(*map(numbers, pages(store, descending=True)))) == list(range(13, 0, -1))


def pages(store: Store, *, limit: int | None = None, descending: bool = False) -> Iterator[Page]:
    after: SortKey | None = None
    while True:
        page = store.query("events", ORDER, Cost(), after=after, limit=limit, descending=descending)
        yield page
        if not page.more:
            return
        after = page.items[-1]["c"]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_1(store: Store, limit: int) -> None:
    with pytest.raises(ValueError, match=f"a limit is at least 1, not {limit}"):
        store.query("events", ORDER, Cost(), limit=limit)
    with pytest.raises(ValueError, match=f"a limit is at least 1, not {limit}"):
        store.scan("events", Cost(), limit=limit)


# -- transactions -----------------------------------------------------------------------------------------------------


def test_a_transaction_writes_to_several_tables(store: Store) -> None:
    store.put("views", row("v", "gone"), Cost())
    store.put("views", row("v", "watched", version=4), Cost())
    store.write(
        [
            Put("events", commit(1), "absent"),
            Put("views", row("v", "new", map={"n": 1})),
            Delete("views", "v", "gone"),
            Delete("views", "v", "never was"),
            Check("views", "v", "watched", Equals("version", 4)),
            Check("views", "v", "nowhere", "absent"),
        ],
        Cost(),
    )
    assert store.get("events", ORDER, 1, Cost()) == commit(1)
    assert store.query("views", "v", Cost()).items == [
        row("v", "new", map={"n": 1}),
        row("v", "watched", version=4),
    ]


@pytest.mark.parametrize(
    ("bad", "in_the_way"),
    [
        (Put("events", commit(1), "absent"), commit(1)),
        (Put("events", commit(1), Equals("by", "x")), commit(1)),
        (Put("events", commit(9), Equals("c", 9)), None),
        (Delete("events", ORDER, 1, Equals("c", 2)), commit(1)),
        (Check("events", ORDER, 1, "absent"), commit(1)),
        (Check("events", ORDER, 3, Equals("c", 3)), None),
    ],
)
def test_a_failed_condition_stops_the_whole_transaction(store: Store, bad: Any, in_the_way: Item | None) -> None:
    store.put("events", commit(1), Cost())
    with pytest.raises(ConditionFailed) as failed:
        store.write([Put("views", row("v", "k")), Delete("events", ORDER, 5), bad, Put("events", commit(4))], Cost())
    assert (failed.value.index, failed.value.item) == (2, in_the_way)
    assert store.scan("views", Cost()).items == []
    assert store.scan("events", Cost()).items == [commit(1)]


def test_the_first_of_several_failed_conditions_is_told(store: Store) -> None:
    fill(store, range(1, 4))
    with pytest.raises(ConditionFailed) as failed:
        store.write([Put("events", commit(number), "absent") for number in (9, 2, 3)], Cost())
    assert (failed.value.index, failed.value.item) == (1, commit(2))


def test_a_delete_with_a_condition(store: Store) -> None:
    store.put("views", row("v", "k", epoch=3), Cost())
    with pytest.raises(ConditionFailed):
        store.write([Delete("views", "v", "k", Equals("epoch", 2))], Cost())
    store.write([Delete("views", "v", "k", Equals("epoch", 3))], Cost())
    assert store.get("views", "v", "k", Cost()) is None


def test_a_transaction_has_1_to_100_writes(store: Store) -> None:
    store.write([Put("events", commit(number), "absent") for number in range(1, 101)], Cost())
    assert len(store.query("events", ORDER, Cost()).items) == 100
    for count in (0, 101):
        with pytest.raises(ValueError, match=f"a transaction has 1 to 100 writes, not {count}"):
            store.write([Put("events", commit(number)) for number in range(count)], Cost())


def test_a_transaction_that_makes_no_sense_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="a transaction touches each item once; two of these writes have the same key"):
        store.write([Put("events", commit(1)), Check("events", ORDER, 1, "absent")], Cost())
    with pytest.raises(ValueError, match="a Check in a transaction needs a condition"):
        store.write([Check("events", ORDER, 1, None)], Cost())
    with pytest.raises(ValueError, match=r"a transaction is at most 4,194,304 bytes; this one takes 4,400,000"):
        store.write([Put("events", commit(number, size=400_000)) for number in range(11)], Cost())
    with pytest.raises(ValueError, match="a partition key of events is"):
        store.write([Put("views", row("v", "k")), Put("events", commit(1, pk=""))], Cost())
    assert store.scan("views", Cost()).items == []


# -- scan and changes -------------------------------------------------------------------------------------------------


def everything(store: Store, limit: int | None) -> list[Item]:
    found: list[Item] = []
    after: tuple[str, SortKey] | None = None
    while True:
        page = store.scan("events", Cost(), after=after, limit=limit)
        assert limit is None or len(page.items) <= limit
        found += page.items
        if not page.more:
            return found
        after = (page.items[-1]["pk"], page.items[-1]["c"])


@pytest.mark.parametrize("limit", [None, 1, 3])
def test_a_scan_gives_every_item_once(store: Store, limit: int | None) -> None:
    expected = {(f"Order#o-{order}", number) for order in range(4) for number in range(1, order + 2)}
    for pk, number in expected:
        store.put("events", commit(number, pk=pk), Cost())
    store.put("log", {"pk": "g1#0", "n": 1}, Cost())
    found = [(item["pk"], item["c"]) for item in everything(store, limit)]
    assert len(found) == len(expected)
    assert set(found) == expected
    assert store.scan("views", Cost()) == Page([], False)


def test_a_scan_passes_1_mb(store: Store) -> None:
    for order in range(13):
        store.put("events", commit(1, pk=f"Order#o-{order}", size=100_000), Cost())
    first = store.scan("events", Cost())
    assert first.more
    assert len({item["pk"] for item in everything(store, None)}) == 13


def test_a_scan_goes_on_from_a_key_that_was_deleted_meanwhile(store: Store, engine: Engine) -> None:
    if not engine.embedded:
        pytest.skip("on DynamoDB the order of partitions is nobody's business")
    for order in range(3):
        store.put("views", row(f"v{order}", "k"), Cost())
    store.write([Delete("views", "v1", "k")], Cost())
    assert store.scan("views", Cost(), after=("v1", "k")).items == [row("v2", "k")]


def test_changes_come_in_the_order_they_were_made(store: Store, engine: Engine) -> None:
    if not engine.embedded:
        with pytest.raises(CqrslessError, match="has no change feed to read here: on DynamoDB the tables' streams"):
            store.changes("events", 0, 10)
        return
    made = [
        commit(1, pk="Order#b", map={"n": 1}),
        commit(1, pk="Order#a"),
        commit(2, pk="Order#b"),
        commit(3, pk="A#a"),
    ]
    for item in made[:2]:
        store.put("events", item, Cost(), condition="absent")
    store.write([Put("events", item, "absent") for item in made[2:]], Cost())
    store.put("log", {"pk": "g1#0", "n": 1}, Cost())
    with pytest.raises(ConditionFailed):
        store.put("events", made[0], Cost(), condition="absent")
    changes = store.changes("events", 0, 10)
    assert [change.item for change in changes] == made
    assert [(change.table, change.pk, change.sk) for change in changes] == [("events", m["pk"], m["c"]) for m in made]
    positions = [change.position for change in changes]
    assert positions == sorted(set(positions))
    for index, position in enumerate(positions):
        assert store.changes("events", position, 10) == changes[index + 1 :]
    assert store.changes("events", 0, 2) == changes[:2]
    assert [change.item for change in store.changes("log", 0, 10)] == [{"pk": "g1#0", "n": 1}]


def test_the_feed_holds_each_item_at_its_last_write(store: Store, engine: Engine) -> None:
    if not engine.embedded:
        pytest.skip("on DynamoDB the tables' streams tell of every write")
    fill(store, range(1, 4))
    before = store.changes("events", 0, 10)[-1].position
    store.put("events", commit(1, erased=True), Cost())
    store.write([Delete("events", ORDER, 2)], Cost())
    assert [change.item for change in store.changes("events", before, 10)] == [commit(1, erased=True)]
    assert [change.item for change in store.changes("events", 0, 10)] == [commit(3), commit(1, erased=True)]


def test_views_have_no_feed(store: Store, engine: Engine) -> None:
    if engine.embedded:
        with pytest.raises(CqrslessError, match="the table views has no change feed; events and log have one"):
            store.changes("views", 0, 10)


# -- costs ------------------------------------------------------------------------------------------------------------


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


# -- several at once --------------------------------------------------------------------------------------------------


def test_sixteen_racing_writers_share_a_dense_sequence(store: Store, engine: Engine) -> None:
    if not engine.threads:
        pytest.skip("moto is not safe for threads: its races have more winners than slots")
    each, writers = 12, 16
    written: list[tuple[int, str]] = []
    problems: list[BaseException] = []
    start = threading.Barrier(writers)

    def append(writer: int) -> None:
        try:
            start.wait()
            number = 1
            for mine in range(each):
                while True:
                    item = commit(number, by=f"{writer}/{mine}")
                    try:
                        store.put("events", item, Cost(), condition="absent")
                    except ConditionFailed as failed:
                        assert failed.item is not None
                        assert failed.item["c"] == number
                        number += 1
                    else:
                        written.append((number, item["by"]))
                        break
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=append, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(number for number, _ in written) == list(range(1, each * writers + 1))
    stored = [(item["c"], item["by"]) for page in pages(store) for item in page.items]
    assert stored == sorted(written)


def test_racing_transactions_are_all_or_nothing(store: Store, engine: Engine) -> None:
    if not engine.threads:
        pytest.skip("moto is not safe for threads")
    store.put("views", row("account", "a", balance=100), Cost())
    store.put("views", row("account", "b", balance=100), Cost())
    problems: list[BaseException] = []

    def move(amount: int) -> None:
        try:
            for _ in range(5):
                while True:
                    a = store.get("views", "account", "a", Cost())
                    b = store.get("views", "account", "b", Cost())
                    assert a and b
                    changed = [
                        Put("views", {**a, "balance": a["balance"] - amount}, Equals("balance", a["balance"])),
                        Put("views", {**b, "balance": b["balance"] + amount}, Equals("balance", b["balance"])),
                    ]
                    try:
                        store.write(changed, Cost())
                    except ConditionFailed:
                        continue
                    break
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=move, args=(amount,)) for amount in (1, 2, 3, -4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    balances = [item["balance"] for item in store.query("views", "account", Cost()).items]
    assert balances == [100 - 5 * (1 + 2 + 3 - 4), 100 + 5 * (1 + 2 + 3 - 4)]


def test_tables_can_be_created_again_and_by_several_at_once(store: Store, engine: Engine) -> None:
    fill(store, range(1, 2))
    store.create_tables()
    if engine.threads:
        threads = [threading.Thread(target=store.create_tables) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert store.get("events", ORDER, 1, Cost()) == commit(1)


def test_a_closed_store_opens_what_it_needs_again(store: Store) -> None:
    fill(store, range(1, 2))
    store.close()
    store.close()
    assert store.get("events", ORDER, 1, Cost()) == commit(1)
    store.put("events", commit(2), Cost(), condition="absent")
