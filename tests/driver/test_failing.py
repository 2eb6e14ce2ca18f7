"""What AWS documents of batches that fail, one test a sentence; the pages are named in `cqrsless.driver`."""

from __future__ import annotations

import json
from typing import Any

from cqrsless.driver import NotInvoked, ObjectDestination, QueueDestination
from tests.driver.bench import REPORTING, Bench, Function, error_on, naming, sequence

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
