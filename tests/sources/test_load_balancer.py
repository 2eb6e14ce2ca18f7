from __future__ import annotations

import json

from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, Shop, recorded


def test_a_command_is_answered_in_the_balancers_form() -> None:
    shop = Shop()
    answer = handle(recorded("alb"), CONTEXT, shop)
    assert answer.keys() == {"statusCode", "statusDescription", "isBase64Encoded", "headers", "body"}
    assert (answer["statusCode"], answer["statusDescription"]) == (201, "201 Created")
    assert answer["headers"] == {"content-type": "application/json", "etag": '"1"', "location": "/orders/o-1"}
    assert (shop.message.id, shop.message.correlation_id) == ("9c1d-create-o-1", "checkout-42")


def test_query_parameters_come_encoded() -> None:
    answer = handle(recorded("alb_query"), CONTEXT, Shop())
    assert json.loads(answer["body"]) == {"asked": {"status": "placed", "note": "a b&c", "tag": ["été"]}}


def test_multi_value_headers_are_answered_with_the_same() -> None:
    shop = Shop()
    answer = handle(recorded("alb_multi_value"), CONTEXT, shop)
    assert answer["multiValueHeaders"] == {"content-type": ["application/json"]}
    assert "headers" not in answer
    assert json.loads(answer["body"]) == {"asked": {"status": "placed", "tag": ["gift", "été"]}}
    assert shop.message.correlation_id == "checkout-42"


def test_a_base64_body_is_decoded() -> None:
    assert handle(recorded("alb_base64"), CONTEXT, Shop())["statusCode"] == 201


def test_a_refusal_has_its_phrase() -> None:
    event = recorded("alb")
    event["body"] = "{"
    answer = handle(event, CONTEXT, Shop())
    assert (answer["statusCode"], answer["statusDescription"]) == (400, "400 Bad Request")
    event["multiValueHeaders"] = {}
    assert handle(event, CONTEXT, Shop())["multiValueHeaders"] == {"content-type": ["application/problem+json"]}


def test_a_status_of_a_users_own_has_a_phrase_too() -> None:
    from cqrsless import Rejected

    class Odd(Rejected):
        status = 499

    assert handle(recorded("alb"), CONTEXT, Shop(raising=Odd()))["statusDescription"] == "499 Error"


def test_a_query_that_is_not_utf8_is_malformed() -> None:
    event = recorded("alb_query")
    event["queryStringParameters"] = {"note": "%FF"}
    answer = handle(event, CONTEXT, Shop())
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["detail"] == "the query string is not UTF-8 once it is percent-decoded"


def test_a_health_check_without_a_route_is_404() -> None:
    event = recorded("alb_query")
    event |= {"path": "/", "headers": {"user-agent": "ELB-HealthChecker/2.0"}, "queryStringParameters": {}}
    assert handle(event, CONTEXT, Shop())["statusCode"] == 404
