"""Chance: the same seed gives the same run, and mischief stays within what a stream may do."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from cqrsless.driver import Mischief
from cqrsless.driver.lanes import Entry
from cqrsless.driver.records import stream_record
from tests.driver.bench import Bench, Function, error_on, failing, naming, sequence


def entry(pk: str, at: int) -> Entry:
    """An image of an item that is written again and again."""
    return Entry(stream_record("log", {"pk": pk, "n": 0, "rev": at}, sequence(at), "arn", "local", 0.0), "0")


def trace(seed: int) -> tuple[Any, ...]:
    bench = Bench(seed=seed, shards=3, spread="item", arrivals=Mischief(delay=0.2, repeat=0.2, reorder=0.5))
    chance = Random(seed + 1)

    def sometimes(given: list[int]) -> Any:
        if chance.random() < 0.2:
            return RuntimeError("a bug")
        return failing(*(at for at in given if chance.random() < 0.1))

    first = bench.map(Function(sometimes), name="first", batch_size=5, bisect=True, retries=3, report_failures=True)
    second = bench.map(Function(sometimes), name="second", batch_size=7, parallel=2, report_failures=True)
    bench.put(30)
    bench.steps(10)
    bench.feed.split(bench.feed.shards()[0].id)
    bench.put(30)
    steps = bench.driver.run()
    requests = [context.aws_request_id for context in first.contexts]
    return steps, first.batches, second.batches, requests, bench.clock.passed


def test_the_same_seed_gives_the_same_run() -> None:
    assert trace(7) == trace(7)


def test_another_seed_gives_another_run() -> None:
    assert trace(7) != trace(8)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_on_the_way_nothing_is_lost(seed: int) -> None:
    _, _, second, _, _ = trace(seed)
    assert {at for batch in second for at in batch} == set(range(1, 61))


@pytest.mark.parametrize("seed", range(10))
def test_delays_and_reordering_keep_the_order_of_one_item(seed: int) -> None:
    """A stream promises the order of one item's images, and of nothing else: two commits are two items."""
    chance = Random(seed)
    mischief = Mischief(delay=0.4, reorder=1.0)
    read = [entry(f"Item#{at % 3}", at) for at in range(60)]
    arriving: list[Entry] = []
    arrived: list[Entry] = []
    while read or arriving:
        arriving += [read.pop(0) for _ in range(min(5, len(read)))]
        arrived += mischief.release(arriving, chance)
    assert [one.sequence for one in arrived] != sorted(one.sequence for one in arrived)
    for at in range(3):
        line = [one.sequence for one in arrived if one.record["dynamodb"]["Keys"]["pk"]["S"] == f"Item#{at}"]
        assert line == sorted(line)
        assert len(line) == 20


def test_commits_of_one_aggregate_may_overtake_one_another() -> None:
    bench = Bench(seed=1, arrivals=Mischief(delay=0.4, reorder=1.0))
    function = bench.map(Function(), batch_size=4)
    bench.put(40, pk="Order#same")
    bench.driver.run()
    seen = [at for batch in function.batches for at in batch]
    assert sorted(seen) == list(range(1, 41))
    assert seen != sorted(seen)


@pytest.mark.parametrize("seed", range(10))
def test_a_repeat_never_comes_before_the_record(seed: int) -> None:
    chance = Random(seed)
    mischief = Mischief(repeat=0.6, reorder=1.0)
    arriving: list[Entry] = []
    arrived: list[Entry] = []
    for at in range(0, 30, 3):
        arriving += [entry("Item", at + more) for more in range(3)]
        arrived += mischief.release(arriving, chance)
    firsts = list(dict.fromkeys(one.sequence for one in arrived))
    assert firsts == sorted(firsts)
    assert len(arrived) > 30


def test_repeats_may_come_long_after_the_record() -> None:
    bench = Bench(seed=1, arrivals=Mischief(repeat=0.5))
    function = bench.map(Function(), batch_size=10)
    bench.put(200)
    bench.driver.run()
    seen = [at for batch in function.batches for at in batch]
    late = [at for place, at in enumerate(seen) if at in seen[: max(place - 50, 0)]]
    assert set(seen) == set(range(1, 201))
    assert late


def test_a_rewound_reader_delivers_everything_again() -> None:
    bench = Bench()
    function = bench.map(Function(), batch_size=4)
    bench.put(6)
    bench.driver.run()
    bench.driver.subscription("mapping").rewind(bench.feed.shards()[0].id)
    bench.driver.run()
    assert function.batches == [[1, 2, 3, 4], [5, 6], [1, 2, 3, 4], [5, 6]]


def test_a_repeated_record_in_a_batch_fails_and_comes_again_as_one() -> None:
    bench = Bench(seed=2, arrivals=Mischief(repeat=1.0))
    function = bench.map(Function(answers=[failing(2)]), report_failures=True)
    bench.put(3)
    bench.driver.run()
    first, again = function.batches[:2]
    assert len(first) > len(set(first)) == 3
    assert again == [at for at in first if at >= 2]


def test_a_function_may_let_another_lane_run_meanwhile() -> None:
    """Two invocations side by side, without threads: the outer one is still under way when the inner one ends."""
    bench = Bench()
    bench.put(2)
    order: list[str] = []

    def outer(event: Any, context: Any) -> None:
        order.append("outer begins")
        inner_step = bench.driver.step()
        assert inner_step is not None
        assert inner_step.mapping == "inner"
        assert bench.driver.step() is None  # nobody else's turn: this lane is busy
        order.append("outer ends")

    bench.map(outer, name="outer")
    bench.map(lambda event, context: order.append("inner"), name="inner", start="TRIM_HORIZON")
    bench.driver.random = Random(0)
    while "outer ends" not in order:
        bench.driver.step()
        if order == ["inner"]:
            order.clear()
            bench.put(1)
    assert order == ["outer begins", "inner", "outer ends"]


def test_a_crash_of_the_whole_process_leaves_the_batch_to_the_next_one() -> None:
    """What is no `Exception` is no answer of the function: checkpoints stay, and a new driver delivers again."""
    from cqrsless.driver import MemoryCheckpoints

    checkpoints = MemoryCheckpoints()
    bench = Bench(checkpoints=checkpoints)
    bench.put(4)
    bench.map(Function(answers=[None, KeyboardInterrupt()]), batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        bench.driver.run()
    after = Bench(checkpoints=checkpoints, store=bench.store)
    function = after.map(Function(), batch_size=2)
    after.driver.run()
    assert function.batches == [[3, 4]]


def test_failures_with_repeats_end_all_the_same() -> None:
    bench = Bench(seed=4, arrivals=Mischief(repeat=0.3, reorder=1.0))
    bench.put(20)
    function = bench.map(Function(naming(5, 9)), retries=2, report_failures=True, batch_size=6)
    steps = bench.driver.run()
    assert {at for batch in function.batches for at in batch} == set(range(1, 21))
    assert any(sequence(5) in step.given_up for step in steps)


def test_halving_ends_with_repeats_of_the_bad_record() -> None:
    bench = Bench(seed=4, arrivals=Mischief(repeat=0.5))
    bench.put(10)
    bench.map(Function(error_on(3)), retries=0, bisect=True)
    steps = bench.driver.run()
    assert {name for step in steps for name in step.given_up} == {sequence(3)}
