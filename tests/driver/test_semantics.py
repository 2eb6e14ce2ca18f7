"""What AWS documents of stream mappings, one test a sentence; the pages are named in `cqrsless.driver`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.driver import MemoryCheckpoints, NotInvoked, ObjectDestination, QueueDestination
from tests.driver.bench import NOON, Bench, Function, error_on, failing, naming, position, sequence

REPORTING: dict[str, Any] = {"report_failures": True}


# -- services-ddb-batchfailurereporting


def test_the_checkpoint_is_the_highest_number_of_a_batch_that_succeeded() -> None:
    """AWS: "Lambda checkpoints to the highest sequence number of a batch only when the batch is a complete success"."""
    checkpoints = MemoryCheckpoints()
    bench = Bench(checkpoints=checkpoints)
    bench.put(5)
    bench.map(Function(answers=[RuntimeError(), None]), batch_size=3)
    shard = bench.feed.shards()[0].id
    bench.steps(1)
    assert checkpoints.load("mapping", shard) is None
    bench.steps(1)
    assert checkpoints.load("mapping", shard) == sequence(3)


def test_all_other_results_are_a_complete_failure() -> None:
    """AWS: "Lambda treats all other results as a complete failure and retries processing the batch up to the retry
    limit"."""
    bench = Bench()
    bench.put(3)
    function = bench.map(Function(error_on(2)), retries=2)
    bench.driver.run()
    assert function.batches == [[1, 2, 3]] * 3


def test_partial_answers_mean_nothing_unless_they_are_turned_on() -> None:
    """AWS: "These responses will not be processed by Lambda unless the ReportBatchItemFailures feature is explicitly
    turned on"."""
    bench = Bench()
    bench.put(3)
    function = bench.map(Function(naming(2)))
    bench.driver.run()
    assert function.batches == [[1, 2, 3]]


def test_the_lowest_failed_number_is_the_checkpoint_and_all_behind_it_comes_again() -> None:
    """AWS: "Lambda uses the record with the lowest sequence number as the checkpoint. Lambda then retries all records
    starting from that checkpoint"."""
    bench = Bench()
    bench.put(6)
    function = bench.map(Function(answers=[failing(5, 3)]), **REPORTING)
    bench.driver.run()
    assert function.batches == [[1, 2, 3, 4, 5, 6], [3, 4, 5, 6]]


@pytest.mark.parametrize("answer", [{"batchItemFailures": []}, {"batchItemFailures": None}, {}, None])
def test_an_empty_or_null_list_or_answer_is_a_success(answer: Any) -> None:
    """AWS: "Lambda treats a batch as a complete success if you return: an empty batchItemFailure list, a null
    batchItemFailure list, an empty EventResponse, a null EventResponse"."""
    bench = Bench()
    bench.put(2)
    function = bench.map(Function(answers=[answer]), **REPORTING)
    assert [step.outcome for step in bench.driver.run()] == ["success"]
    assert function.batches == [[1, 2]]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param({"itemIdentifier": ""}, id="an empty string itemIdentifier"),
        pytest.param({"itemIdentifier": None}, id="a null itemIdentifier"),
        pytest.param({"ItemIdentifier": sequence(2)}, id="an itemIdentifier with a bad key name"),
        pytest.param({"itemIdentifier": sequence(9)}, id="an unknown itemIdentifier"),
    ],
)
def test_an_identifier_that_is_none_fails_the_whole_batch(failure: Any) -> None:
    """AWS: "Lambda treats a batch as a complete failure if you return: an empty string itemIdentifier, a null
    itemIdentifier, an itemIdentifier with a bad key name"."""
    bench = Bench()
    bench.put(3)
    answer = {"batchItemFailures": [{"itemIdentifier": sequence(3)}, failure]}
    function = bench.map(Function(answers=[answer]), **REPORTING)
    bench.driver.run()
    assert function.batches == [[1, 2, 3], [1, 2, 3]]


def test_a_batch_that_fails_is_halved_whether_or_not_it_reports() -> None:
    """AWS: "If your invocation fails and BisectBatchOnFunctionError is turned on, the batch is bisected regardless of
    your ReportBatchItemFailures setting"."""
    for settings in ({}, REPORTING):
        bench = Bench()
        bench.put(4)
        function = bench.map(Function(answers=[RuntimeError()]), bisect=True, **settings)
        bench.driver.run()
        assert function.batches == [[1, 2, 3, 4], [1, 2], [3, 4]]


def test_with_both_a_batch_is_cut_at_the_returned_number() -> None:
    """AWS: "When a partial batch success response is received and both BisectBatchOnFunctionError and
    ReportBatchItemFailures are turned on, the batch is bisected at the returned sequence number and Lambda retries only
    the remaining records"."""
    bench = Bench()
    bench.put(5)
    function = bench.map(Function(answers=[failing(2), failing(4)]), bisect=True, retries=0, **REPORTING)
    bench.driver.run()
    assert function.batches == [[1, 2, 3, 4, 5], [2, 3, 4, 5], [4, 5]]


# -- services-dynamodb-errors


def test_what_could_not_be_invoked_is_retried_without_using_up_retries() -> None:
    """AWS: "If a Lambda event source mapping is unable to invoke the function due to throttling or other issues, it
    retries until the records expire or exceed the maximum age"."""
    bench = Bench()
    bench.put(2)
    function = bench.map(Function(answers=[NotInvoked("throttled")] * 5), retries=0)
    outcomes = [step.outcome for step in bench.driver.run()]
    assert outcomes == ["not invoked"] * 5 + ["success"]
    assert function.batches == [[1, 2]] * 6


def test_throttling_leaves_all_retries_to_function_errors() -> None:
    """As above: what was not invoked has not failed."""
    bench = Bench()
    bench.put(1)
    function = bench.map(Function(error_on(1), answers=[NotInvoked("throttled")] * 5), retries=2)
    outcomes = [step.outcome for step in bench.driver.run()]
    assert outcomes == ["not invoked"] * 5 + ["failure"] * 3
    assert len(function.batches) == 8


def test_throttling_ends_with_the_records_age() -> None:
    """As above: "... or exceed the maximum age configured on the event source mapping"."""
    bench = Bench()
    bench.put(1)
    given_up = QueueDestination()
    bench.map(Function(lambda given: NotInvoked("throttled")), record_age=60, destination=given_up)
    bench.driver.run()
    assert 60 < bench.clock.passed <= 62
    assert json.loads(given_up.bodies[0])["requestContext"]["approximateInvokeCount"] == 0


def test_a_failing_batch_is_retried_until_its_quota_is_reached() -> None:
    """AWS: "If the function is invoked but returns an error, Lambda retries until the records expire, exceed the
    maximum age, or reach the configured retry quota"."""
    for retries in (0, 1, 7):
        bench = Bench()
        bench.put(1)
        function = bench.map(Function(error_on(1)), retries=retries)
        steps = bench.driver.run()
        assert len(function.batches) == 1 + retries
        assert steps[-1].given_up == (sequence(1),)


def test_a_failing_batch_is_retried_until_its_records_are_too_old() -> None:
    """As above: "... exceed the maximum age." Younger records of the batch go on."""
    bench = Bench()
    bench.put(1)
    bench.clock.sleep(30)
    bench.put(1)
    function = bench.map(Function(error_on(1)), record_age=60)
    steps = bench.driver.run()
    assert [step.given_up for step in steps if step.given_up] == [(sequence(1),)]
    assert function.batches[-1] == [2]
    assert 60 < bench.clock.passed < 63


def test_the_earlier_of_expiry_and_age_counts() -> None:
    cases: list[tuple[dict[str, Any], int]] = [({"record_age": 60}, 60), ({"record_age": 604_800}, 300), ({}, 300)]
    for settings, seconds in cases:
        bench = Bench(retention=300)
        bench.put(1)
        bench.map(Function(error_on(1)), **settings)
        bench.driver.run()
        assert seconds < bench.clock.passed <= seconds + 2


def test_a_failing_batch_is_retried_until_its_records_expire() -> None:
    """AWS: "With the default settings, this means that a bad record can block processing on the affected shard for up
    to one day"."""
    bench = Bench(retention=86_400, backoff=3_600.0)
    bench.put(1)
    bench.clock.sleep(60)
    bench.put(1)
    function = bench.map(Function(error_on(1)), batch_size=1)
    bench.driver.run()
    assert function.batches[-1] == [2]
    assert 86_400 <= bench.clock.passed < 86_400 + 3_600 + 60


def test_halving_isolates_the_bad_record() -> None:
    """AWS: "... BisectBatchOnFunctionError, which splits a failed batch into two smaller batches, isolating bad records
    and avoiding timeouts"."""
    bench = Bench()
    bench.put(8)
    given_up = ObjectDestination()
    function = bench.map(Function(error_on(6)), bisect=True, retries=0, destination=given_up)
    steps = bench.driver.run()
    assert function.batches == [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6], [5], [6], [7, 8]]
    assert [step.given_up for step in steps if step.given_up] == [(sequence(6),)]
    assert len(given_up.objects) == 1


def test_halving_uses_up_no_retries() -> None:
    """AWS: "Splitting batches doesn't consume the retry quota"."""
    bench = Bench()
    bench.put(4)
    function = bench.map(Function(error_on(3)), bisect=True, retries=2)
    bench.driver.run()
    assert function.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [3], [4]]


def test_a_cut_at_the_first_record_is_no_cut() -> None:
    """Nothing is split off where the first record of a batch is the one that failed, so a retry is used up."""
    bench = Bench()
    bench.put(3)
    function = bench.map(Function(naming(1)), bisect=True, retries=1, **REPORTING)
    steps = bench.driver.run()
    assert function.batches == [[1, 2, 3], [1, 2, 3]]
    assert steps[-1].given_up == (sequence(1), sequence(2), sequence(3))


def test_without_bisection_good_records_behind_a_bad_one_are_given_up_with_it() -> None:
    """AWS: "Lambda then retries all records starting from that checkpoint": they are one batch, and discarded as
    one."""
    bench = Bench()
    bench.put(4)
    function = bench.map(Function(naming(2)), retries=2, **REPORTING)
    steps = bench.driver.run()
    assert function.batches == [[1, 2, 3, 4], [2, 3, 4], [2, 3, 4]]
    assert steps[-1].given_up == (sequence(2), sequence(3), sequence(4))


def test_after_giving_up_the_shard_goes_on() -> None:
    """AWS: "If the error handling measures fail, Lambda discards the records and continues processing batches from the
    stream"."""
    bench = Bench()
    bench.put(4)
    function = bench.map(Function(error_on(1)), batch_size=2, retries=0)
    bench.driver.run()
    assert function.batches == [[1, 2], [3, 4]]


def test_a_queue_or_topic_gets_metadata_and_no_records() -> None:
    """AWS: "Each record sent to the destination is a JSON document containing metadata about the failed invocation"."""
    bench = Bench()
    bench.put(3)
    given_up = QueueDestination()
    function = bench.map(Function(error_on(2)), retries=1, destination=given_up)
    bench.driver.run()
    (body,) = given_up.bodies
    assert json.loads(body) == {
        "requestContext": {
            "requestId": function.contexts[-1].aws_request_id,
            "functionArn": "arn:aws:lambda:local:000000000000:function:mapping",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-23T12:00:01.000Z",
        "DDBStreamBatchInfo": {
            "shardId": bench.feed.shards()[0].id,
            "startSequenceNumber": sequence(1),
            "endSequenceNumber": sequence(3),
            "approximateArrivalOfFirstRecord": "2026-11-23T12:00:00Z",
            "approximateArrivalOfLastRecord": "2026-11-23T12:00:00Z",
            "batchSize": 3,
            "streamArn": bench.feed.arn,
        },
    }


def test_a_bucket_gets_the_records_too() -> None:
    """AWS: "For Amazon S3 destinations, Lambda also sends the entire invocation record along with the metadata"."""
    bench = Bench()
    bench.put(2)
    given_up = ObjectDestination("failures")
    function = bench.map(Function(error_on(2)), retries=0, destination=given_up)
    bench.driver.run()
    ((key, body),) = given_up.objects.items()
    assert key.startswith(f"aws/lambda/mapping/{bench.feed.shards()[0].id}/2026/11/23/2026-11-23T12.00.00-")
    assert json.loads(json.loads(body)["payload"]) == function.events[0]
    told = given_up.notification(key)["Records"][0]["s3"]
    assert given_up.fetch(told["bucket"]["name"], key) == body.encode()


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
