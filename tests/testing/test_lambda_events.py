"""Builders of Lambda's events: each is recognised as its source, handled, and shaped as what was recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from cqrsless import Command, Event, Query
from cqrsless.app import App
from cqrsless.sources import handle, recognise
from cqrsless.testing import lambda_events as build
from tests.sources.shop import CONTEXT, PAYLOADS, Shop, registry

ORDER = {"order_id": "o-1", "customer_id": "c-7", "total": "19.90"}
CREATE = Command("CreateOrder", {**ORDER, "total": Decimal("19.90")})
PAID = Event("PaymentFailed", {"order_id": "o-1", "reason": "card expired"})
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def committed(how: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    app = App("memory://", registry=registry())
    app.execute(CREATE)
    app.execute(Command("CreateOrder", {**ORDER, "order_id": "o-2"}))
    return how(app)


#: What is built, the recorded payload that it is like, and the source that it comes from.
LIKE: dict[str, tuple[Callable[[], dict[str, Any]], str, str]] = {
    "direct": (
        lambda: build.direct(replace(CREATE, id="c-1", metadata={"correlation_id": "c"})),
        "direct_command",
        "direct",
    ),
    "query": (lambda: build.direct(Query("GetOrder", {"order_id": "o-1"})), "direct_query", "direct"),
    "http_api": (lambda: build.http_api("POST /orders", ORDER), "http_api", "HTTP API or Function URL"),
    "http_api_query": (
        lambda: build.http_api("GET /orders?status=placed&note=a%2Bb%26c", query={"tag": ["été", "x"]}),
        "http_api_query",
        "HTTP API or Function URL",
    ),
    "http_api_jwt": (
        lambda: build.http_api("POST /private/orders", ORDER, claims={"sub": "u-1", "scope": "orders"}),
        "http_api_jwt",
        "HTTP API or Function URL",
    ),
    "function_url": (lambda: build.function_url("POST /orders", ORDER), "function_url", "HTTP API or Function URL"),
    "function_url_iam": (
        lambda: build.function_url("POST /private/orders", ORDER, user_arn="arn:aws:iam::123456789012:user/ada"),
        "function_url_iam",
        "HTTP API or Function URL",
    ),
    "rest_api": (lambda: build.rest_api("GET /orders/o%2F1"), "rest_api_proxy", "REST API"),
    "rest_api_cognito": (
        lambda: build.rest_api("POST /private/orders", ORDER, claims={"sub": "u-1"}),
        "rest_api_cognito",
        "REST API",
    ),
    "load_balancer": (lambda: build.load_balancer("POST /orders", ORDER), "alb", "load balancer"),
    "load_balancer_multi_value": (
        lambda: build.load_balancer("GET /orders?status=placed&tag=a&tag=b", multi_value=True),
        "alb_multi_value",
        "load balancer",
    ),
    "sqs": (lambda: build.sqs(CREATE), "sqs", "SQS"),
    "sqs_fifo": (lambda: build.sqs(CREATE, queue="orders.fifo", group="a"), "sqs_fifo", "SQS"),
    "sqs_sns": (lambda: build.sqs(build.sns(CREATE)), "sqs_with_sns", "SQS"),
    "sqs_eventbridge": (lambda: build.sqs(build.eventbridge(PAID, source="payments")), "sqs_with_eventbridge", "SQS"),
    "sqs_cloud_event": (lambda: build.sqs(build.cloud_event(PAID, source="payments")), "sqs_with_cloudevent", "SQS"),
    "sns": (lambda: build.sns(CREATE), "sns", "SNS"),
    "sns_cloud_event": (lambda: build.sns(build.cloud_event(PAID, source="payments")), "sns_cloudevent", "SNS"),
    "eventbridge": (lambda: build.eventbridge(PAID, source="payments"), "eventbridge_event", "EventBridge"),
    "eventbridge_command": (lambda: build.eventbridge(CREATE), "eventbridge_command", "EventBridge"),
    "eventbridge_cloud_event": (
        lambda: build.eventbridge(
            build.cloud_event(PAID, source="payments", subject="o-1", correlation_id="c", causation_id="p-7")
        ),
        "eventbridge_cloudevent",
        "EventBridge",
    ),
    "scheduler": (lambda: build.scheduler(CREATE), "scheduler_command", "EventBridge"),
    "dynamodb_stream": (lambda: committed(build.dynamodb_stream), "dynamodb_stream", "stream"),
    "kinesis": (lambda: committed(build.kinesis), "kinesis", "stream"),
    "s3_on_failure": (
        lambda: build.s3_on_failure(committed(build.dynamodb_stream)).event,
        "streams/bucket_notification",
        "S3 object of what Lambda gave up on",
    ),
}

#: Where a client, an account or an application decides which keys there are.
OPEN = {
    *("headers", "multiValueHeaders", "claims", "payload", "MessageAttributes", "NewImage", "detail"),
    *("queryStringParameters", "multiValueQueryStringParameters", "pathParameters"),
}


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Give the type at each path; of a list, of its first element."""
    if path.rpartition(".")[2] in OPEN:
        return {path: "open"}
    if isinstance(value, Mapping):
        return {at: kind for name, inner in value.items() for at, kind in shape(inner, f"{path}.{name}").items()}
    if isinstance(value, list):
        return {path: "list"} if not value else shape(value[0], f"{path}[]")
    return {path: "number" if isinstance(value, (int, float)) and type(value) is not bool else type(value).__name__}


@pytest.mark.parametrize("name", LIKE)
def test_an_event_is_shaped_like_what_was_recorded(name: str) -> None:
    make, recorded, _ = LIKE[name]
    built, real = shape(make()), shape(json.loads((PAYLOADS / f"{recorded}.json").read_text(encoding="utf-8")))
    assert built == real


@pytest.mark.parametrize("name", LIKE)
def test_an_event_is_recognised_and_is_json(name: str) -> None:
    make, _, source = LIKE[name]
    event = make()
    found = recognise(json.loads(json.dumps(event)))
    assert found is not None and found.name == source


@pytest.mark.parametrize(
    "event",
    [
        build.direct(CREATE),
        build.http_api("POST /orders", ORDER),
        build.function_url("POST /orders", ORDER),
        build.function_url("POST /orders", json.dumps(ORDER).encode()),
        build.rest_api("POST /orders", ORDER),
        build.load_balancer("POST /orders", ORDER),
        build.load_balancer("POST /orders", ORDER, multi_value=True),
        build.sqs(CREATE),
        build.sqs(CREATE, queue="orders.fifo"),
        build.sqs(build.sns(CREATE)),
        build.sqs(build.eventbridge(CREATE)),
        build.sqs(build.sns(build.eventbridge(CREATE))),
        build.sns(CREATE),
        build.eventbridge(CREATE),
        build.scheduler(CREATE),
    ],
    ids=lambda event: "-".join(list(event)[:2]),
)
def test_a_command_arrives_by_every_source(event: dict[str, Any]) -> None:
    shop = Shop()
    handle(event, CONTEXT, shop)
    assert [(message.name, message.payload) for message in shop.messages] == [("CreateOrder", ORDER)]
    assert shop.app.history("Order", "o-1")[0].name == "OrderCreated"


def test_a_request_says_who_asks() -> None:
    for event in (
        build.http_api("POST /private/orders", ORDER, claims={"sub": "u-1"}),
        build.rest_api("POST /private/orders", ORDER, claims={"sub": "u-1"}),
        build.rest_api("POST /private/orders", ORDER, authorizer={"principalId": "u-1", "tenant": "t-1"}),
        build.http_api("POST /private/orders", ORDER, authorizer={"lambda": {"sub": "u-1"}}),
        build.function_url("POST /private/orders", ORDER, user_arn="u-1"),
    ):
        shop = Shop()
        assert handle(event, CONTEXT, shop)["statusCode"] == 201
        assert shop.messages[0].actor == "u-1"
    assert handle(build.http_api("POST /private/orders", ORDER), CONTEXT, Shop())["statusCode"] == 401


def test_a_stage_a_path_and_a_query_come_through_every_api() -> None:
    for make in (build.http_api, build.rest_api, build.function_url, build.load_balancer):
        shop = Shop()
        shop.app.execute("CreateOrder", {**ORDER, "order_id": "o/1 é"})
        shop.messages.clear()
        assert handle(make("POST /orders/o%2F1%20%C3%A9/ship"), CONTEXT, shop)["statusCode"] in (200, 404)
        handle(make("GET /orders?note=a%2Bb", query={"tag": ["é&", "x"]}), CONTEXT, shop)
        [query] = [message for message in shop.messages if message.kind == "query"]
        if make is not build.load_balancer:  # which gives one value of each name, unless it is set to give all
            assert query.payload == {"note": "a+b", "tag": ["é&", "x"]}
    assert handle(build.http_api("POST /orders", ORDER, stage="v1"), CONTEXT, Shop())["statusCode"] == 201


def test_headers_are_the_clients() -> None:
    shop = Shop()
    headers = {"Idempotency-Key": "c-1", "X-Correlation-Id": "checkout"}
    for make in (build.http_api, build.rest_api, build.function_url, build.load_balancer):
        assert handle(make("POST /orders", ORDER, headers=headers), CONTEXT, shop)["statusCode"] == 201
    assert {(one.id, one.correlation_id) for one in shop.messages} == {("c-1", "checkout")}


def test_the_innermost_id_and_time_are_those_of_a_message_in_a_message() -> None:
    shop = Shop()
    handle(build.sqs(build.sns(build.eventbridge(CREATE, id="e-1", time=NOON), id="n-1"), id="q-1"), CONTEXT, shop)
    handle(build.sqs(build.sns(Command("Ping", {}), id="n-1", time=NOON), id="q-1", attempt=3), CONTEXT, shop)
    assert [(one.id, one.time, one.attempt) for one in shop.messages] == [("e-1", NOON, 1), ("n-1", NOON, 3)]


def test_a_fifo_batch_holds_back_what_is_behind_a_failure_in_its_group() -> None:
    bad = Command("ShipOrder", {"order_id": "o-9"})
    event = build.sqs(bad, CREATE, CREATE, queue="orders.fifo", group=["a", "a", "b"])
    failed = handle(event, CONTEXT, Shop())["batchItemFailures"]
    assert [one["itemIdentifier"] for one in failed] == [record["messageId"] for record in event["Records"][:2]]


def test_a_command_that_is_due_comes_as_the_application_schedules_it() -> None:
    due = Command("CreateOrder", ORDER, id="later", due=timedelta(hours=1), on_rejected="OrderRefused")
    event = build.scheduler(due, time=NOON)
    assert event["detail-type"] == "Scheduled Command" and event["time"].startswith("2026-11-23T13:00:00")
    shop = Shop()
    handle(event, CONTEXT, shop)
    [message] = shop.messages
    assert (message.id, message.source, message.on_rejected) == ("later", "scheduler", "OrderRefused")


def test_commits_are_those_of_the_results_or_all_there_are() -> None:
    app = App("memory://", registry=registry())
    one = app.execute(CREATE)
    two = app.execute("ShipOrder", {"order_id": "o-1"})
    numbers = [
        [record["dynamodb"]["Keys"]["c"]["N"] for record in build.dynamodb_stream(app, *results)["Records"]]
        for results in ((), (two,), (two, one))
    ]
    assert numbers == [["1", "2"], ["2"], ["2", "1"]]
    assert handle(build.dynamodb_stream(app), CONTEXT, app) == {"batchItemFailures": []}
    assert handle(build.kinesis(app, one), CONTEXT, app) == {"batchItemFailures": []}
    assert handle(build.sqs(one, queue="views.fifo"), CONTEXT, app) == {"batchItemFailures": []}
    assert len(build.dynamodb_stream(app, table="log")["Records"]) >= 1


def test_what_lambda_gave_up_on_is_parked(moto_aws: None) -> None:
    import boto3

    from cqrsless import Registry

    shop = Registry("given-up")
    order = shop.aggregate("Order", id_field="order_id")
    shop.command_handler("CreateOrder", aggregate=order, creation="always")(
        lambda command, state: ({"placed": True}, Event("OrderCreated", command))
    )
    shop.event_handler("OrderCreated", processor="mailer")(lambda event: None)
    app = App("memory://", registry=shop)
    left = build.s3_on_failure(build.dynamodb_stream(app, app.execute("CreateOrder", {"order_id": "o-1"})))
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=left.bucket)
    handle(left.put(client), CONTEXT, app)
    assert [letter.key for letter in app.letters.list("mailer")] == ["Order#o-1"]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: build.sqs(PAID), "the event PaymentFailed needs a source: send eventbridge"),  # type: ignore[arg-type]
        (lambda: build.eventbridge(PAID), "the event PaymentFailed needs its source, as in eventbridge"),
        (lambda: build.eventbridge({"a": 1}), "a bus carries an Event, a Command or a cloud_event"),
        (lambda: build.sqs(7), "a queue or topic holds a Command, a document or a text, not 7"),  # type: ignore[arg-type]
        (lambda: build.sqs(build.sqs(CREATE)), r"a topic sent to it alone: sqs\(sns"),
        (lambda: build.sqs(CREATE, group="a"), "has message groups if its name ends with .fifo"),
        (lambda: build.sqs(CREATE, CREATE, id="m"), "id= is for one message, and there are 2"),
        (lambda: build.sqs(CREATE, queue="q.fifo", group=["a", "b"]), "2 groups for 1 messages"),
        (lambda: build.direct(PAID), "a Command or a Query can be sent directly"),  # type: ignore[arg-type]
        (lambda: build.direct(Command("A", {}, on_rejected="B")), "A has on_rejected=, which no message from outside"),
        (lambda: build.direct(Command("A", {"b": object()})), "A cannot be sent as JSON"),
        (lambda: build.http_api("/orders"), "'/orders' is no request: write a method and a path"),
        (lambda: build.eventbridge(CREATE, time=datetime(2026, 1, 1)), "has no time zone"),
        (lambda: build.s3_on_failure(build.sqs(CREATE)), "Lambda gives up on records of a stream"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_told(make: Callable[[], Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        make()


def test_the_entrypoint_takes_them(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "built_events_app.py").write_text(
        "from cqrsless import Event, aggregate, command_handler\n"
        "Order = aggregate('BuiltOrder', id_field='order_id')\n"
        "@command_handler('CreateBuiltOrder', aggregate=Order, creation='always', route='POST /built')\n"
        "def create(command, order):\n"
        "    return {'placed': True}, Event('BuiltOrderCreated', command)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CQRSLESS_APP", "built_events_app")
    from cqrsless import entrypoint

    context = build.LambdaContext("shop", "r-1")
    assert entrypoint(build.http_api("POST /built", {"order_id": "o-1"}), context)["statusCode"] == 201
    command = Command("CreateBuiltOrder", {"order_id": "o-2"})
    assert entrypoint(build.sqs(command, build.sns(command)), context) == {"batchItemFailures": []}
