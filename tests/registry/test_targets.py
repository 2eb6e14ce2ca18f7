"""Publishers' targets: names, ARNs and URLs, in the one form that everything else reads."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cqrsless import App, Command, Event, RegistrationError, Registry
from cqrsless.deploy.targets import targets
from cqrsless.describing.handlers import handlers

TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/orders"
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
THERE_IS = (
    'there is "eventbridge://bus", "sns://topic" and "sqs://queue", by name or ARN, the ARN of a bus, topic or queue '
    "alone, and the https:// URL of a queue"
)


def registered(*targets: Any) -> Registry:
    registry = Registry("shop")
    for to in targets:
        registry.publisher("OrderShipped", to=to)(lambda event: Event("Sent", event))
    return registry


@pytest.mark.parametrize(
    ("to", "means"),
    [
        (TOPIC, f"sns://{TOPIC}"),
        (QUEUE, f"sqs://{QUEUE}"),
        (BUS, f"eventbridge://{BUS}"),
        ("arn:aws-cn:sns:cn-north-1:123456789012:t", "sns://arn:aws-cn:sns:cn-north-1:123456789012:t"),
        ("arn:aws-us-gov:sqs:us-gov-west-1:1:q", "sqs://arn:aws-us-gov:sqs:us-gov-west-1:1:q"),
        (URL, f"sqs://{URL}"),
        (
            "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q.fifo",
            "sqs://https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q.fifo",
        ),
        ("https://eu-west-1.queue.amazonaws.com/1/q", "sqs://https://eu-west-1.queue.amazonaws.com/1/q"),
        (f"sns://{TOPIC}", f"sns://{TOPIC}"),
        ("sqs://http://127.0.0.1:4566/1/q", "sqs://http://127.0.0.1:4566/1/q"),
        ("sns://orders", "sns://orders"),
    ],
)
def test_an_arn_or_a_queues_url_alone_is_what_it_is_behind_its_scheme(to: str, means: str) -> None:
    assert [record.to for record in registered(to).freeze().publishers] == [means]


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("arn:aws:lambda:eu-west-1:1:function:f", f"is the ARN of no bus, topic or queue; {THERE_IS}"),
        ("arn:aws:events:eu-west-1:1:rule/r", f"is the ARN of no bus, topic or queue; {THERE_IS}"),
        (f"{TOPIC}:1a2b", f"is the ARN of no bus, topic or queue; {THERE_IS}"),
        ("arn:aws:sns:eu-west-1:orders", f"is the ARN of no bus, topic or queue; {THERE_IS}"),
        ("sns://arn:aws:kinesis:eu-west-1:1:stream/s", f"has the ARN of no bus, topic or queue; {THERE_IS}"),
        (f"sns://{QUEUE}", f"names sns and has the ARN of sqs: write '{QUEUE}' alone"),
        ("sqs://arn:aws", f"has the ARN of no bus, topic or queue; {THERE_IS}"),
        ("https://example.com/1/q", f"is not one of {THERE_IS.removeprefix('there is ')}"),
        ("http://127.0.0.1:4566/1/q", f"is not one of {THERE_IS.removeprefix('there is ')}"),
        ("orders", f"is not one of {THERE_IS.removeprefix('there is ')}"),
        (7, f"is not one of {THERE_IS.removeprefix('there is ')}"),
    ],
)
def test_what_is_no_target_is_told_with_what_is(to: Any, says: str) -> None:
    with pytest.raises(RegistrationError, match=f"{re.escape(f'to={to!r} {says}')}$"):
        registered(to)


def test_both_forms_of_one_target_are_one_target_everywhere() -> None:
    registry = registered(TOPIC, f"sns://{TOPIC}")
    Order = registry.aggregate("Order", id_field="order_id")

    @registry.command_handler("Ship", aggregate=Order, creation="always")
    def ship(command: Any, order: Any) -> Any:
        return {}, Event("OrderShipped", command)

    model = registry.freeze()
    assert [one.arn for one in targets(model)] == [(TOPIC,)]
    assert {one.on for one in handlers(model) if one.kind == "publisher"} == {f"sns://{TOPIC}"}
    app = App(store="memory://", registry=registry)
    app.execute(Command("Ship", {"order_id": "o-1"}))
    app.drain()
    # One line that registers one function for one target twice registers it once.
    assert [to for to, _ in app.published.documents] == [f"sns://{TOPIC}"]


@pytest.mark.parametrize(
    ("region", "end", "partition"),
    [("eu-west-1", "", "aws"), ("cn-north-1", ".cn", "aws-cn"), ("us-gov-west-1", "", "aws-us-gov")],
)
def test_a_queues_url_allows_the_queue_of_its_own_partition(region: str, end: str, partition: str) -> None:
    model = registered(f"https://sqs.{region}.amazonaws.com{end}/123456789012/orders").freeze()
    assert [one.arn for one in targets(model)] == [(f"arn:{partition}:sqs:{region}:123456789012:orders",)]
