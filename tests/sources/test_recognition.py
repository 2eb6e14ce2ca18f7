from __future__ import annotations

from typing import Any

import pytest

from cqrsless import MalformedMessage
from cqrsless.sources import handle, recognise
from tests.sources.shop import CONTEXT, PAYLOADS, Shop, recorded

NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
SOURCES = {
    "alb": "load balancer",
    "direct": "direct",
    "dynamodb": "stream",
    "eventbridge": "EventBridge",
    "function": "HTTP API or Function URL",
    "http": "HTTP API or Function URL",
    "kinesis": "stream",
    "rest": "REST API",
    "scheduler": "EventBridge",
    "sns": "SNS",
    "sqs": "SQS",
    "step": "direct",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_payload_is_recognised(name: str) -> None:
    expected = {"http_api_format_1": "REST API", "scheduler_input": "direct"}.get(name, SOURCES[name.split("_")[0]])
    source = recognise(recorded(name))
    assert source is not None and source.name == expected


@pytest.mark.parametrize("name", [name for name in NAMES if SOURCES[name.split("_")[0]] != "stream"])
def test_every_recorded_payload_is_answered(name: str) -> None:
    shop = Shop()
    answer = handle(recorded(name), CONTEXT, shop)
    assert shop.messages
    if isinstance(answer, dict):
        assert answer.get("statusCode", 200) in (200, 201)
        assert answer.get("batchItemFailures", []) == []


def test_a_batch_of_no_records_has_no_failures() -> None:
    shop = Shop()
    assert handle({"Records": []}, CONTEXT, shop) == {"batchItemFailures": []}
    assert shop.messages == []


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (None, "None"),
        (7, "7"),
        ("x" * 10_000, repr("x" * 200 + "...")),
        (b"\xff", r"b'\xff'"),
        ([{"command": "A"}], "a JSON list"),
        ({}, "a JSON object"),
        ({"Records": None}, "a JSON object with 'Records'"),
        ({"Records": [{"eventSource": "aws:ses"}]}, "a JSON object with 'Records'"),
        ({"Records": "x"}, "a JSON object with 'Records'"),
        ({"key1": "value1", "key2": "value2"}, "a JSON object with 'key1', 'key2'"),
        ({"x" * 10_000: 1}, "a JSON object with " + repr("x" * 200 + "...")),
        ({"httpMethod": "GET"}, "a JSON object with 'httpMethod'"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_anything_else_is_malformed_and_the_text_lists_what_is_read(
    event: Any, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MalformedMessage) as raised:
        handle(event, CONTEXT, Shop())
    text = str(raised.value)
    assert text == (
        f"the event is {shown}, and of no form that is read: a command "
        '({"command": name, "payload": {...}}) or a query ({"query": name, "payload": {...}}), a request from API '
        "Gateway, a Function URL or a load balancer, records from SQS, SNS, DynamoDB or Kinesis, or an event from "
        "EventBridge"
    )
    assert caplog.messages == [text]
