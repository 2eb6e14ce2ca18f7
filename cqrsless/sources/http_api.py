"""API Gateway's HTTP APIs (payload format 2.0), and Lambda Function URLs, which have the same form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from ..errors import MalformedMessage
from .application import Application
from .documents import is_text, shown
from .http import Request, a_string, an_object, headers_of, respond
from .identity import of_http_api
from .rest_api import base_path

__all__ = ["handle", "read"]

#: Characters of a path that percent-encoding leaves alone.
_AS_IT_IS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/")


def handle(event: Mapping[str, Any], context: Any, app: Application) -> dict[str, Any]:
    status, headers, body = respond(event, context, app, read)
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


def read(event: Mapping[str, Any]) -> Request:
    context = an_object(event, "requestContext")
    path = a_string(event, "rawPath")
    prefix = ""
    domain = context.get("domainName")
    if not (isinstance(domain, str) and ".lambda-url." in domain):
        # API Gateway decodes the path before it calls, and leaves the stage in it; a Function URL does neither.
        path = path if _AS_IT_IS.issuperset(path) else quote(path, safe="/")
        prefix = _stage(path, context) or _mapping(path, event, domain)
    return Request(
        a_string(an_object(context, "http"), "method").upper(),
        path[len(prefix) :] or "/",
        _query(event),
        headers_of(event),
        event.get("body"),
        event.get("isBase64Encoded"),
        of_http_api(context),
        prefix,
    )


def _stage(path: str, context: Mapping[str, Any]) -> str:
    stage, domain = context.get("stage"), context.get("domainName")
    if not isinstance(stage, str) or stage == "$default":
        return ""
    if isinstance(domain, str) and ".execute-api." not in domain:
        return ""  # a custom domain maps its own paths to stages
    return f"/{stage}" if f"{path}/".startswith(f"/{stage}/") else ""


def _mapping(path: str, event: Mapping[str, Any], domain: Any) -> str:
    route = event.get("routeKey")
    if not isinstance(route, str) or not isinstance(domain, str) or ".execute-api." in domain:
        return ""
    template = route.partition(" ")[2]
    return "" if path == template else base_path(path, template, event.get("pathParameters"))


def _query(event: Mapping[str, Any]) -> dict[str, list[str]]:
    text = event.get("rawQueryString")
    if not text:
        return {}
    if not is_text(text):
        raise MalformedMessage(f"'rawQueryString' of the request is {shown(text)}, and has to be a string")
    query: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
            query.setdefault(name, []).append(value)
    except ValueError:
        raise MalformedMessage(f"the query string {shown(text)} is not UTF-8 once it is percent-decoded") from None
    return query
