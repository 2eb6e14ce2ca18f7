"""What every store does: queries, scans, and the feed of changes."""

from __future__ import annotations

from itertools import chain, product

import pytest

from cqrsless.errors import CqrslessError
from cqrsless.messages import Cost
from cqrsless.store import (
    ConditionFailed,
    Delete,
    Item,
    Page,
    Put,
    SortKey,
    Store,
)
from tests.stores.conftest import Engine
from tests.stores.items import ORDER, commit, fill, numbers, pages, row


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


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_1(store: Store, limit: int) -> None:
    with pytest.raises(ValueError, match=f"a limit is at least 1, not {limit}"):
        store.query("events", ORDER, Cost(), limit=limit)
    with pytest.raises(ValueError, match=f"a limit is at least 1, not {limit}"):
        store.scan("events", Cost(), limit=limit)


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
