"""Buses, topics and queues: named as users name them, and sent what each of them wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cqrsless import Event, Message, Registry
from cqrsless.clients import aws_client
from cqrsless.publishing.cloudevents import Envelope, Envelopes
from cqrsless.publishing.sending import NotPublished
from cqrsless.publishing.targets import Bus, Queue, Targets, Topic, target
from tests.processors.harness import NOON

ACCOUNT = "123456789012"
Make = Callable[..., Envelope]


def envelope(to: str, id: str = "e-1", subject: str = "o-1", **payload: Any) -> Envelope:
    message = Message(
        f"Order#{subject}@1", "Placed", "event", {}, NOON, "Order", correlation_id="k", aggregate_id=subject
    )
    return Envelopes(Registry("shop").freeze(), {}).envelope(to, Event("OrderPlaced", payload), message, id)


class Client:
    """Answers with what it is given, one answer a call, and notes what it was asked."""

    class meta:
        region_name = "eu-west-1"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> Any:
            self.calls.append((operation, params))
            answer = self.answers.pop(0) if self.answers else {}
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


# -- what is sent


def test_a_bus_gets_the_cloud_event_as_its_detail_under_its_own_source_and_type() -> None:
    client = Client()
    one = envelope("eventbridge://orders")
    Targets(lambda service, region: client).send([one])
    assert client.calls == [
        (
            "put_events",
            {
                "Entries": [
                    {
                        "EventBusName": "orders",
                        "Source": "/cqrsless/shop",
                        "DetailType": "OrderPlaced",
                        "Time": "2026-03-01T12:00:00Z",
                        "Detail": one.body,
                    }
                ]
            },
        )
    ]


ATTRIBUTES = {
    "content-type": {"DataType": "String", "StringValue": "application/cloudevents+json"},
    "source": {"DataType": "String", "StringValue": "/cqrsless/shop"},
    "type": {"DataType": "String", "StringValue": "OrderPlaced"},
}


def test_a_topic_gets_the_cloud_event_as_its_message_and_attributes_for_filters() -> None:
    client = Client()
    one = envelope(f"sns://arn:aws:sns:eu-west-1:{ACCOUNT}:orders")
    Targets(lambda service, region: client).send([one])
    entry = {"Id": "0", "Message": one.body, "MessageAttributes": ATTRIBUTES}
    arn = f"arn:aws:sns:eu-west-1:{ACCOUNT}:orders"
    assert client.calls == [("publish_batch", {"TopicArn": arn, "PublishBatchRequestEntries": [entry]})]


def test_a_queue_gets_the_cloud_event_as_its_body() -> None:
    client = Client()
    url = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders"
    one = envelope(f"sqs://{url}")
    Targets(lambda service, region: client).send([one])
    entry = {"Id": "0", "MessageBody": one.body, "MessageAttributes": ATTRIBUTES}
    assert client.calls == [("send_message_batch", {"QueueUrl": url, "Entries": [entry]})]


@pytest.mark.parametrize("kind", [Topic, Queue])
def test_a_fifo_target_groups_by_aggregate_and_drops_repeats_by_the_events_id(kind: type[Topic] | type[Queue]) -> None:
    service = kind("x", "orders.fifo", aws_client)
    entry = service.entry(envelope("x"), 0)
    assert (entry["MessageGroupId"], entry["MessageDeduplicationId"]) == ("o-1", "e-1")


@pytest.mark.parametrize("subject", ["has space", "ünï", "x" * 129])
def test_an_id_that_is_no_group_has_one_made_of_it(subject: str) -> None:
    service = Queue("x", "orders.fifo", aws_client)
    group = service.group(envelope("x", subject=subject))
    assert group is not None and group != subject and len(group) == 32
    assert group == service.group(envelope("x", subject=subject))


def test_a_standard_target_has_no_groups() -> None:
    for service in (Topic("x", "orders", aws_client), Queue("x", "orders", aws_client), Bus("x", "orders", aws_client)):
        assert service.group(envelope("x")) is None
        assert "MessageGroupId" not in service.entry(envelope("x"), 0)


# -- how targets are named


def test_a_queues_name_is_looked_up_once() -> None:
    client = Client({"QueueUrl": "https://sqs/orders"}, {}, {})
    targets = Targets(lambda service, region: client)
    for _ in range(2):
        targets.send([envelope("sqs://orders")])
    assert [operation for operation, _ in client.calls] == ["get_queue_url", "send_message_batch", "send_message_batch"]
    assert client.calls[0][1] == {"QueueName": "orders"}


def test_a_queues_arn_says_whose_it_is() -> None:
    client = Client({"QueueUrl": "https://sqs/orders"}, {})
    Targets(lambda service, region: client).send([envelope(f"sqs://arn:aws:sqs:eu-west-1:{ACCOUNT}:orders")])
    assert client.calls[0][1] == {"QueueName": "orders", "QueueOwnerAWSAccountId": ACCOUNT}


def test_a_topics_name_is_one_of_the_callers_own() -> None:
    client = Client({"Arn": f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/x/y"}, {})
    Targets(lambda service, region: client).send([envelope("sns://orders")])
    assert client.calls[1][1]["TopicArn"] == f"arn:aws-cn:sns:eu-west-1:{ACCOUNT}:orders"


@pytest.mark.parametrize(
    ("to", "region"),
    [
        ("sqs://orders", None),
        ("eventbridge://orders", None),
        (f"sqs://arn:aws:sqs:us-east-2:{ACCOUNT}:orders", "us-east-2"),
        (f"sns://arn:aws:sns:us-east-2:{ACCOUNT}:orders", "us-east-2"),
        (f"eventbridge://arn:aws:events:us-east-2:{ACCOUNT}:event-bus/orders", "us-east-2"),
        (f"sqs://https://sqs.ap-southeast-1.amazonaws.com/{ACCOUNT}/orders", "ap-southeast-1"),
        (f"sqs://http://127.0.0.1:4566/{ACCOUNT}/orders", None),
    ],
)
def test_a_client_is_made_for_the_region_that_the_target_names(to: str, region: str | None) -> None:
    asked: list[Any] = []

    def make(service: str, region: str | None) -> Client:
        asked.append(region)
        return Client({"QueueUrl": "u"})

    service = target(to, make)
    assert asked == []  # not before it is needed
    assert service.request([]) == {}
    assert asked[0] == region


# -- what is not taken


def test_an_event_that_the_bus_refuses_in_a_200_answer_is_sent_again() -> None:
    client = Client(
        {
            "FailedEntryCount": 1,
            "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "m"}],
        },
        {"FailedEntryCount": 0, "Entries": [{"EventId": "2"}]},
    )
    targets = Targets(lambda service, region: client, sleep=lambda seconds: None)
    two = [envelope("eventbridge://orders", id) for id in ("e-1", "e-2")]
    assert targets.send(two) == [None, None]
    assert [entry["Detail"] for entry in client.calls[1][1]["Entries"]] == [two[1].body]


def test_an_event_that_the_bus_will_never_take_is_not_sent_again() -> None:
    client = Client({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "MalformedDetail", "ErrorMessage": "bad"}]})
    (outcome,) = Targets(lambda service, region: client).send([envelope("eventbridge://orders")])
    assert str(outcome) == "eventbridge://orders did not take OrderPlaced e-1: MalformedDetail: bad"
    assert len(client.calls) == 1


@pytest.mark.parametrize("to", ["sqs://https://sqs/orders", f"sns://arn:aws:sns:eu-west-1:{ACCOUNT}:orders"])
def test_a_message_that_failed_in_a_batch_is_sent_again_unless_it_is_at_fault(to: str) -> None:
    failed = {"Id": "1", "Code": "InternalError", "Message": "later", "SenderFault": False}
    fault = {"Id": "0", "Code": "InvalidMessage", "Message": "no", "SenderFault": True}
    client = Client({"Failed": [fault, failed]}, {})
    targets = Targets(lambda service, region: client, sleep=lambda seconds: None)
    first, second = targets.send([envelope(to, id, subject=id) for id in ("e-1", "e-2")])
    assert str(first) == f"{to} did not take OrderPlaced e-1: InvalidMessage: no"
    assert second is None
    assert len(client.calls) == 2


def test_a_target_that_is_not_there_is_named() -> None:
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue", "Message": "no"}}, "GetQueueUrl")
    client = Client(error)
    (outcome,) = Targets(lambda service, region: client).send([envelope("sqs://orders")])
    assert isinstance(outcome, NotPublished)
    assert "sqs://orders failed with ClientError" in str(outcome)


# -- against servers


def receive(sqs: Any, url: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(20):
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"])
        for message in got.get("Messages", []):
            found.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if len(found) >= count:
            break
    return found


def check(prefix: str, *, drops_repeats: bool = True) -> None:
    """Publish to a queue, a FIFO queue, a topic and a bus, and receive all of it in queues."""
    sqs, sns, events = aws_client("sqs"), aws_client("sns"), aws_client("events")
    urls: dict[str, str] = {}
    arns: dict[str, str] = {}
    for name in ("plain", "topic", "bus"):
        urls[name] = sqs.create_queue(QueueName=f"{prefix}-{name}")["QueueUrl"]
        got = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])
        arns[name] = got["Attributes"]["QueueArn"]
    fifo = {"FifoQueue": "true"}
    urls["fifo"] = sqs.create_queue(QueueName=f"{prefix}-fifo.fifo", Attributes=fifo)["QueueUrl"]
    topic = sns.create_topic(Name=f"{prefix}-topic")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns["topic"], Attributes=raw)
    bus = f"{prefix}-bus"
    events.create_event_bus(Name=bus)
    pattern = json.dumps({"source": ["/cqrsless/shop"]})
    events.put_rule(Name=f"{prefix}-all", EventBusName=bus, EventPattern=pattern, State="ENABLED")
    events.put_targets(Rule=f"{prefix}-all", EventBusName=bus, Targets=[{"Id": "1", "Arn": arns["bus"]}])

    targets = Targets()
    to = {
        "plain": f"sqs://{prefix}-plain",
        "fifo": f"sqs://{prefix}-fifo.fifo",
        "topic": f"sns://{prefix}-topic",
        "bus": f"eventbridge://{bus}",
    }
    sent = {name: [envelope(to[name], f"{name}-{at}", total=at, who="Zoë") for at in range(12)] for name in to}
    assert targets.send([one for some in sent.values() for one in some]) == [None] * 48
    for name, some in sent.items():
        bodies = [json.loads(message["Body"]) for message in receive(sqs, urls[name], 12)]
        if name == "bus":
            assert all(body["detail-type"] == "OrderPlaced" for body in bodies)
            assert all(body["source"] == "/cqrsless/shop" for body in bodies)
            bodies = [body["detail"] for body in bodies]
        if name != "fifo":
            bodies.sort(key=lambda body: int(body["data"]["total"]))
        assert bodies == [one.document for one in some], name
    assert targets.send(sent["fifo"]) == [None] * 12
    if drops_repeats:
        assert "Messages" not in sqs.receive_message(QueueUrl=urls["fifo"], MaxNumberOfMessages=10)


@pytest.mark.usefixtures("moto_aws")
def test_what_is_published_arrives_on_moto(table_prefix: str) -> None:
    check(table_prefix, drops_repeats=False)  # it forgets the ids of what was received


@pytest.fixture
def on_ministack(ministack_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack_endpoint)
    yield


@pytest.mark.server
@pytest.mark.usefixtures("on_ministack")
def test_what_is_published_arrives_on_a_server(table_prefix: str) -> None:
    check(table_prefix)
