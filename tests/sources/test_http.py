"""What all HTTP sources share, asked through a Function URL."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from cqrsless.sources import handle
from tests.sources.asking import ORDER, Answer, ask
from tests.sources.shop import CONTEXT, Shop, recorded


def test_a_command_that_creates_answers_201_with_the_place_and_the_version() -> None:
    answer = ask(Shop(), "POST /orders", ORDER)
    assert answer.status == 201
    assert answer.headers == {"content-type": "application/json", "etag": '"1"', "location": "/orders/o-1"}
    assert answer.body == {
        "aggregate_id": "o-1",
        "version": 1,
        "events": [{"name": "OrderCreated", "sequence": 1}],
        "duplicate": False,
    }


def test_a_repeated_create_gives_the_first_answer_again() -> None:
    shop = Shop()
    first = ask(shop, "POST /orders", ORDER, idempotency_key="k-1")
    again = ask(shop, "POST /orders", ORDER, idempotency_key="k-1")
    assert (again.status, again.headers) == (first.status, first.headers)
    assert again.body == {**first.body, "duplicate": True}


def test_a_later_command_answers_200() -> None:
    shop = Shop()
    ask(shop, "POST /orders", ORDER)
    answer = ask(shop, "POST /orders/o-1/ship")
    assert (answer.status, answer.headers["etag"], "location" in answer.headers) == (200, '"2"', False)


def test_a_command_that_found_nothing_to_do_has_created_nothing() -> None:
    shop = Shop()
    assert ask(shop, "PUT /orders/o-1").status == 201
    assert ask(shop, "PUT /orders/o-1").status == 200


def test_the_place_of_a_composite_id_names_each_part() -> None:
    answer = ask(Shop(), "POST /seats", {"room": "a/b", "row": "7 é"})
    assert (answer.status, answer.headers["location"]) == (201, "/rooms/a%2Fb/rows/7%20%C3%A9")


def test_a_command_without_an_aggregate_answers_its_value() -> None:
    answer = ask(Shop(), "POST /greetings", {"name": "Ada"})
    assert (answer.status, answer.body) == (200, {"value": {"hello": "Ada", "at": "2026-11-23T12:00:00+00:00"}})
    assert "etag" not in answer.headers


def test_a_query_answers_200_and_none_is_404() -> None:
    assert ask(Shop(), "GET /orders/o-1").body == {"order_id": "o-1", "total": "19.90"}
    answer = ask(Shop(), "GET /orders/none", context=CONTEXT)
    assert answer.status == 404
    assert answer.body == {
        "type": "urn:cqrsless:error:NotFound",
        "title": "It does not exist, or was deleted.",
        "status": 404,
        "detail": "GetOrder found nothing",
        "instance": CONTEXT.aws_request_id,
    }


def test_only_handlers_with_a_route_are_reached() -> None:
    for path in ("/GetOrder", "/", "/orders/o-1/../o-2", "/CreateOrder"):
        assert ask(Shop(), f"GET {path}").status == 404


# -- ids and versions


def test_the_idempotency_key_is_the_commands_id_else_the_invocations() -> None:
    shop = Shop()
    ask(shop, "POST /orders", ORDER, context=CONTEXT, idempotency_key="k-1")
    ask(shop, "POST /orders/o-1/ship", context=CONTEXT)
    assert [message.id for message in shop.messages] == ["k-1", CONTEXT.aws_request_id]
    assert {message.source for message in shop.messages} == {"http"}
    assert {message.sent for message in shop.messages} == {None}


@pytest.mark.parametrize("key", ["", "x" * 257, "a\x00", "é", "a\nb"])
def test_a_key_that_could_not_be_compared_is_refused(key: str) -> None:
    shop = Shop()
    answer = ask(shop, "POST /orders", ORDER, idempotency_key=key)
    assert answer.status == 400
    assert answer.body["detail"].endswith("and has to be 1 to 256 printable ASCII characters")
    assert shop.messages == []


@pytest.mark.parametrize("value", ['"1"', 'W/"1"', "1", ' "1" ', "*"])
def test_if_match_is_the_expected_version(value: str) -> None:
    shop = Shop()
    ask(shop, "POST /orders", ORDER)
    assert ask(shop, "POST /orders/o-1/ship", if_match=value).status == 200
    assert shop.messages[1].expected_version == (None if value == "*" else 1)


def test_another_version_is_412() -> None:
    shop = Shop()
    ask(shop, "POST /orders", ORDER)
    answer = ask(shop, "POST /orders/o-1/ship", if_match='"7"')
    assert (answer.status, answer.body["type"]) == (412, "urn:cqrsless:error:VersionMismatch")


@pytest.mark.parametrize("value", ['"a"', "", '"1", "2"', "-1", '"1', "1" * 19, "W/1", '"\u0661"'])
def test_an_etag_that_is_no_version_is_malformed(value: str) -> None:
    answer = ask(Shop(), "POST /orders/o-1/ship", if_match=value)
    assert answer.status == 400
    assert 'has to be one version, as an ETag gives it: "3"' in answer.body["detail"]


def test_the_correlation_id_is_the_header_if_it_is_printable_else_the_id() -> None:
    shop = Shop()
    for value in ("checkout-42", "x" * 257, "a\nb", ""):
        ask(shop, "GET /orders/o-1", context=CONTEXT, x_correlation_id=value)
    assert [message.correlation_id for message in shop.messages] == ["checkout-42", *[CONTEXT.aws_request_id] * 3]


def test_what_headers_and_body_say_of_the_actor_is_not_believed() -> None:
    shop = Shop()
    body = {"name": "Ada", "actor": "mallory", "claims": {"sub": "mallory"}, "metadata": {"actor": "mallory"}}
    headers = {"authorization": "Bearer eyJzdWIiOiJtYWxsb3J5In0", "x_amzn_oidc_identity": "mallory"}
    ask(shop, "POST /greetings", body, **headers)
    assert (shop.message.actor, dict(shop.message.claims)) == (None, {})
    assert ask(shop, "POST /private/orders", ORDER, **headers).status == 401


# -- the payload


@pytest.mark.parametrize("source", ["rest_api", "http_api", "function_url", "alb", "sqs"])
def test_the_last_of_two_values_of_a_name_is_the_one_whatever_the_source(source: str) -> None:
    event, shop = recorded(source), Shop()
    payload = '{"order_id": "o-0", "customer_id": "c-7", "total": "1", "order_id": "o-9"}'
    if source == "sqs":
        del event["Records"][1:]
        event["Records"][0]["body"] = f'{{"command": "CreateOrder", "payload": {payload}}}'
    else:
        event["body"], event["isBase64Encoded"] = payload, False
    handle(event, CONTEXT, shop)
    assert shop.message.payload["order_id"] == "o-9"
    assert shop.versions("o-0", "o-9") == [0, 1]


def test_path_query_and_body_make_the_payload() -> None:
    shop = Shop()
    ask(shop, "POST /orders/o%201/ship?a=1&b=&c=x&c=y", {"d": {"e": None}})
    assert shop.message.payload == {"order_id": "o 1", "a": "1", "b": "", "c": ["x", "y"], "d": {"e": None}}


def test_a_single_value_of_a_list_field_is_a_list_of_one() -> None:
    answer = ask(Shop(), "GET /orders?status=placed&tag=gift&limit=5&note=a+b%26c")
    assert answer.body == {"asked": {"status": "placed", "tag": ["gift"], "limit": 5, "note": "a b&c"}}
    assert ask(Shop(), "GET /orders?status=a&status=b").status == 422


@pytest.mark.parametrize("word", ["é", "a/b", "100%25", "a+b", "😀", "a\\b", "a&b=c", "{word}", "..."])
def test_a_path_value_is_decoded_once(word: str) -> None:
    from urllib.parse import quote

    assert ask(Shop(), f"GET /echo/{quote(word, safe='')}").body == {"word": word}


@pytest.mark.parametrize("where", ["GET /echo/%FF", "GET /orders?note=%FF", "GET /echo/a?b=%E9"])
def test_a_path_or_query_that_is_not_utf8_is_malformed(where: str) -> None:
    answer = ask(Shop(), where)
    assert answer.status == 400
    assert "is not UTF-8 once it is percent-decoded" in answer.body["detail"]


def test_values_that_agree_may_be_given_twice() -> None:
    shop = Shop()
    body = {"order_id": "o-1", "n": 5, "yes": True, "tags": ["a", 1], "none": None}
    ask(shop, "POST /orders/o-1/ship?order_id=o-1&n=5&yes=true&tags=a&tags=1&none=null", body)
    assert shop.message.payload == body


@pytest.mark.parametrize(
    ("request_line", "body", "text"),
    [
        (
            "POST /orders/o-1/ship",
            {"order_id": "o-2"},
            "the path gives 'o-1' for 'order_id', and the rest of the request 'o-2'",
        ),
        (
            "POST /orders/o-1/ship?order_id=o-2",
            None,
            "the path gives 'o-1' for 'order_id', and the rest of the request 'o-2'",
        ),
        ("POST /greetings?name=a", {"name": "b"}, "the query gives 'a' for 'name', and the rest of the request 'b'"),
        ("POST /greetings?name=a&name=b", {"name": "a"}, "the query gives a JSON list for 'name', and the rest"),
        ("POST /orders/o-1/ship", {"order_id": ["o-1"]}, "the path gives 'o-1' for 'order_id', and the rest"),
    ],
)
def test_values_that_disagree_are_malformed(request_line: str, body: Any, text: str) -> None:
    shop = Shop()
    answer = ask(shop, request_line, body)
    assert (answer.status, answer.body["type"]) == (400, "urn:cqrsless:error:MalformedMessage")
    assert answer.body["detail"].startswith(text)
    assert shop.messages == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("[1]", "the body is a JSON list, and has to be a JSON object"),
        ("a=1&b=2", "the body is not JSON: Expecting value at line 1 column 1"),
        ('{"a": NaN}', "the body is not JSON: NaN is not a JSON number"),
        ('{"a": ' * 100_000, "the body nests too deeply; 100 levels are read"),
        ('{"a": "\\udc00"}', "the body holds half a surrogate pair, which is no Unicode text"),
        ("{" + '"a": ' + "1" * 6000 + "}", "the body holds a number with too many digits"),
    ],
)
def test_a_body_that_is_no_json_object_is_malformed(body: str, detail: str) -> None:
    answer = ask(Shop(), "POST /orders", body)
    assert (answer.status, answer.body["detail"]) == (400, detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("%%%", "the body is not base64, as it is said to be"),
        ("YQ", "the body is not base64, as it is said to be"),
        (base64.b64encode(b'{"a": "\xff"}').decode(), "the body is not UTF-8: invalid start byte at byte 7"),
        ("é", "the body is not base64, as it is said to be"),
    ],
)
def test_a_bad_base64_body_is_malformed(body: str, detail: str) -> None:
    event = recorded("function_url")
    event["body"] = body
    answer = Answer(handle(event, CONTEXT, Shop()))
    assert answer.status == 400 and answer.body["detail"].startswith(detail)


def test_an_empty_body_is_an_empty_object() -> None:
    for body in ("", "{}"):
        shop = Shop()
        ask(shop, "POST /orders", body)
        assert shop.message.payload == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rawPath",), None),
        (("rawPath",), 7),
        (("rawQueryString",), ["a"]),
        (("headers",), "x"),
        (("body",), {"order_id": "o-1"}),
        (("isBase64Encoded",), "yes"),
        (("requestContext", "http"), []),
        (("requestContext", "http", "method"), None),
        (("requestContext",), "x"),
    ],
    ids=repr,
)
def test_a_wrong_type_in_the_event_is_400_and_names_the_field(path: tuple[str, ...], value: Any) -> None:
    event = recorded("function_url")
    inner = event
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    answer = Answer(handle(event, CONTEXT, Shop()))
    assert answer.status == 400
    assert answer.body["detail"].startswith(f"'{path[-1]}' of the request is ")
