from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, Shop, recorded


def payload_of(event: Any) -> Any:
    shop = Shop()
    handle(event, CONTEXT, shop)
    return shop.message.payload


def test_a_command_is_answered_in_the_apis_form() -> None:
    for name in ("http_api", "function_url"):
        shop = Shop()
        answer = handle(recorded(name), CONTEXT, shop)
        assert answer["statusCode"] == 201
        assert answer["headers"] == {"content-type": "application/json", "etag": '"1"', "location": "/orders/o-1"}
        assert json.loads(answer["body"])["aggregate_id"] == "o-1"
        assert (shop.message.id, shop.message.correlation_id) == ("9c1d-create-o-1", "checkout-42")


def test_query_parameters_are_read_from_the_raw_query_string() -> None:
    event = recorded("http_api_query")
    assert event["queryStringParameters"]["tag"] == "gift,été"  # joined: a comma in a value could not be told apart
    answer = handle(event, CONTEXT, Shop())
    assert json.loads(answer["body"]) == {"asked": {"status": "placed", "tag": ["gift", "été"], "note": "a b&c"}}


def test_an_http_api_gives_its_path_decoded_and_a_function_url_as_it_was_sent() -> None:
    assert payload_of(recorded("http_api_stage")) == {"order_id": "o 1+é"}
    assert payload_of(recorded("function_url_get")) == {"order_id": "o 1+x"}
    event = recorded("http_api_stage")
    event["rawPath"] = "/dev/orders/100%25"
    assert payload_of(event) == {"order_id": "100%25"}


@pytest.mark.parametrize(
    ("path", "stage", "domain", "route", "prefix"),
    [
        ("/dev/orders", "dev", "f6.execute-api.eu-west-1.amazonaws.com", "POST /orders", "/dev"),
        ("/dev/orders", "dev", "f6.execute-api.eu-west-1.amazonaws.com", "$default", "/dev"),
        ("/dev/orders", "dev", None, "$default", "/dev"),
        ("/orders", "$default", "f6.execute-api.eu-west-1.amazonaws.com", "POST /orders", ""),
        ("/orders", "orders", "api.example.com", "POST /orders", ""),
        ("/orders", "orders", "api.example.com", "$default", ""),
        ("/shop/orders", "dev", "api.example.com", "POST /orders", "/shop"),
        ("/my shop/orders", "dev", "api.example.com", "ANY /{proxy+}", "/my%20shop"),
        ("/orders", "$default", "zy.lambda-url.eu-west-1.on.aws", "$default", ""),
    ],
)
def test_a_stage_or_a_mapping_is_not_the_routes(
    path: str, stage: str, domain: str | None, route: str, prefix: str
) -> None:
    event = recorded("http_api")
    event |= {"rawPath": path, "routeKey": route, "pathParameters": {"proxy": "orders"}}
    event["requestContext"] |= {"stage": stage, "domainName": domain}
    answer = handle(event, CONTEXT, Shop())
    assert (answer["statusCode"], answer["headers"]["location"]) == (201, f"{prefix}/orders/o-1")


def test_a_stage_alone_is_the_root() -> None:
    event = recorded("http_api")
    event["rawPath"] = "/dev"
    event["requestContext"]["stage"] = "dev"
    assert json.loads(handle(event, CONTEXT, Shop())["body"])["detail"].startswith("no handler for POST /")


@pytest.mark.parametrize("name", ["rawPath", "rawQueryString"])
def test_half_a_surrogate_pair_is_no_text(name: str) -> None:
    event = recorded("http_api")
    event[name] = "/a\ud800"
    answer = handle(event, CONTEXT, Shop())
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["detail"].startswith(f"'{name}' of the request is ")
