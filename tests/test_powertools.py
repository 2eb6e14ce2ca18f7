"""Decorators of Powertools for AWS Lambda around the entrypoint: they work, and nothing is logged twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cqrsless import App, Command, Event, Registry
from cqrsless.sources import handle
from cqrsless.testing import lambda_events as build
from tests.runtime_api import Function, lambda_function

pytest.importorskip("aws_lambda_powertools")

O1 = {"order_id": "o-1"}
CONTEXT = build.LambdaContext("shop", "8b1f21d2-request")

#: What a user writes: the application, and a handler of their own around the entrypoint.
FILES = {
    "orders.py": """
import logging

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from cqrsless import Event, Rejected, aggregate, command_handler

own = logging.getLogger("shop")
logger = Logger(service="orders", child=True)
metrics = Metrics(namespace="Shop", service="orders")
Order = aggregate("Order", id_field="order_id")

@command_handler("CreateOrder", aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order):
    own.warning("by logging")
    logger.warning("by powertools")
    metrics.add_metric(name="OrdersPlaced", unit=MetricUnit.Count, value=1)
    return {"status": "placed"}, Event("OrderCreated", command)

@command_handler("RefuseOrder", aggregate=Order, creation="if_missing")
def refuse_order(command, order):
    raise Rejected("no orders today")

@command_handler("BreakOrder", aggregate=Order, creation="if_missing")
def break_order(command, order):
    raise KeyError("a bug")
""",
    "function.py": """
from aws_lambda_powertools import Logger, Metrics, Tracer

from cqrsless import entrypoint

logger = Logger(service="orders")
metrics = Metrics(namespace="Shop", service="orders")
tracer = Tracer(service="orders")

@logger.inject_lambda_context(correlation_id_path="id", log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler
def handler(event, context):
    logger.info("before")
    return entrypoint(event, context)
""",
}


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    pytest.importorskip("awslambdaric")
    pytest.importorskip("aws_xray_sdk")
    folder = tmp_path_factory.mktemp("powertools")
    for name, code in FILES.items():
        (folder / name).write_text(code, encoding="utf-8")
    environ = {"CQRSLESS_APP": "orders", "CQRSLESS_STORE": "memory://shop", "POWERTOOLS_LOG_LEVEL": "INFO"}
    with lambda_function(folder, "function.handler", **environ) as function:
        yield function


def lines_since(function: Function, mark: int) -> list[dict[str, Any]]:
    lines = [line for line in function.log[mark:].splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines]


def test_logger_metrics_and_tracer_wrap_the_entrypoint_and_each_line_is_written_once(function: Function) -> None:
    mark = len(function.log)
    answer = function.invoke({"command": "CreateOrder", "payload": O1, "id": "c-1"}, request_id="request-1")
    assert answer.payload["version"] == 1, answer
    lines = lines_since(function, mark)
    texts = [line["message"] for line in lines if "message" in line]
    for text in ("before", "by logging", "by powertools"):
        assert texts.count(text) == 1, lines
    [before] = [line for line in lines if line.get("message") == "before"]
    assert before["correlation_id"] == "c-1" and before["service"] == "orders"
    assert before["function_request_id"] == "request-1"
    [inside] = [line for line in lines if line.get("message") == "by logging"]
    assert (inside["message_id"], inside["aggregate_id"]) == ("c-1", "o-1")
    namespaces = [line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines if "_aws" in line]
    assert sorted(namespaces) == ["Shop", "Shop", "cqrsless"]  # the cold start, the business metric, the command's own


def test_refusals_and_bugs_are_told_once_and_come_out(function: Function) -> None:
    for command, kind, count in (("RefuseOrder", "Rejected", 1), ("BreakOrder", "KeyError", 0)):
        mark = len(function.log)
        error = function.invoke({"command": command, "payload": O1}).error
        assert error is not None and error["errorType"] == kind
        told = [line for line in lines_since(function, mark) if kind in str(line.get("message", ""))]
        assert len(told) == count, function.log[mark:]


# -- in this process


@pytest.fixture
def app() -> App:
    shop = Registry("powertooled")
    order = shop.aggregate("Order", id_field="order_id")
    shop.command_handler("CreateOrder", aggregate=order, creation="always", route="POST /orders")(
        lambda command, state: ({"placed": True}, Event("OrderCreated", command))
    )
    return App("memory://", registry=shop)


@pytest.fixture
def entrypoint(app: App) -> Callable[[Any, Any], Any]:
    return lambda event, context: handle(event, context, app)


def test_events_that_powertools_has_wrapped_are_taken(entrypoint: Callable[[Any, Any], Any]) -> None:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, SQSEvent, event_source

    @event_source(data_class=APIGatewayProxyEventV2)
    def over_http(event: Any, context: Any) -> Any:
        return entrypoint(event, context)

    @event_source(data_class=SQSEvent)
    def from_a_queue(event: Any, context: Any) -> Any:
        return entrypoint(event, context)

    assert over_http(build.http_api("POST /orders", O1), CONTEXT)["statusCode"] == 201
    batch = build.sqs(Command("CreateOrder", {"order_id": "o-2"}))
    assert from_a_queue(batch, CONTEXT) == {"batchItemFailures": []}


def test_a_batch_processor_hands_its_records_over(app: App, entrypoint: Callable[[Any, Any], Any]) -> None:
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def one(record: Any) -> None:
        answer = entrypoint({"Records": [record.raw_event]}, CONTEXT)
        if answer["batchItemFailures"]:
            raise RuntimeError("it comes again")

    batch = build.sqs(Command("CreateOrder", O1), Command("Nobody", O1), Command("CreateOrder", {"order_id": "o-2"}))
    answer = process_partial_response(
        event=batch, record_handler=one, processor=BatchProcessor(event_type=EventType.SQS), context=CONTEXT
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": batch["Records"][1]["messageId"]}]}
    assert [app.load("Order", id).version for id in ("o-1", "o-2")] == [1, 1]


def test_idempotency_around_the_entrypoint_answers_from_its_own_record(
    moto_aws: None, app: App, entrypoint: Callable[[Any, Any], Any]
) -> None:
    import boto3
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

    boto3.client("dynamodb", region_name="eu-west-1").create_table(
        TableName="idempotency",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    layer = DynamoDBPersistenceLayer(
        table_name="idempotency", boto3_client=boto3.client("dynamodb", region_name="eu-west-1")
    )

    @idempotent(persistence_store=layer, config=IdempotencyConfig(event_key_jmespath="id"))
    def handler(event: Any, context: Any) -> Any:
        return entrypoint(event, context)

    create = build.direct(Command("CreateOrder", O1, id="c-1"))
    first = handler(create, CONTEXT)
    again = handler(create, CONTEXT)  # never comes as far as the application
    assert first == again and first["duplicate"] is False
    assert entrypoint(create, CONTEXT)["duplicate"] is True  # which needs no such record
    assert app.load("Order", "o-1").version == 1


def test_a_resolver_answers_some_routes_and_the_application_the_rest(entrypoint: Callable[[Any, Any], Any]) -> None:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

    resolver = APIGatewayHttpResolver()

    @resolver.get("/health")
    def health() -> dict[str, str]:
        return {"status": "up"}

    def handler(event: Any, context: Any) -> Any:
        own = event.get("rawPath") == "/health"
        return resolver.resolve(event, context) if own else entrypoint(event, context)

    assert json.loads(handler(build.http_api("GET /health"), CONTEXT)["body"]) == {"status": "up"}
    assert handler(build.http_api("POST /orders", O1), CONTEXT)["statusCode"] == 201
