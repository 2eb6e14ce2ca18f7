"""What API Gateway does: a request becomes the event that the entrypoint gets in Lambda, its answer a response.

Payload format 2.0, of an HTTP API (whose paths come decoded) or of a Function URL (whose do not). The entrypoint's own
sources read it, so a route behaves here as it does where it is deployed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from werkzeug.wrappers import Request, Response

from .options import Shape

__all__ = ["BODY_LIMIT", "event_of", "response_of"]

#: Lambda's own limit for what it is called with synchronously.
BODY_LIMIT: Final = 6 * 1024 * 1024
_DOMAINS: Final[Mapping[Shape, str]] = {
    "http-api": "local.execute-api.local.amazonaws.com",
    "function-url": "local.lambda-url.local.on.aws",
}
#: Headers that concern one connection, and not the one behind it.
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "cookie"}
)


def event_of(request: Request, shape: Shape, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Make the event of a request. `claims` are those of a request that bears no token."""
    now = datetime.now(timezone.utc)
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path
    path = request.path if shape == "http-api" else raw.partition("?")[0]
    headers = _headers(request)
    context: dict[str, Any] = {
        "accountId": "anonymous" if shape == "function-url" else "000000000000",
        "apiId": "local",
        "domainName": _DOMAINS[shape],
        "domainPrefix": "local",
        "http": {
            "method": request.method,
            "path": path,
            "protocol": str(request.environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
            "sourceIp": request.remote_addr or "127.0.0.1",
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": str(uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }
    found = token_claims(headers.get("authorization", "")) or dict(claims)
    if found:
        context["authorizer"] = {"jwt": {"claims": {str(k): claim_text(v) for k, v in found.items()}, "scopes": None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query_string.decode("latin-1"),
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    cookies = [part.strip() for part in request.headers.get("Cookie", "").split(";") if part.strip()]
    if cookies:
        event["cookies"] = cookies
    body = request.get_data()
    if body:
        event["body"], event["isBase64Encoded"] = _body(body, request.mimetype)
    return event


def response_of(answer: Any) -> Response:
    """Make the response of what the entrypoint answered."""
    body: Any = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body
    response = Response(content, status=int(answer["statusCode"]))
    for name, value in answer.get("headers", {}).items():
        response.headers[name] = value
    for cookie in answer.get("cookies", ()):
        response.headers.add("set-cookie", cookie)
    return response


def refusal(status: HTTPStatus, detail: str) -> Response:
    """Give a refusal of the server's own, in the form of all others (RFC 9457)."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Response(json.dumps(document), status=status.value, content_type="application/problem+json")


def token_claims(authorization: str) -> dict[str, Any]:
    """Read the claims of a bearer token, whose signature nobody checks here; none of what is no such token.

    >>> token_claims("Bearer e30.eyJzdWIiOiAiYWRhIn0.")
    {'sub': 'ada'}
    """
    scheme, _, token = authorization.partition(" ")
    parts = token.strip().split(".")
    if scheme.lower() != "bearer" or len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def claim_text(value: Any) -> str:
    """Write a claim as an HTTP API's authorizer gives it, which is a text whatever it was.

    >>> claim_text(["a", "b"]), claim_text(True), claim_text(7)
    ('[a b]', 'true', '7')
    """
    if isinstance(value, list):
        return f"[{' '.join(map(claim_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        if lower not in _HOP_BY_HOP:
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    headers.setdefault("x-forwarded-for", request.remote_addr or "127.0.0.1")
    headers.setdefault("x-forwarded-proto", request.scheme)
    headers.setdefault("x-forwarded-port", str(request.environ.get("SERVER_PORT", "")))
    return headers


def _body(body: bytes, mimetype: str) -> tuple[str, bool]:
    if mimetype.startswith("text/") or mimetype.partition("+")[2] == "json" or mimetype in ("", "application/json"):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # it goes as bytes, and the source says what is wrong with it
    return base64.b64encode(body).decode(), True
