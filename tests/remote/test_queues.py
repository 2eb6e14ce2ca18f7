"""Commands that are sent through a queue: they arrive as they were given, and nothing comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from cqrsless import App, Client, Command, CommandResult, CqrslessError, Forbidden, MalformedMessage, Unreachable
from cqrsless.sources import handle
from tests.remote.servers import Status, _serving

ORDER = {"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}


@pytest.fixture
def sqs(moto_aws: None) -> Iterator[Any]:
    client = boto3.client("sqs", region_name="eu-west-1")
    client.create_queue(QueueName="orders")
    client.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})
    yield client


def received(sqs: Any, name: str) -> list[Any]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return list(found.get("Messages", ()))


def delivered(app: App, messages: list[Any]) -> Any:
    records = [
        {
            "messageId": one["MessageId"],
            "body": one["Body"],
            "attributes": one["Attributes"],
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders",
        }
        for one in messages
    ]
    return handle({"Records": records}, SimpleNamespace(aws_request_id="r-1"), app)


@pytest.mark.parametrize("form", ["orders", "arn:aws:sqs:eu-west-1:123456789012:orders", "url"])
def test_a_command_arrives_and_is_done_once(sqs: Any, app: App, form: str) -> None:
    name = sqs.get_queue_url(QueueName="orders")["QueueUrl"] if form == "url" else form
    client = Client(f"sqs://{name}", region="eu-west-1")
    for _ in range(2):  # somebody sends it twice
        sent = client.execute("CreateOrder", ORDER, id="c-1", metadata={"tenant": "t"})
        assert sent == CommandResult()
    messages = received(sqs, "orders")
    assert len(messages) == 2
    assert delivered(app, messages) == {"batchItemFailures": []}
    assert app.load("Order", "o-1").version == 1
    assert app.history("Order", "o-1")[0].metadata["tenant"] == "t"


def test_each_command_without_an_id_gets_one_of_its_own(sqs: Any) -> None:
    client = Client("sqs://orders", region="eu-west-1")
    client.execute("CreateOrder", ORDER)
    client.execute(Command("CreateOrder", ORDER, expected_version=0))
    bodies = [json.loads(message["Body"]) for message in received(sqs, "orders")]
    assert len({body["id"] for body in bodies}) == 2
    assert [body.get("expected_version") for body in bodies] == [None, 0]


def test_a_fifo_queue_keeps_together_what_belongs_together_and_takes_a_command_once(sqs: Any) -> None:
    client = Client("sqs://orders.fifo", region="eu-west-1", group=lambda command: command.payload["order_id"])
    for order, id in (("o-1", "c-1"), ("o-1", "c-2"), ("o-2", "c-3"), ("o-1", "c-1")):
        client.execute("CreateOrder", {**ORDER, "order_id": order}, id=id)
    groups: list[tuple[str, str]] = []
    while found := received(sqs, "orders.fifo"):
        url = sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"]
        for one in found:
            groups.append((json.loads(one["Body"])["id"], one["Attributes"]["MessageGroupId"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    assert sorted(id for id, _ in groups) == ["c-1", "c-2", "c-3"]
    by_id = dict(groups)
    assert by_id["c-1"] == by_id["c-2"] != by_id["c-3"]


def test_a_queue_cannot_be_asked() -> None:
    with pytest.raises(
        CqrslessError, match=r"^GetOrder cannot be asked through the queue orders, .*lambda:// or https"
    ):
        Client("sqs://orders").ask("GetOrder")


def test_a_queue_that_is_not_there_is_named(sqs: Any) -> None:
    with pytest.raises(Unreachable, match="there is no queue nowhere in this account and region"):
        Client("sqs://nowhere", region="eu-west-1").execute("CreateOrder", ORDER)


def test_a_message_that_no_queue_takes_is_not_sent() -> None:
    with pytest.raises(MalformedMessage, match="and a queue takes 1048576: keep large values elsewhere"):
        Client("sqs://orders").execute("CreateOrder", {"note": "x" * 1_048_576})


def test_a_throttled_queue_is_sent_to_again_and_a_forbidden_one_is_not() -> None:
    pauses: list[float] = []
    denied = Status(403, b'{"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "no"}')
    throttled = Status(400, b'{"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slowly"}')
    answer = json.dumps({"MessageId": "m-1"}).encode()
    with _serving(lambda server, request: Status(200, answer)) as server:
        client = Client(
            f"sqs://{server.url}/123456789012/orders?region=eu-west-1&endpoint={server.url}", sleep=pauses.append
        )
        server.faults = [throttled, Status(503), None, denied]
        client.execute("CreateOrder", ORDER)
        ids = {json.loads(json.loads(request.body)["MessageBody"])["id"] for request in server.requests}
        assert (len(server.requests), len(ids), len(pauses)) == (3, 1, 2)
        with pytest.raises(Forbidden, match="which needs sqs:SendMessage on it"):
            client.execute("CreateOrder", ORDER)
