"""What AWS documents of batches, windows and shards, one test a sentence; the pages are named in `cqrsless.driver`."""

from __future__ import annotations

import json

from cqrsless.driver import MemoryCheckpoints
from tests.driver.bench import NOON, Bench, Function, error_on, position

# -- invocation-eventsourcemapping, with-ddb


def test_a_lone_record_is_sent_at_once() -> None:
    """AWS: "The default batching window is 0 seconds. This means that Lambda sends batches to your function as quickly
    as possible"."""
    bench = Bench()
    function = bench.map(Function())
    for _ in range(3):
        bench.put(1)
        bench.driver.run()
    assert function.batches == [[1], [2], [3]]
    assert bench.clock.passed == 0


def test_a_window_gathers_records_until_it_is_over() -> None:
    """AWS: "Lambda invokes your function when ... the batching window reaches its maximum value"."""
    bench = Bench()
    function = bench.map(Function(), batching_window=40)
    for _ in range(5):
        assert bench.driver.step() is None
        bench.clock.sleep(5)
        bench.put(1)
    assert bench.driver.step() is None
    assert bench.driver.wakes() == NOON.timestamp() + 40
    bench.driver.run()
    assert function.batches == [[1, 2, 3, 4, 5]]
    assert bench.clock.passed == 40


def test_a_full_batch_ends_the_window_early() -> None:
    """AWS: "... the batch size is met"."""
    bench = Bench()
    function = bench.map(Function(), batching_window=300, batch_size=3)
    bench.put(7)
    bench.steps(2)
    assert function.batches == [[1, 2, 3], [4, 5, 6]]
    assert bench.clock.passed == 0


def test_the_next_window_begins_when_an_invocation_completes() -> None:
    """AWS: "If you configure a MaximumBatchingWindowInSeconds, the next batching window begins as soon as the previous
    function invocation completes"."""
    bench = Bench()

    def slow(given: list[int]) -> None:
        bench.clock.sleep(7)

    bench.map(Function(slow), batching_window=10)
    bench.put(1)
    bench.steps(1)
    bench.put(1)
    assert bench.driver.step() is None
    assert bench.driver.wakes() == NOON.timestamp() + 10 + 7 + 10


def test_windows_without_records_follow_one_another() -> None:
    """A record waits for no longer than one window, and for the one that it falls into."""
    bench = Bench()
    bench.map(Function(), batching_window=10)
    bench.driver.step()
    bench.clock.sleep(34)
    bench.driver.step()
    bench.put(1)
    assert bench.driver.step() is None
    assert bench.driver.wakes() == NOON.timestamp() + 40


def test_six_megabytes_end_a_batch() -> None:
    """AWS: "... the payload size reaches 6 MB. You cannot modify this limit"."""
    bench = Bench()
    function = bench.map(Function())
    bench.put(40, body="x" * 300_000)
    bench.driver.run()
    sizes = [len(json.dumps(event, separators=(",", ":"))) for event in function.events]
    assert all(size <= 6 * 1024 * 1024 for size in sizes)
    assert [at for batch in function.batches for at in batch] == list(range(1, 41))
    assert len(function.batches) == 2


def test_a_batch_holds_no_more_than_its_size() -> None:
    """AWS: "A batch size is the maximum number of records in a single batch"."""
    bench = Bench()
    function = bench.map(Function(), batch_size=2)
    bench.put(5)
    bench.driver.run()
    assert function.batches == [[1, 2], [3, 4], [5]]


def test_each_shard_is_read_in_order() -> None:
    """AWS: "An event source mapping creates an iterator for each shard in the stream and processes items in each shard
    in order"."""
    bench = Bench(shards=4, seed=7)
    function = bench.map(Function(), batch_size=3)
    bench.put(60)
    steps = bench.driver.run()
    assert sorted(at for batch in function.batches for at in batch) == list(range(1, 61))
    by_shard: dict[str, list[int]] = {}
    for step in steps:
        by_shard.setdefault(step.shard, []).extend(map(position, step.delivered))
    assert len(by_shard) == 4
    assert all(positions == sorted(positions) for positions in by_shard.values())


def test_what_was_processed_stays_in_the_stream_for_others() -> None:
    """AWS: "Processed items aren't removed from the stream, and other functions or consumers can process them"."""
    bench = Bench()
    bench.put(4)
    first = bench.map(Function(), name="first")
    second = bench.map(Function(error_on(2)), name="second", batch_size=2, retries=0)
    bench.driver.run()
    assert first.batches == [[1, 2, 3, 4]]
    assert second.batches == [[1, 2], [3, 4]]


def test_an_error_repeats_the_entire_batch_and_nothing_more() -> None:
    """AWS: "By default, if your function returns an error, the event source mapping reprocesses the entire batch until
    the function succeeds, or the items in the batch expire"."""
    bench = Bench()
    bench.put(2)
    function = bench.map(Function(answers=[RuntimeError()] * 3))
    bench.steps(1)
    bench.put(2)
    bench.driver.run()
    assert function.batches == [[1, 2]] * 4 + [[3, 4]]


def test_only_the_affected_shard_waits() -> None:
    """AWS: "To ensure in-order processing, the event source mapping pauses processing for the affected shard until the
    error is resolved"."""
    bench = Bench(shards=2)
    bench.put(20)
    shards: dict[str, list[int]] = {shard.id: [] for shard in bench.feed.shards()}
    for shard in shards:
        records = bench.feed.reader(shard, "TRIM_HORIZON").read(100)
        shards[shard] = [position(record["dynamodb"]["SequenceNumber"]) for record in records]
    bad, good = shards.values()
    function = bench.map(Function(error_on(bad[1])), batch_size=2)
    bench.steps(40)
    seen = {at for batch in function.batches for at in batch}
    assert seen == {*good, *bad[:2]}


def test_batches_in_parallel_keep_the_order_of_each_item() -> None:
    """AWS: "If you process multiple batches in parallel, in-order processing is still guaranteed" at the item level,
    and one lane that fails holds up no other."""
    bench = Bench(seed=3)
    bench.put(40)
    function = bench.map(Function(error_on(5)), batch_size=4, parallel=4)
    bench.steps(60)
    seen = {at for batch in function.batches for at in batch}
    assert 25 <= len(seen) < 40
    stuck = [batch for batch in function.batches if 5 in batch]
    assert all(batch == stuck[0] for batch in stuck)


def test_the_checkpoint_waits_for_the_slowest_of_parallel_batches() -> None:
    """AWS: "Process each event at least once": what another lane has done behind a failing record may come again."""
    checkpoints = MemoryCheckpoints()
    bench = Bench(checkpoints=checkpoints)
    bench.put(40)
    bench.map(Function(error_on(5)), batch_size=4, parallel=4)
    bench.steps(60)
    saved = checkpoints.load("mapping", bench.feed.shards()[0].id)
    assert saved is None or position(saved) < 5


def test_latest_begins_behind_what_there_is() -> None:
    """StartingPosition: LATEST processes new records, TRIM_HORIZON all records in the stream."""
    bench = Bench()
    bench.put(3)
    latest = bench.map(Function(), name="latest", start="LATEST")
    oldest = bench.map(Function(), name="oldest", start="TRIM_HORIZON")
    bench.driver.run()
    bench.put(2)
    bench.driver.run()
    assert latest.batches == [[4, 5]]
    assert oldest.batches == [[1, 2, 3], [4, 5]]


def test_shards_that_come_later_are_read_from_their_beginning() -> None:
    """LATEST is a place in the shards that there are; what is written to their children is new."""
    bench = Bench()
    function = bench.map(Function(), start="LATEST")
    bench.put(3)
    bench.driver.run()
    assert function.batches == []
    bench.feed.split(bench.feed.shards()[0].id)
    bench.put(4)
    bench.driver.run()
    assert sorted(at for batch in function.batches for at in batch) == [4, 5, 6, 7]
