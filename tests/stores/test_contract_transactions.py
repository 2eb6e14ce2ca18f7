"""What every store does: writes of several items."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.messages import Cost
from cqrsless.store import (
    Check,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Put,
    Store,
)
from tests.stores.items import ORDER, commit, fill, row


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
