"""What AWS documents of filters and streams, one test a sentence; the pages are named in `cqrsless.driver`."""

from __future__ import annotations

import json
from typing import Any

from cqrsless.driver import MemoryCheckpoints
from tests.driver.bench import REPORTING, Bench, Function, sequence

# -- invocation-eventfiltering


def test_filtered_records_advance_the_checkpoint() -> None:
    """AWS: "Once your filter criteria processes a record, the streams iterator advances past this record"."""
    checkpoints = MemoryCheckpoints()
    bench = Bench(checkpoints=checkpoints)
    bench.put(3, pk="Order#a")
    function = bench.map(Function(), filters=('{"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "Invoice#"}]}}}}',))
    assert bench.driver.run() == []
    assert function.batches == []
    assert checkpoints.load("mapping", bench.feed.shards()[0].id) == sequence(3)


def test_a_filter_decides_what_is_added_to_a_batch() -> None:
    """AWS: "If you're using batching windows, Lambda applies your filter criteria to each new event to determine
    whether to add it to the current batch"."""
    bench = Bench()
    pattern = '{"dynamodb": {"NewImage": {"names": {"M": {"Paid": {"BOOL": [true]}}}}}}'
    function = bench.map(Function(), batching_window=60, batch_size=2, filters=(pattern,))
    for at in range(1, 7):
        bench.put(1, names={"Paid" if at % 3 == 0 else "Placed": True})
    bench.steps(1)
    assert function.batches == [[3, 6]]
    assert bench.clock.passed == 0


def test_an_event_is_passed_on_if_any_filter_lets_it() -> None:
    """AWS: "Your filters are logically ORed together. If a record from your event source satisfies one or more of your
    filters, Lambda includes the record in the next event it sends to your function"."""
    bench = Bench()
    patterns = tuple(f'{{"dynamodb": {{"Keys": {{"pk": {{"S": ["Order#{at}"]}}}}}}}}' for at in (2, 4))
    function = bench.map(Function(), filters=patterns)
    bench.put(5)
    bench.driver.run()
    assert function.batches == [[2, 4]]


# -- the stream's own promises (DynamoDB developer guide, "Change data capture for DynamoDB Streams")


def test_a_parent_shard_is_done_before_its_children_begin() -> None:
    """AWS: "An application must always process a parent shard before it processes a child shard"."""
    bench = Bench()
    bench.put(6)
    parent = bench.feed.shards()[0].id
    children = bench.feed.split(parent)
    bench.put(20)
    function = bench.map(Function(answers=[RuntimeError()] * 3), batch_size=4)
    steps = bench.driver.run()
    shards = [step.shard for step in steps]
    assert set(shards[:5]) == {parent}
    assert set(shards[5:]) == set(children)
    assert sorted({at for batch in function.batches for at in batch}) == list(range(1, 27))


def test_grandchildren_wait_for_their_parents_too() -> None:
    bench = Bench(seed=5)
    bench.put(4)
    low, high = bench.feed.split(bench.feed.shards()[0].id)
    bench.put(10)
    grandchildren = bench.feed.split(low)
    bench.put(10)
    bench.map(Function(), batch_size=2)
    order = list(dict.fromkeys(step.shard for step in bench.driver.run()))
    assert order.index(low) < min(order.index(shard) for shard in grandchildren)
    assert high in order


def test_a_split_while_a_mapping_reads_loses_nothing() -> None:
    bench = Bench(seed=11)
    function = bench.map(Function(), batch_size=3)
    bench.put(7)
    bench.steps(1)
    low, _ = bench.feed.split(bench.feed.shards()[0].id)
    bench.put(9)
    bench.steps(2)
    bench.feed.split(low)
    bench.put(9)
    bench.driver.run()
    assert sorted(at for batch in function.batches for at in batch) == list(range(1, 26))


def test_a_function_gets_an_event_of_its_own_and_lambdas_context() -> None:
    """What a function does to its event does not come back with a retry; the context is as the Python runtime's."""
    bench = Bench()
    bench.put(1)

    def spoil(event: Any, context: Any) -> Any:
        seen.append((json.dumps(event), context.aws_request_id, context.get_remaining_time_in_millis()))
        event["Records"].pop()["dynamodb"]["NewImage"].clear()
        raise RuntimeError

    seen: list[tuple[str, str, int]] = []
    bench.map(spoil, retries=1)
    bench.driver.run()
    (first, one, left), (second, other, _) = seen
    assert first == second
    assert one != other
    assert left == 60_000


def test_an_answer_that_is_no_json_is_a_function_error() -> None:
    """Lambda's runtime turns the answer into JSON; where it cannot, the invocation fails."""
    bench = Bench()
    bench.put(1)
    bench.map(Function(answers=[{"batchItemFailures": [], "seen": {1, 2}}]), **REPORTING)
    assert [step.outcome for step in bench.driver.run()] == ["failure", "success"]
