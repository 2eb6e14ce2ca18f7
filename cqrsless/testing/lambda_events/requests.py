"""HTTP requests: through API Gateway's REST and HTTP APIs, a Function URL, and a load balancer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, quote_plus, unquote
from uuid import uuid4

from ...sources.documents import plain
from .wire import ACCOUNT, REGION, now

__all__ = ["function_url", "http_api", "load_balancer", "rest_api"]

Parameters: TypeAlias = "Mapping[str, str | Sequence[str]]"
Body: TypeAlias = "Mapping[str, Any] | Sequence[Any] | str | bytes | None"

_ADDRESS: Final = "203.0.113.17"
_AGENT: Final = "curl/8.9.1"


class Sent(NamedTuple):
    """A request as a client sends it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: str | None
    encoded: bool

    @classmethod
    def read(cls, request: str, body: Body, query: Parameters | None, headers: Mapping[str, str] | None) -> Sent:
        method, _, target = request.partition(" ")
        if not target.startswith("/") or not method.isupper():
            raise ValueError(f"{request!r} is no request: write a method and a path, as in 'POST /orders/o-1/ship'")
        path, _, written = target.partition("?")
        pairs = parse_qsl(written, keep_blank_values=True)
        for name, values in (query or {}).items():
            pairs += [(name, value) for value in ([values] if isinstance(values, str) else values)]
        text, encoded = _text(body)
        given = {"accept": "*/*", **({} if body is None else {"content-type": "application/json"})}
        given.update({name.lower(): value for name, value in (headers or {}).items()})
        return cls(method, path, pairs, given, text, encoded)

    def sent_to(self, host: str) -> dict[str, str]:
        """Give the headers, with those that AWS's own front adds."""
        return {
            **self.headers,
            "host": host,
            "user-agent": _AGENT,
            "x-amzn-trace-id": f"Root=1-6742a1f0-{uuid4().hex[:24]}",
            "x-forwarded-for": _ADDRESS,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        }

    @property
    def several(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for name, value in self.query:
            values.setdefault(name, []).append(value)
        return values

    @property
    def written_query(self) -> str:
        return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.query)


def http_api(
    request: str,
    body: Body = None,
    *,
    query: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    claims: Mapping[str, Any] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    stage: str = "$default",
    time: datetime | None = None,
) -> dict[str, Any]:
    """Make a request to an HTTP API (payload format 2.0), as `"POST /orders?dry=1"` with a body that becomes JSON.

    `claims` are those of a JWT authorizer; `authorizer` is what any other one gives.

    >>> http_api("GET /orders?status=placed", claims={"sub": "u-1"})["requestContext"]["authorizer"]["jwt"]["claims"]
    {'sub': 'u-1'}
    """
    sent = Sent.read(request, body, query, headers)
    api = "f6g7h8i9j0"
    event = _format_2(sent, api, f"{api}.execute-api.{REGION}.amazonaws.com", stage, now(time))
    # API Gateway decodes the path, and leaves the stage in it.
    event["rawPath"] = unquote(sent.path) if stage == "$default" else f"/{stage}{unquote(sent.path)}"
    event["requestContext"]["http"]["path"] = event["rawPath"]
    event["requestContext"]["accountId"] = ACCOUNT
    if claims is not None:
        scopes = str(claims.get("scope") or "").split() or None
        event["requestContext"]["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": scopes}}
    if authorizer is not None:
        event["requestContext"]["authorizer"] = dict(authorizer)
    return event


def function_url(
    request: str,
    body: Body = None,
    *,
    query: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    user_arn: str | None = None,
    time: datetime | None = None,
) -> dict[str, Any]:
    """Make a request to a Function URL; `user_arn` is who signed it, where the URL asks for IAM."""
    sent = Sent.read(request, body, query, headers)
    url = "zyxwvut1234567890"
    event = _format_2(sent, url, f"{url}.lambda-url.{REGION}.on.aws", "$default", now(time))
    context = event["requestContext"]
    context["authentication"] = None
    context["requestId"] = str(uuid4())
    context["accountId"] = "anonymous"
    if user_arn is not None:
        context["accountId"] = ACCOUNT
        context["authorizer"] = {
            "iam": {
                "accessKey": "AKIAEXAMPLE",
                "accountId": ACCOUNT,
                "callerId": "AIDAEXAMPLE",
                "cognitoIdentity": None,
                "principalOrgId": "aws:PrincipalOrgID",
                "userArn": user_arn,
                "userId": "AIDAEXAMPLE",
            }
        }
    return event


def _format_2(sent: Sent, api: str, host: str, stage: str, time: datetime) -> dict[str, Any]:
    headers = sent.sent_to(host)
    if sent.body is not None:
        headers["content-length"] = str(len(sent.body.encode()))
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": sent.path,
        "rawQueryString": sent.written_query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": api,
            "domainName": host,
            "domainPrefix": api,
            "http": {
                "method": sent.method,
                "path": sent.path,
                "protocol": "HTTP/1.1",
                "sourceIp": _ADDRESS,
                "userAgent": _AGENT,
            },
            "requestId": f"{uuid4().hex[:15]}=",
            "routeKey": "$default",
            "stage": stage,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S %z"),
            "timeEpoch": int(time.timestamp() * 1000),
        },
        "isBase64Encoded": sent.encoded,
    }
    if sent.query:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in sent.several.items()}
    if sent.body is not None:
        event["body"] = sent.body
    return event


def rest_api(
    request: str,
    body: Body = None,
    *,
    query: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    claims: Mapping[str, Any] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    stage: str = "prod",
    time: datetime | None = None,
) -> dict[str, Any]:
    """Make a request to a REST API, through its greedy resource `/{proxy+}`.

    `claims` are those of a Cognito user pool; `authorizer` is what a Lambda authorizer gives (`principalId` and more).
    """
    sent = Sent.read(request, body, query, headers)
    moment, api = now(time), "a1b2c3d4e5"
    host = f"{api}.execute-api.{REGION}.amazonaws.com"
    given = {name.title(): value for name, value in sent.sent_to(host).items()}
    several = sent.several
    context: dict[str, Any] = {
        "resourceId": "0f3k9a",
        "resourcePath": "/{proxy+}",
        "httpMethod": sent.method,
        "extendedRequestId": f"{uuid4().hex[:15]}=",
        "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "path": f"/{stage}{sent.path}",
        "accountId": ACCOUNT,
        "protocol": "HTTP/1.1",
        "stage": stage,
        "domainPrefix": api,
        "requestTimeEpoch": int(moment.timestamp() * 1000),
        "requestId": str(uuid4()),
        "identity": {
            **dict.fromkeys(
                (
                    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "principalOrgId", "accessKey",
                    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "user",
                )
            ),
            "sourceIp": _ADDRESS,
            "userAgent": _AGENT,
        },
        "domainName": host,
        "deploymentId": "4kd8s2",
        "apiId": api,
    }  # fmt: skip
    if claims is not None:
        context["authorizer"] = {"claims": dict(claims)}
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {
        "resource": "/{proxy+}",
        "path": sent.path,
        "httpMethod": sent.method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": {"proxy": unquote(sent.path).strip("/")},
        "stageVariables": None,
        "requestContext": context,
        "body": sent.body,
        "isBase64Encoded": sent.encoded,
    }


def load_balancer(
    request: str,
    body: Body = None,
    *,
    query: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    multi_value: bool = False,
) -> dict[str, Any]:
    """Make a request through an Application Load Balancer; `multi_value` is its target group's setting.

    Nobody is known behind a balancer: what it finds out about who asks, it puts into headers, which anyone can send.
    """
    sent = Sent.read(request, body, query, headers)
    given = sent.sent_to(f"orders-1234567890.{REGION}.elb.amazonaws.com")
    # A balancer passes names and values on as they were sent, percent-encoded.
    encoded = {quote_plus(name): [quote_plus(value) for value in values] for name, values in sent.several.items()}
    event: dict[str, Any] = {
        "requestContext": {
            "elb": {
                "targetGroupArn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/orders/49e9d65c45c6791a"
            }
        },
        "httpMethod": sent.method,
        "path": sent.path,
        "body": sent.body or "",
        "isBase64Encoded": sent.encoded,
    }
    if multi_value:
        event["multiValueQueryStringParameters"] = encoded
        event["multiValueHeaders"] = {name: [value] for name, value in given.items()}
    else:
        event["queryStringParameters"] = {name: values[-1] for name, values in encoded.items()}
        event["headers"] = given
    return event


def _text(body: Body) -> tuple[str | None, bool]:
    if body is None or isinstance(body, str):
        return body, False
    if isinstance(body, bytes):
        return b64encode(body).decode(), True
    return json.dumps(plain(body)), False
