from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, Shop, recorded

ADA = "6f1c0d5e-1111-4a4a-8b8b-0c0c0c0c0c0c"


def known(event: Any) -> tuple[str | None, dict[str, Any]]:
    shop = Shop()
    handle(event, CONTEXT, shop)
    return shop.message.actor, dict(shop.message.claims)


def test_a_jwt_names_its_subject_and_gives_its_claims() -> None:
    for name in ("http_api_jwt", "http_api_format_1"):
        actor, claims = known(recorded(name))
        assert (actor, claims["sub"], claims["scope"]) == (ADA, ADA, "orders/write")


def test_cognito_names_its_subject_and_gives_its_claims() -> None:
    actor, claims = known(recorded("rest_api_cognito"))
    assert (actor, claims["email"]) == (ADA, "ada@example.com")


def test_iam_names_the_callers_arn_and_keeps_the_access_key_to_itself() -> None:
    arn = "arn:aws:sts::123456789012:assumed-role/buyer/ada"
    for name in ("http_api_iam", "function_url_iam"):
        actor, claims = known(recorded(name))
        assert (actor, claims["accountId"], "accessKey" in claims) == (arn, "123456789012", False)
    actor, claims = known(recorded("rest_api_iam"))
    assert actor == "arn:aws:iam::123456789012:user/ada"
    assert claims.keys() == {"accountId", "caller", "principalOrgId", "userArn", "user"}


def test_a_lambda_authorizer_gives_its_context() -> None:
    assert known(recorded("http_api_lambda_authorizer")) == ("u-1", {"sub": "u-1", "tenant": "t-1", "admin": True})
    assert known(recorded("rest_api_lambda_authorizer")) == ("u-1", {"tenant": "t-1", "admin": "true"})


def test_a_lambda_authorizers_principal_comes_before_its_subject() -> None:
    event = recorded("http_api_lambda_authorizer")
    event["requestContext"]["authorizer"]["lambda"]["principalId"] = "u-2"
    assert known(event)[0] == "u-2"


def test_a_lambda_authorizer_in_payload_format_1_gives_its_context_too() -> None:
    event = recorded("http_api_format_1")
    event["requestContext"]["authorizer"] = {"sub": "u-1", "tenant": "t-1"}
    assert known(event) == ("u-1", {"sub": "u-1", "tenant": "t-1"})


@pytest.mark.parametrize(
    "name",
    [
        "http_api",
        "http_api_query",
        "rest_api",
        "rest_api_query",
        "function_url",
        "function_url_get",
        "alb",
        "alb_multi_value",
    ],
)
def test_without_an_authorizer_nobody_is_known(name: str) -> None:
    assert known(recorded(name)) == (None, {})


def test_what_a_load_balancer_puts_into_headers_is_not_believed() -> None:
    event = recorded("alb")
    event["path"] = "/private/orders"
    event["headers"] |= {"x-amzn-oidc-identity": "mallory", "x-amzn-oidc-data": "e30.eyJzdWIiOiJtIn0.c2ln"}
    event["requestContext"]["authorizer"] = {"claims": {"sub": "mallory"}}
    event["requestContext"]["identity"] = {"userArn": "mallory"}
    assert handle(event, CONTEXT, Shop())["statusCode"] == 401


@pytest.mark.parametrize(
    ("name", "authorizer"),
    [
        ("http_api_jwt", "x"),
        ("http_api_jwt", {"jwt": 7}),
        ("http_api_jwt", {"jwt": {"claims": [1]}}),
        ("http_api_jwt", {"jwt": {"claims": {"sub": 7, "admin": True}}}),
        ("http_api_jwt", {"jwt": {"claims": {"sub": ""}}}),
        ("http_api_jwt", {"jwt": {"claims": {"sub": "\ud800"}}}),
        ("http_api_jwt", {"jwt": {"claims": {"sub": "a\nb"}}}),
        ("http_api_jwt", {"jwt": {"claims": {"sub": "x" * 2049}}}),
        ("http_api_jwt", {"iam": {"userArn": ["x"]}}),
        ("http_api_jwt", {"lambda": "x"}),
        ("http_api_jwt", {"lambda": {"principalId": {"sub": "x"}, "sub": "mallory"}}),
        ("http_api_jwt", {"claims": {"sub": "x"}}),
        ("rest_api_cognito", []),
        ("rest_api_cognito", {"claims": 7}),
        ("rest_api_cognito", {"claims": {"sub": [ADA]}}),
        ("rest_api_cognito", {"principalId": 7, "claims": {"sub": "mallory"}}),
        ("rest_api_cognito", {"principalId": ""}),
    ],
)
def test_a_context_of_another_shape_means_nobody_and_the_log_says_so(
    name: str, authorizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    event = recorded(name)
    event["requestContext"]["authorizer"] = authorizer
    answer = handle(event, CONTEXT, Shop())
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["type"] == "urn:cqrsless:error:Unauthenticated"
    assert "nobody is known, because the authorizer's context has no shape that is read" in caplog.text


def test_an_identity_of_another_shape_means_nobody(caplog: pytest.LogCaptureFixture) -> None:
    for identity in ("x", {"userArn": 7}):
        event = recorded("rest_api_iam")
        event["requestContext"]["identity"] = identity
        assert handle(event, CONTEXT, Shop())["statusCode"] == 401
    assert len([text for text in caplog.messages if text.startswith("nobody is known")]) == 2


def test_allow_is_asked_with_the_authorizers_claims() -> None:
    event = recorded("http_api_jwt")
    assert handle(event, CONTEXT, Shop())["statusCode"] == 201
    event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "banned"
    assert handle(event, CONTEXT, Shop())["statusCode"] == 403
