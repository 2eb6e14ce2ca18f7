"""Errors over HTTP."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import uuid4

import pytest

from cqrsless import (
    AlreadyExists,
    AppLoadError,
    CommitTooLarge,
    ConcurrencyConflict,
    CqrslessError,
    DuplicateMismatch,
    Forbidden,
    MalformedMessage,
    MethodNotAllowed,
    NotFound,
    Rejected,
    SerializationFailed,
    StoreUnavailable,
    Unauthenticated,
    UnknownEvent,
    UnknownMessage,
    ValidationFailed,
    VersionMismatch,
)
from cqrsless.errors import default_message
from cqrsless.sources import handle
from tests.sources.asking import ORDER, ask
from tests.sources.shop import CONTEXT, Shop, recorded


@pytest.mark.parametrize(
    "error",
    [
        MalformedMessage(),
        Unauthenticated(),
        Forbidden(),
        UnknownMessage(),
        MethodNotAllowed(),
        NotFound(),
        AlreadyExists(),
        Rejected("no\nand no"),
        ConcurrencyConflict(),
        VersionMismatch(),
        CommitTooLarge(),
        DuplicateMismatch(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_refusal_is_a_problem_document(error: CqrslessError, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = ask(Shop(raising=error), "POST /orders", ORDER, context=CONTEXT, idempotency_key="k-1")
    assert answer.status == error.status
    assert answer.body == {
        "type": f"urn:cqrsless:error:{type(error).__name__}",
        "title": default_message(type(error)),
        "status": error.status,
        "detail": str(error),
        "instance": CONTEXT.aws_request_id,
    }
    (record,) = caplog.records
    assert record.levelno == logging.INFO and record.exc_info is None
    assert record.getMessage() == f"POST /orders answered {error.status}: {type(error).__name__}: {error}"
    assert getattr(record, "message_id", None) == "k-1"


def test_extra_headers_say_what_to_do_next() -> None:
    def headers(error: Exception) -> dict[str, str]:
        found = ask(Shop(raising=error), "POST /orders", ORDER).headers
        del found["content-type"]
        return found

    assert headers(ConcurrencyConflict()) == {"retry-after": "1"}
    assert headers(StoreUnavailable()) == {"retry-after": "1"}
    assert headers(Unauthenticated()) == {"www-authenticate": "Bearer"}
    assert headers(Rejected()) == {}


@pytest.mark.parametrize(
    ("source", "path", "takes"),
    [
        ("rest_api", "/orders", "GET, POST"),
        ("http_api_format_1", "/private/orders", "POST"),
        ("http_api", "/orders", "GET, POST"),
        ("function_url", "/orders", "GET, POST"),
        ("alb", "/orders", "GET, POST"),
        ("alb_multi_value", "/orders", "GET, POST"),
    ],
)
def test_a_known_path_with_another_method_is_405_and_says_which_it_takes(source: str, path: str, takes: str) -> None:
    event = recorded(source)
    context = event["requestContext"]
    if "http" in context:
        context["http"]["method"] = "DELETE"
    else:
        event["httpMethod"] = "DELETE"
    answer = handle(event, CONTEXT, Shop())
    headers = answer.get("headers") or {key: values[0] for key, values in answer["multiValueHeaders"].items()}
    assert (answer["statusCode"], headers["allow"]) == (405, takes)
    assert answer.get("statusDescription") in (None, "405 Method Not Allowed")
    body = json.loads(answer["body"])
    assert (body["type"], body["status"]) == ("urn:cqrsless:error:MethodNotAllowed", 405)
    assert body["detail"] == f"no handler for DELETE {path}; this path takes: {takes}"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "BREW", "X" * 1000])
def test_a_method_that_no_route_has_is_405_too(method: str) -> None:
    answer = ask(Shop(), f"{method} /orders/o-1/ship")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_path_without_any_route_is_404() -> None:
    answer = ask(Shop(), "DELETE /nothing")
    assert (answer.status, answer.body["type"]) == (404, "urn:cqrsless:error:UnknownMessage")
    assert "allow" not in answer.headers


def test_what_a_handler_does_not_know_is_no_matter_of_the_method() -> None:
    answer = ask(Shop(raising=UnknownMessage("no such thing")), "POST /orders", ORDER)
    assert (answer.status, "allow" in answer.headers) == (404, False)


def test_a_users_own_refusal_has_its_own_type_and_title() -> None:
    shop = Shop()
    ask(shop, "POST /orders", ORDER)
    ask(shop, "POST /orders/o-1/ship")
    answer = ask(shop, "POST /orders/o-1/ship", idempotency_key="k-2")
    assert answer.status == 409
    assert (answer.body["type"], answer.body["title"]) == ("urn:cqrsless:error:OutOfStock", "The shelf is empty.")
    assert answer.body["detail"] == "the order has already shipped"


def test_validation_messages_are_in_the_problem_as_marshmallow_gave_them() -> None:
    answer = ask(Shop(), "POST /orders", {**ORDER, "total": "many", "lines": [1, 0], "extra": 1})
    assert (answer.status, answer.body["type"]) == (422, "urn:cqrsless:error:ValidationFailed")
    assert answer.body["errors"] == {
        "total": ["Not a valid number."],
        "lines": {"1": ["Must be greater than or equal to 1."]},
        "extra": ["Unknown field."],
    }


def test_validation_messages_of_any_kind_can_be_written() -> None:
    messages: Any = {1: [object, {2}], "at": [uuid4()], None: {("a", 1): float("nan")}}
    answer = ask(Shop(raising=ValidationFailed("no", messages=messages)), "POST /orders", ORDER)
    assert answer.status == 422
    assert answer.body["errors"]["None"] == {"('a', 1)": "nan"}


@pytest.mark.parametrize(
    "error",
    [
        KeyError("secret"),
        RecursionError(),
        AssertionError(),
        SerializationFailed("secret"),
        UnknownEvent("secret"),
        AppLoadError("secret"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_is_a_bare_500_with_its_traceback_in_the_log(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(Shop(raising=error), "POST /orders", ORDER, context=CONTEXT, idempotency_key="k-1")
    assert answer.status == 500
    assert answer.body == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "instance": CONTEXT.aws_request_id,
    }
    (record,) = caplog.records
    assert record.levelno == logging.ERROR and record.exc_info and record.exc_info[1] is error
    assert getattr(record, "message_id", None) == "k-1"


def test_an_answer_without_a_form_in_json_is_a_bug_too(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Shop(), "GET /unwritable").status == 500
    assert "the answer's rows[0] is of type object" in caplog.text


def test_what_the_store_says_of_its_trouble_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(Shop(raising=StoreUnavailable("table secret-events is throttled")), "POST /orders", ORDER)
    assert answer.status == 503 and "secret" not in json.dumps(answer.body)
    assert "table secret-events is throttled" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_caught(stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        ask(Shop(raising=stop()), "POST /orders", ORDER)
