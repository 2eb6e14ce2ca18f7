"""The entrypoint as Lambda runs it: the real runtime client, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime_api import Function, lambda_function

pytest.importorskip("awslambdaric")

PAYLOADS = Path(__file__).parent / "payloads"

APP = """
import logging

from marshmallow import Schema, fields

from cqrsless import Event, Rejected, aggregate, command_handler, query_handler


class CreateOrder(Schema):
    order_id = fields.String(required=True)
    customer_id = fields.String(required=True)
    total = fields.Decimal(required=True)


class OrderRef(Schema):
    order_id = fields.String(required=True)


Order = aggregate("Order", id_field="order_id")


@command_handler("CreateOrder", schema=CreateOrder, aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order):
    logging.getLogger("shop").warning("creating\\n%s", command["order_id"])
    return {"status": "placed", "total": command["total"]}, Event("OrderCreated", dict(command))


@command_handler("ShipOrder", schema=OrderRef, aggregate=Order, route="POST /orders/{order_id}/ship")
def ship_order(command, order):
    if order["status"] == "shipped":
        raise Rejected("the order has already shipped")
    return {**order, "status": "shipped"}, Event("OrderShipped", {"order_id": command["order_id"]})


@command_handler("Break")
def break_down(command):
    raise KeyError("a bug")


@query_handler("GetOrder", schema=OrderRef, route="GET /orders/{order_id}")
def get_order(query):
    return {"order_id": query["order_id"], "note": "é\\u2028"}
"""


def recorded(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(APP, encoding="utf-8")
    with lambda_function(folder, CQRSLESS_APP="shop", CQRSLESS_STORE="sqlite:///shop.db") as function:
        yield function


def lines_of(function: Function) -> list[dict[str, Any]]:
    return [json.loads(line) for line in function.log.splitlines() if line.startswith("{")]


def test_commands_and_queries_are_answered(shop: Function) -> None:
    created = shop.invoke({"command": "CreateOrder", "payload": {"order_id": "a", "customer_id": "c", "total": "1"}})
    assert created.payload == {
        "aggregate_id": "a",
        "version": 1,
        "events": [{"name": "OrderCreated", "sequence": 1}],
        "duplicate": False,
    }
    assert shop.invoke({"query": "GetOrder", "payload": {"order_id": "a"}}).payload == {
        "order_id": "a",
        "note": "é\u2028",
    }


def test_a_request_over_http_is_answered(shop: Function) -> None:
    event = recorded("http_api")
    event["body"] = event["body"].replace("o-1", "http-1")
    first = shop.invoke(event).payload
    assert (first["statusCode"], first["headers"]["location"]) == (201, "/orders/http-1")
    again = shop.invoke(event).payload
    assert (again["statusCode"], json.loads(again["body"])["duplicate"]) == (201, True)


def test_a_batch_is_answered_with_what_failed(shop: Function) -> None:
    event = recorded("sqs_fifo")
    event["Records"][0]["body"] = "{"
    first, _, third, _ = (record["messageId"] for record in event["Records"])
    answer = shop.invoke(event).payload
    assert answer == {"batchItemFailures": [{"itemIdentifier": first}, {"itemIdentifier": third}]}


def test_a_retry_by_lambda_is_the_same_command(shop: Function) -> None:
    event = {"command": "CreateOrder", "payload": {"order_id": "r", "customer_id": "c", "total": "1"}}
    answers = [shop.invoke(event, request_id="c0ffee00-0000-4000-8000-000000000001").payload for _ in range(2)]
    assert [answer["duplicate"] for answer in answers] == [False, True]


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        ({"command": "CreateOrdr"}, "UnknownMessage", "did you mean 'CreateOrder'?"),
        ({"command": "ShipOrder", "payload": {"order_id": "none"}}, "NotFound", "none"),
        ({"command": "CreateOrder", "payload": {}}, "ValidationFailed", "order_id: Missing data for required field."),
        ({"command": "\ud800"}, "MalformedMessage", "half a surrogate pair"),
        ({"hello": "world"}, "MalformedMessage", "of no form that is read"),
        ("\ud800", "MalformedMessage", r"the event is '\ud800'"),
        ([], "MalformedMessage", "the event is a JSON list"),
    ],
    ids=ascii,
)
def test_an_error_travels_as_its_class_and_text_without_a_stack(
    shop: Function, event: Any, error: str, message: str
) -> None:
    answer = shop.invoke(event).error
    assert answer is not None and answer["errorType"] == error
    assert message in answer["errorMessage"]
    assert len(answer["stackTrace"]) == 1 and "lambda_runtime.py" in answer["stackTrace"][0]


@pytest.mark.parametrize("raw", [b'{"command": "\xff"}', b'{"command"', b"", b"[" * 50_000])
def test_bytes_that_are_no_json_are_lambdas_own_error_and_the_function_lives_on(shop: Function, raw: bytes) -> None:
    answer = shop.invoke(raw=raw).error
    assert answer is not None and answer["errorType"] in ("Runtime.UnmarshalError", "MalformedMessage")
    assert shop.invoke({"query": "GetOrder", "payload": {"order_id": "a"}}).payload["order_id"] == "a"


def test_a_bug_comes_out_as_it_is(shop: Function) -> None:
    answer = shop.invoke({"command": "Break"}).error
    assert answer is not None and (answer["errorType"], answer["errorMessage"]) == ("KeyError", "'a bug'")


def test_the_log_is_json_with_the_ids_of_the_message_and_of_the_request(shop: Function) -> None:
    event = {
        "command": "CreateOrder",
        "payload": {"order_id": "l", "customer_id": "c", "total": "1"},
        "id": "log-1",
        "metadata": {"correlation_id": "k-1"},
    }
    shop.invoke(event, request_id="c0ffee00-0000-4000-8000-000000000002")
    shop.invoke({**event, "id": "log-2"}, request_id="c0ffee00-0000-4000-8000-000000000003")
    about = [line for line in lines_of(shop) if line.get("message_id") in ("log-1", "log-2")]
    creating, refused = about
    assert (creating["logger"], creating["level"], creating["message"]) == ("shop", "WARNING", "creating\nl")
    assert (creating["correlation_id"], creating["request_id"]) == ("k-1", "c0ffee00-0000-4000-8000-000000000002")
    assert (refused["level"], refused["request_id"]) == ("INFO", "c0ffee00-0000-4000-8000-000000000003")
    assert refused["message"].startswith("CreateOrder refused: AlreadyExists: ")


def test_each_command_is_one_line_of_metrics(shop: Function) -> None:
    shop.invoke({"command": "CreateOrder", "payload": {"order_id": "m", "customer_id": "c", "total": "1"}, "id": "m-1"})
    (line,) = [line for line in lines_of(shop) if line.get("MessageId") == "m-1"]
    assert (line["Service"], line["Command"], line["Aggregate"]) == ("orders", "CreateOrder", "Order")
    assert (line["Requests"], line["WriteUnits"], line["Refused"], line["Failed"]) == (1, 1, 0, 0)
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "cqrsless"


def test_lambdas_own_json_log_format_works_as_well(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with lambda_function(
        tmp_path, CQRSLESS_STORE="memory://", CQRSLESS_METRICS="off", AWS_LAMBDA_LOG_FORMAT="JSON"
    ) as shop:
        shop.invoke({"command": "CreateOrder", "payload": {"order_id": "l", "customer_id": "c", "total": "1"}})
        lost, creating = lines_of(shop)
        assert lost["level"] == "WARNING" and lost["message"].startswith(
            "the store is memory://: what is committed is seen"
        )
        assert creating["message"] == "creating\nl"


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (
            "import math\nmath.nothing",
            "AttributeError",
            "module 'math' has no attribute 'nothing' (FOLDER/app.py, line 2)",
        ),
        ("import nothing_of_that_name", "ModuleNotFoundError", "No module named 'nothing_of_that_name'"),
        ("def f(:\n  pass", "SyntaxError", "app.py, line 1"),
        ("import sys\nsys.exit(3)", "SystemExit", "3 (FOLDER/app.py, line 2)"),
    ],
)
def test_an_error_in_the_users_module_is_the_error_of_the_start(
    tmp_path: Path, source: str, error: str, text: str
) -> None:
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    with lambda_function(tmp_path, CQRSLESS_STORE="memory://") as function:
        report = function.init_error()
    assert report["errorType"] == "AppLoadError"
    assert report["errorMessage"].startswith(f"the application's module 'app' cannot be imported: {error}: ")
    assert text.replace("FOLDER", str(tmp_path)) in report["errorMessage"]
    assert error in function.log and '"exception"' in function.log
