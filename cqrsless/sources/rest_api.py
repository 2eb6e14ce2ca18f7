"""API Gateway: a REST API, or an HTTP API with payload format 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..errors import MalformedMessage
from .application import Application
from .documents import is_text, shown
from .http import Request, a_string, an_object, headers_of, respond
from .identity import of_rest_api

__all__ = ["base_path", "handle", "query_of", "read"]


def handle(event: Mapping[str, Any], context: Any, app: Application) -> dict[str, Any]:
    status, headers, body = respond(event, context, app, read)
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


def read(event: Mapping[str, Any]) -> Request:
    context = an_object(event, "requestContext")
    path = a_string(event, "path")
    if event.get("version") == "1.0":  # an HTTP API gives its paths decoded, a REST API as they were sent
        path = quote(path, safe="/")
    base = base_path(path, event.get("resource"), event.get("pathParameters"))
    path = path[len(base) :]
    public = context.get("path")
    return Request(
        a_string(event, "httpMethod").upper(),
        path,
        query_of(event),
        headers_of(event),
        event.get("body"),
        event.get("isBase64Encoded"),
        of_rest_api(context),
        public.removesuffix(path) if isinstance(public, str) and public.endswith(path) else base,
    )


def base_path(path: str, template: Any, parameters: Any) -> str:
    """Give the part of a path that stands before the API's own: a custom domain's base path, or a stage.

    API Gateway leaves it in the path. How many segments are the API's own is known from its template.

    >>> base_path("/shop/orders/o-1", "/orders/{order_id}", {"order_id": "o-1"})
    '/shop'
    >>> base_path("/orders/o-1", "/{proxy+}", {"proxy": "orders/o-1"})
    ''
    """
    if not isinstance(template, str) or not template.startswith("/"):
        return ""
    own = 0
    for segment in template.strip("/").split("/"):
        if segment.endswith("+}"):
            rest = parameters.get(segment[1:-2]) if isinstance(parameters, Mapping) else None
            if not isinstance(rest, str):
                return ""
            own += len(rest.strip("/").split("/"))
        elif segment:
            own += 1
    segments = path.strip("/").split("/")
    extra = len(segments) - own if path.strip("/") else 0
    return "".join(f"/{segment}" for segment in segments[:extra]) if extra > 0 else ""


def query_of(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give the values of each query parameter, from the map of several values or the map of one."""
    several = an_object(event, "multiValueQueryStringParameters")
    given: Mapping[str, Any] = several or {
        name: [value] for name, value in an_object(event, "queryStringParameters").items()
    }
    for name, values in given.items():
        if not is_text(name) or not isinstance(values, list) or not values or not all(map(is_text, values)):
            raise MalformedMessage(f"the query parameter {shown(name)} is {shown(values)}, and has to be text")
    return dict(given)
