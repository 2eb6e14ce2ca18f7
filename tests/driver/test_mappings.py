"""A mapping's settings, within AWS's limits and out of them."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.driver import EventSourceMapping
from tests.driver.bench import Bench, Function


def test_the_defaults_are_those_of_aws() -> None:
    """The table of "Lambda parameters for Amazon DynamoDB event source mappings"."""
    assert EventSourceMapping("m") == EventSourceMapping(
        "m",
        batch_size=100,
        batching_window=0,
        retries=-1,
        record_age=-1,
        bisect=False,
        report_failures=False,
        filters=(),
        parallel=1,
        start="TRIM_HORIZON",
    )


def test_a_mapping_is_read_from_a_template() -> None:
    properties = {
        "Stream": {"Fn::GetAtt": ["Events", "StreamArn"]},
        "StartingPosition": "LATEST",
        "BatchSize": 1000,
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRetryAttempts": 5,
        "MaximumRecordAgeInSeconds": 3600,
        "BisectBatchOnFunctionError": True,
        "ParallelizationFactor": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {"Filters": [{"Pattern": '{"dynamodb": {"SequenceNumber": ["1"]}}'}]},
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    }
    assert EventSourceMapping.from_template("m", properties) == EventSourceMapping(
        "m",
        batch_size=1000,
        batching_window=1,
        retries=5,
        record_age=3600,
        bisect=True,
        report_failures=True,
        filters=('{"dynamodb": {"SequenceNumber": ["1"]}}',),
        parallel=10,
        start="LATEST",
    )


def test_what_the_driver_does_not_act_on_is_refused() -> None:
    with pytest.raises(ValueError, match="has TumblingWindowInSeconds, which the local driver does not act on"):
        EventSourceMapping.from_template("m", {"TumblingWindowInSeconds": 30})


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"batch_size": 0}, "batch_size of the mapping 'm' is 1 to 10000, not 0"),
        ({"batch_size": 10_001}, "batch_size of the mapping 'm' is 1 to 10000, not 10001"),
        ({"batching_window": 301}, "batching_window of the mapping 'm' is 0 to 300, not 301"),
        ({"retries": -2}, "retries of the mapping 'm' is -1 to 10000, not -2"),
        ({"record_age": 604_801}, "record_age of the mapping 'm' is -1 to 604800, not 604801"),
        ({"record_age": 59}, "record_age of the mapping 'm' is -1 or at least 60 seconds"),
        ({"parallel": 11}, "parallel of the mapping 'm' is 1 to 10, not 11"),
        ({"start": "AT_TIMESTAMP"}, "start of the mapping 'm' is TRIM_HORIZON or LATEST, not 'AT_TIMESTAMP'"),
        ({"filters": ("{",)}, "the filter pattern '{' is not JSON"),
        ({"name": "a#b"}, "a mapping's name is not empty and holds no '#': 'a#b'"),
    ],
)
def test_what_aws_does_not_take_is_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as refused:
        EventSourceMapping(**{"name": "m", **settings})
    assert text in str(refused.value)


def test_two_mappings_need_two_names() -> None:
    bench = Bench()
    bench.map(Function())
    with pytest.raises(ValueError, match="there is a mapping 'mapping' already: give each a name of its own"):
        bench.map(Function())
