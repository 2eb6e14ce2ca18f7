"""Draining an embedded store: everything pending, and what it causes, to the end or to a clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cqrsless.driver import Drained, Endless, EventSourceMapping, drain
from cqrsless.errors import CqrslessError
from cqrsless.messages import Cost
from cqrsless.store import Store
from cqrsless.stores import open_store
from tests.driver.bench import position


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db")
    yield store
    store.close()


def put(store: Store, pk: str, number: int, *names: str) -> None:
    store.put("events", {"pk": pk, "c": number, "names": dict.fromkeys(names, True)}, Cost(), condition="absent")


class Taker:
    """Takes records by key; `act` may cause more, or name the failure of a record by returning true."""

    def __init__(self, act: Callable[[str, int], Any] = lambda pk, number: None) -> None:
        self.act = act
        self.taken: list[tuple[str, int]] = []

    def __call__(self, event: Any, context: Any) -> Any:
        failed: list[dict[str, str]] = []
        for record in event["Records"]:
            keys = record["dynamodb"]["Keys"]
            key = keys["pk"]["S"], int(keys["c" if "c" in keys else "n"]["N"])
            self.taken.append(key)
            if self.act(*key):
                failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
        return {"batchItemFailures": failed}


def test_all_that_is_pending_is_delivered_once(store: Store) -> None:
    for at in range(250):
        put(store, f"Order#{at}", 1, "Placed")
    taker = Taker()
    assert drain(taker, store) == Drained(delivered=250, invocations=3)
    assert taker.taken == [(f"Order#{at}", 1) for at in range(250)]
    assert drain(taker, store) == Drained(delivered=0, invocations=0)


def test_what_handlers_cause_is_delivered_too(store: Store) -> None:
    def next_step(pk: str, number: int) -> None:
        if number < 5:
            put(store, pk, number + 1, "Moved")

    put(store, "Order#a", 1, "Placed")
    put(store, "Order#b", 3, "Placed")
    taker = Taker(next_step)
    assert drain(taker, store).delivered == 8
    assert sorted(taker.taken) == [("Order#a", n) for n in range(1, 6)] + [("Order#b", n) for n in range(3, 6)]


def test_pages_of_the_log_are_delivered_as_well(store: Store) -> None:
    def index(pk: str, number: int) -> None:
        if pk.startswith("Order#"):
            store.put("log", {"pk": "1#0", "n": number}, Cost())

    put(store, "Order#a", 1)
    put(store, "Order#b", 2)
    taker = Taker(index)
    drain(taker, store)
    assert taker.taken == [("Order#a", 1), ("Order#b", 2), ("1#0", 1), ("1#0", 2)]


def test_a_second_process_does_not_start_over(tmp_path: Path) -> None:
    for run in range(3):
        store = open_store(f"sqlite:///{tmp_path}/orders.db")
        put(store, "Order#a", run + 1)
        taker = Taker()
        drain(taker, store)
        assert taker.taken == [("Order#a", run + 1)]
        store.close()


def test_what_keeps_failing_is_left_and_the_rest_goes_on(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    for at in range(150):
        put(store, f"Order#{at}", 1)
    broken = Taker(lambda pk, number: pk in ("Order#3", "Order#120"))
    drained = drain(broken, store, tries=4)
    assert drained.left == (("Order#3", 1), ("Order#120", 1))
    assert drained.delivered == 148
    assert {pk for pk, _ in broken.taken} == {f"Order#{at}" for at in range(150)}
    assert broken.taken.count(("Order#3", 1)) == 4
    assert "2 records still fail after 4 deliveries and stay pending: Order#3@1, Order#120@1" in caplog.text


def test_what_was_left_comes_again_with_the_next_drain(store: Store) -> None:
    put(store, "Order#a", 1)
    assert drain(Taker(lambda pk, number: True), store, tries=2).left == (("Order#a", 1),)
    mended = Taker()
    assert drain(mended, store).left == ()
    assert mended.taken == [("Order#a", 1)]
    assert drain(mended, store).delivered == 0


def test_a_function_that_raises_leaves_the_batch(store: Store) -> None:
    def bug(event: Any, context: Any) -> None:
        raise RuntimeError("a bug")

    put(store, "Order#a", 1)
    put(store, "Order#b", 1)
    assert drain(bug, store, tries=3).left == (("Order#a", 1), ("Order#b", 1))


def test_events_that_cause_events_for_ever_are_named(store: Store) -> None:
    def circle(pk: str, number: int) -> None:
        put(store, pk, number + 1, ("Pinged", "Ponged")[number % 2])

    put(store, "Order#a", 1, "Placed")
    with pytest.raises(Endless) as endless:
        drain(Taker(circle), store, rounds=30)
    assert isinstance(endless.value, CqrslessError)
    text = str(endless.value)
    assert text.startswith(
        "delivering does not end: after 31 rounds handlers still cause new events. The last ones are"
    )
    assert "Pinged" in text
    assert "Ponged" in text
    assert "(of Order#a)" in text
    assert text.endswith("let it stop at some state, or give its command a due time")


def test_after_an_endless_drain_the_next_one_goes_on(store: Store) -> None:
    calm = False

    def circle(pk: str, number: int) -> None:
        if not calm:
            put(store, pk, number + 1, "Pinged")

    put(store, "Order#a", 1)
    with pytest.raises(Endless):
        drain(Taker(circle), store, rounds=30)
    calm = True
    taker = Taker(circle)
    drain(taker, store)
    assert 1 <= len(taker.taken) <= 2


def test_more_than_a_thousand_pending_batches_are_not_endless(store: Store) -> None:
    for number in range(1, 1_501):
        put(store, "Order#a", number)
    settings = {"events": EventSourceMapping("one", batch_size=1, report_failures=True)}
    assert drain(Taker(), store, mappings=settings).delivered == 1_500  # type: ignore[arg-type]  # a table's name


def test_a_drain_waits_for_no_window(store: Store) -> None:
    put(store, "Order#a", 1)
    settings = {"events": EventSourceMapping("slow", batching_window=300)}
    assert drain(Taker(), store, mappings=settings).delivered == 1  # type: ignore[arg-type]  # a table's name


def test_drains_are_alike(tmp_path: Path) -> None:
    def run(at: int) -> list[tuple[str, int]]:
        store = open_store("memory://")
        for order in range(120):
            put(store, f"Order#{order}", 1)

        def act(pk: str, number: int) -> bool:
            if number < 3:
                put(store, pk, number + 1)
                store.put("log", {"pk": "1#0", "n": number * 1_000 + int(pk[6:])}, Cost())
            return False

        taker = Taker(act)
        drain(taker, store)
        return taker.taken

    assert run(0) == run(1)


def test_a_drain_inside_a_drain_does_nothing(store: Store) -> None:
    inner: list[Drained] = []

    def greedy(event: Any, context: Any) -> None:
        inner.append(drain(greedy, store))

    put(store, "Order#a", 1)
    other = open_store("memory://")
    put(other, "Order#b", 1)
    assert drain(greedy, store).delivered == 1
    assert inner == [Drained(0, 0)]

    def neighbourly(event: Any, context: Any) -> None:
        inner.append(drain(lambda event, context: None, other))

    put(store, "Order#a", 2)
    assert drain(neighbourly, store).delivered == 1
    assert inner[-1].delivered == 1


def test_a_store_without_a_change_feed_says_so() -> None:
    from cqrsless.stores.dynamodb import DynamoDBStore

    store = DynamoDBStore("orders", client=object())  # type: ignore[arg-type]  # nothing is sent
    with pytest.raises(CqrslessError, match="has no change feed to read here"):
        drain(Taker(), store, checkpoints=_Nowhere())


class _Nowhere:
    def load(self, mapping: str, shard: str) -> str | None:
        return None

    def save(self, mapping: str, shard: str, position: str) -> str:
        raise AssertionError(position)


def test_sequence_numbers_are_numbers_of_one_length(store: Store) -> None:
    seen: list[str] = []

    def note(event: Any, context: Any) -> None:
        seen.extend(record["dynamodb"]["SequenceNumber"] for record in event["Records"])

    for number in range(1, 12):
        put(store, "Order#a", number)
    drain(note, store)
    assert [position(name) for name in seen] == list(range(1, 12))
    assert seen == sorted(seen)
