from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.sources import handle
from cqrsless.sources.rest_api import base_path
from tests.sources.shop import CONTEXT, Shop, recorded


def test_a_command_is_answered_in_the_apis_form() -> None:
    shop = Shop()
    answer = handle(recorded("rest_api"), CONTEXT, shop)
    assert answer["statusCode"] == 201
    assert answer["headers"] == {"content-type": "application/json", "etag": '"1"', "location": "/prod/orders/o-1"}
    assert answer["isBase64Encoded"] is False
    assert (shop.message.id, shop.message.correlation_id) == ("9c1d-create-o-1", "checkout-42")


def test_query_parameters_come_decoded_and_may_have_several_values() -> None:
    shop = Shop()
    answer = handle(recorded("rest_api_query"), CONTEXT, shop)
    assert json.loads(answer["body"]) == {"asked": {"status": "placed", "tag": ["gift", "été"]}}


def test_single_values_are_read_where_there_is_no_map_of_several() -> None:
    event = recorded("rest_api_query")
    del event["multiValueQueryStringParameters"]
    answer = handle(event, CONTEXT, Shop())
    assert json.loads(answer["body"]) == {"asked": {"status": "placed", "tag": ["été"]}}


def test_headers_are_found_whatever_their_case_and_map() -> None:
    for missing in ("headers", "multiValueHeaders"):
        event = recorded("rest_api")
        event[missing] = None
        event["headers" if missing == "multiValueHeaders" else "multiValueHeaders"].pop("Idempotency-Key")
        shop = Shop()
        value: Any = "K" if missing == "multiValueHeaders" else ["J", "K"]
        event["headers" if missing == "multiValueHeaders" else "multiValueHeaders"]["IDEMPOTENCY-key"] = value
        handle(event, CONTEXT, shop)
        assert shop.message.id == "K"


def test_a_path_comes_as_it_was_sent() -> None:
    shop = Shop()
    handle(recorded("rest_api_proxy"), CONTEXT, shop)
    assert shop.message.payload == {"order_id": "o/1"}


def test_a_custom_domains_base_path_is_not_the_routes() -> None:
    event = recorded("rest_api")
    event["path"] = event["requestContext"]["path"] = "/shop/v1/orders"
    event["requestContext"]["domainName"] = "api.example.com"
    answer = handle(event, CONTEXT, Shop())
    assert (answer["statusCode"], answer["headers"]["location"]) == (201, "/shop/v1/orders/o-1")


@pytest.mark.parametrize(
    ("path", "template", "parameters", "expected"),
    [
        ("/orders", "/orders", None, ""),
        ("/orders/", "/orders", None, ""),
        ("/shop/orders", "/orders", None, "/shop"),
        ("/a/b/orders/o-1", "/orders/{order_id}", {"order_id": "o-1"}, "/a/b"),
        ("/shop", "/", None, "/shop"),
        ("/", "/", None, ""),
        ("/shop/orders/1/ship", "/{proxy+}", {"proxy": "orders/1/ship"}, "/shop"),
        ("/orders/o%2F1", "/{proxy+}", {"proxy": "orders/o/1"}, ""),
        ("/shop/api/orders/1", "/api/{proxy+}", {"proxy": "orders/1"}, "/shop"),
        ("/orders", "/{proxy+}", None, ""),
        ("/orders", "/{proxy+}", {"proxy": 7}, ""),
        ("/orders", None, None, ""),
        ("/orders", "$default", None, ""),
        ("/dev/orders", "$default", None, ""),
    ],
)
def test_a_base_path_is_what_the_template_does_not_cover(
    path: str, template: Any, parameters: Any, expected: str
) -> None:
    assert base_path(path, template, parameters) == expected


def test_payload_format_1_of_an_http_api_has_its_path_decoded() -> None:
    event = recorded("http_api_format_1")
    event |= {"httpMethod": "GET", "path": "/dev/orders/50% é", "resource": "/orders/{order_id}", "body": None}
    event["pathParameters"] = {"order_id": "50% é"}
    shop = Shop()
    handle(event, CONTEXT, shop)
    assert shop.message.payload == {"order_id": "50% é"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", 7),
        ("httpMethod", None),
        ("headers", "x"),
        ("multiValueHeaders", [1]),
        ("requestContext", "x"),
        ("queryStringParameters", "a=1"),
        ("multiValueQueryStringParameters", ["a"]),
    ],
)
def test_a_wrong_type_in_the_event_is_400_and_names_the_field(name: str, value: Any) -> None:
    event = recorded("rest_api")
    if name == "headers":
        event["multiValueHeaders"] = None
    event[name] = value
    answer = handle(event, CONTEXT, Shop())
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["detail"].startswith(f"'{name}' of the request is ")


@pytest.mark.parametrize("values", ["placed", [], [1], None, [None]])
def test_a_query_parameter_of_a_wrong_type_is_400(values: Any) -> None:
    event = recorded("rest_api_query")
    event["multiValueQueryStringParameters"] = {"status": values}
    answer = handle(event, CONTEXT, Shop())
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["detail"].startswith("the query parameter 'status' is ")
