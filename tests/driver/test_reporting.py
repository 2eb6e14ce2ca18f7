"""What AWS documents of batches that fail in a part, one test a sentence; the pages are named in `cqrsless.driver`."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.driver import MemoryCheckpoints
from tests.driver.bench import REPORTING, Bench, Function, error_on, failing, naming, sequence

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
