"""An Application Load Balancer, with single or with multi-value headers."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus

from ..errors import MalformedMessage
from .application import Application
from .http import Request, a_string, headers_of, respond
from .identity import NOBODY
from .rest_api import query_of

__all__ = ["handle", "read"]


def handle(event: Mapping[str, Any], context: Any, app: Application) -> dict[str, Any]:
    status, headers, body = respond(event, context, app, read)
    answer: dict[str, Any] = {
        "statusCode": status,
        "statusDescription": f"{status} {_phrase(status)}",
        "isBase64Encoded": False,
        "body": body,
    }
    if "multiValueHeaders" in event:  # the target group's setting; the answer has to follow it
        answer["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    else:
        answer["headers"] = headers
    return answer


def read(event: Mapping[str, Any]) -> Request:
    """Read a request. Nobody is known: what a balancer finds out, it puts into headers, which anyone in its network
    can send."""
    try:
        query = {
            unquote_plus(name, errors="strict"): [unquote_plus(value, errors="strict") for value in values]
            for name, values in query_of(event).items()
        }
    except UnicodeDecodeError:
        raise MalformedMessage("the query string is not UTF-8 once it is percent-decoded") from None
    return Request(
        a_string(event, "httpMethod").upper(),
        a_string(event, "path"),
        query,
        headers_of(event),
        event.get("body"),
        event.get("isBase64Encoded"),
        NOBODY,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a status of a user's own error class
        return "Error"
