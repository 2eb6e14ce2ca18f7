"""The OpenAPI document is a valid one, and says of each route what the application does there."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from marshmallow import Schema, fields
from openapi_spec_validator import validate

from cqrsless import App, Registry, ValidationFailed, from_command_id
from cqrsless.describing.openapi import openapi
from cqrsless.remote.client import Client
from cqrsless.sources import handle
from cqrsless.testing.lambda_events import http_api
from tests.sources.shop import registry


class Line(Schema):
    sku = fields.String(required=True)


class AddLine(Schema):
    order_id = fields.String(required=True)
    line = fields.Nested(Line, required=True)


class Filter(Schema):
    status = fields.String(metadata={"description": "placed or shipped"})
    tag = fields.List(fields.String())
    where = fields.Nested(Line)


def shop() -> Registry:
    made = Registry("shop")
    order = made.aggregate("Order", id_field="order_id")
    note = made.aggregate("Note", id_field="note_id", new_id=from_command_id)

    @made.command_handler("AddLine", schema=AddLine, aggregate=order, route="POST /orders/{order_id}/lines")
    def add_line(command: Any, state: Any) -> Any:
        """Add a line.

        The line goes to the end."""
        return state

    @made.command_handler(
        "WriteNote", aggregate=note, creation="always", route="POST /notes", allow=lambda message: True
    )
    def write_note(command: Any, state: Any) -> Any:
        return {}

    @made.command_handler("Ping", route="POST /ping")
    def ping(command: Any) -> Any:
        return None

    @made.query_handler("Find", schema=Filter, route="GET /orders")
    def find(query: Any) -> Any:
        return []

    @made.query_handler("Read", route="GET /orders/{id}/lines")
    def read(query: Any) -> Any:
        return query

    @made.query_handler("Ping", route="GET /ping")
    def pong(query: Any) -> Any:
        return None

    @made.query_handler("Hidden")
    def hidden(query: Any) -> Any:
        return None

    return made


@pytest.fixture
def document() -> Any:
    made = openapi(shop().freeze())
    validate(made)
    return json.loads(json.dumps(made, allow_nan=False))


def of(document: Any, method: str, path: str) -> Any:
    return document["paths"][path][method]


def parameters(operation: Any, where: str) -> dict[str, Any]:
    return {one["name"]: one for one in operation["parameters"] if one["in"] == where}


@pytest.mark.parametrize("made", [registry, shop], ids=["the shop", "another"])
@pytest.mark.parametrize("auth", ["none", "iam", "jwt"])
def test_it_is_valid(made: Any, auth: Any) -> None:
    document = openapi(made().freeze(), title="Shop", version="1.2", servers=["https://shop.example"], auth=auth)
    validate(document)
    assert document["info"] == {"title": "Shop", "version": "1.2"}
    assert document["servers"] == [{"url": "https://shop.example"}]
    assert document.get("security") == (None if auth == "none" else [{auth: []}])


def test_only_what_has_a_route_is_there(document: Any) -> None:
    routes = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert routes == {
        "POST /orders/{order_id}/lines", "POST /notes", "POST /ping", "GET /orders", "GET /ping",
        "GET /orders/{order_id}/lines",
    }  # fmt: skip
    assert "Hidden" not in json.dumps(document)


def test_a_handlers_docstring_is_its_summary(document: Any) -> None:
    operation = of(document, "post", "/orders/{order_id}/lines")
    assert (operation["summary"], operation["description"]) == ("Add a line.", "The line goes to the end.")
    assert operation["tags"] == ["Order"]


def test_what_stands_in_the_path_is_not_asked_for_in_the_body(document: Any) -> None:
    operation = of(document, "post", "/orders/{order_id}/lines")
    assert parameters(operation, "path")["order_id"]["required"] is True
    body = operation["requestBody"]
    assert body["required"] is True
    schema = body["content"]["application/json"]["schema"]
    assert schema["properties"] == {"line": {"$ref": "#/components/schemas/Line"}}
    assert schema["required"] == ["line"] and schema["additionalProperties"] is False


def test_a_body_that_is_the_whole_payload_refers_to_its_schema() -> None:
    schema = openapi(registry().freeze())["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]
    assert schema == {"schema": {"$ref": "#/components/schemas/CreateOrder"}}


def test_without_a_schema_the_aggregates_id_is_asked_for_unless_it_is_made(document: Any) -> None:
    body = of(document, "post", "/notes")["requestBody"]
    assert body["required"] is False
    schema = body["content"]["application/json"]["schema"]
    assert "note_id" in schema["properties"] and "required" not in schema


def test_a_query_without_a_body_has_its_payload_in_the_url(document: Any) -> None:
    operation = of(document, "get", "/orders")
    asked = parameters(operation, "query")
    assert asked["status"]["description"] == "placed or shipped"
    assert asked["tag"]["explode"] is True and asked["tag"]["schema"]["type"] == "array"
    assert "where" not in asked  # no query string holds an object
    assert "requestBody" not in operation


def test_headers_that_matter_are_told() -> None:
    reading = Registry("reading")
    order = reading.aggregate("Order", id_field="order_id")
    summary = reading.view("Summary", key="order_id")

    @reading.command_handler("Create", aggregate=order, creation="if_missing", route="POST /orders")
    def create(command: Any, state: Any) -> Any:
        return {}

    @reading.projector("Created", view=summary)
    def created(row: Any, event: Any) -> Any:
        return row

    @reading.query_handler("Get", route="GET /orders/{order_id}")
    def get(query: Any) -> Any:
        return None

    document = openapi(reading.freeze())
    validate(document)
    operation = document["paths"]["/orders"]["post"]
    assert parameters(operation, "header").keys() == {"Idempotency-Key", "If-Match", "X-Correlation-Id"}
    assert [*operation["responses"]["200"]["headers"]] == ["ETag", "Cqrsless-Commit"]
    assert [*operation["responses"]["201"]["headers"]] == ["ETag", "Cqrsless-Commit", "Location"]
    assert "Cqrsless-After" in parameters(document["paths"]["/orders/{order_id}"]["get"], "header")


def test_which_problems_there_may_be_is_told(document: Any) -> None:
    def problems(method: str, path: str) -> set[str]:
        return {status for status in of(document, method, path)["responses"] if status >= "4"}

    assert problems("post", "/orders/{order_id}/lines") == {*["400", "404", "409", "412", "413", "422", "500", "503"]}
    assert problems("post", "/notes") == {*["400", "401", "403", "409", "412", "413", "422", "500", "503"]}
    assert problems("get", "/orders/{order_id}/lines") == {*["400", "404", "500", "503"]}
    assert "201" not in of(document, "post", "/orders/{order_id}/lines")["responses"]
    value = of(document, "post", "/ping")["responses"]["200"]["content"]["application/json"]["schema"]
    assert value == {"$ref": "#/components/schemas/CommandValue"}


def test_a_problem_is_as_it_is_described(document: Any) -> None:
    app = App("memory://", registry=registry())
    event = {
        "rawPath": "/orders",
        "requestContext": {"http": {"method": "POST"}},
        "body": json.dumps({"order_id": "o-1", "total": "much", "lines": [0]}),
    }
    answer = handle(event, None, app)
    assert answer["statusCode"] == ValidationFailed.status
    schema = {**document["components"]["schemas"]["Problem"], "additionalProperties": False}
    jsonschema.validate(json.loads(answer["body"]), schema)


def test_an_answer_is_as_it_is_described() -> None:
    app = App("memory://", registry=registry())
    described = openapi(app.model)["components"]["schemas"]["CommandResult"]
    body = json.dumps({"order_id": "o-1", "customer_id": "c-1", "total": "1"})
    answer = handle({"rawPath": "/orders", "requestContext": {"http": {"method": "POST"}}, "body": body}, None, app)
    jsonschema.validate(json.loads(answer["body"]), {**described, "additionalProperties": False})


def test_a_command_and_a_query_of_one_name_have_two_ids(document: Any) -> None:
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    assert of(document, "get", "/ping")["x-cqrsless-query"] == of(document, "post", "/ping")["x-cqrsless-command"]


def test_paths_that_differ_in_the_names_of_parameters_alone_are_one(document: Any) -> None:
    operation = of(document, "get", "/orders/{order_id}/lines")
    assert operation["x-cqrsless-route"] == "GET /orders/{id}/lines"
    assert parameters(operation, "path").keys() == {"order_id"}


def test_a_client_finds_every_route_in_the_document(document: Any) -> None:
    from cqrsless.remote.requests import RouteMap

    mine, told = RouteMap(shop()), RouteMap(document)
    assert len(mine) == len(told) == 6
    for kind, name in (("command", "AddLine"), ("query", "Read"), ("command", "Ping"), ("query", "Ping")):
        assert mine.find(kind, name) == told.find(kind, name)  # type: ignore[arg-type]
    assert Client("https://shop.example", routes=document).url == "https://shop.example"


def test_a_path_takes_the_methods_that_it_is_described_with_and_says_so_of_any_other(document: Any) -> None:
    app = App("memory://", registry=shop())
    for path, operations in document["paths"].items():
        told = {method.upper() for method in operations}
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - told:
            answer = handle(http_api(f"{method} {path.translate({123: None, 125: None})}"), None, app)
            assert (answer["statusCode"], {*answer["headers"]["allow"].split(", ")}) == (405, told)


def test_an_own_schema_of_a_name_that_is_used_keeps_apart() -> None:
    class Problem(Schema):
        what = fields.String(required=True)

    made = Registry("problems")

    @made.command_handler("Report", schema=Problem, route="POST /problems")
    def report(command: Any) -> Any:
        return None

    document = openapi(made.freeze())
    validate(document)
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "instance"]
    assert len(document["components"]["schemas"]) == 3


def test_an_application_without_routes_has_no_paths() -> None:
    made = Registry("inside")

    @made.command_handler("Do")
    def do(command: Any) -> Any:
        return None

    document = openapi(made.freeze())
    validate(document)
    assert document["paths"] == {}
