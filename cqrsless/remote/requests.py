"""A message as an HTTP request: which route it has, and what of its payload goes into path, query and body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from ..errors import AppLoadError, MalformedMessage, UnknownMessage
from ..registry import Registry, did_you_mean
from ..routing import METHODS, Kind, Route, parse_route

if TYPE_CHECKING:
    from ..app import App

__all__ = ["COMMAND", "QUERY", "ROUTE", "HttpRequest", "RouteMap", "request"]

#: What an operation of an OpenAPI document says of the application beyond OpenAPI: which message it is, and its route
#: where that has other names for its parameters.
COMMAND, QUERY, ROUTE = "x-cqrsless-command", "x-cqrsless-query", "x-cqrsless-route"
#: Methods whose requests have no body, so that all of a payload is in the URL.
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class HttpRequest(NamedTuple):
    """A request without its host: `target` is the percent-encoded path, with the query."""

    method: str
    target: str
    body: bytes


class RouteMap:
    """The routes of a deployed application, by the names of its commands and queries.

    They come from its registry or `App`, from a mapping of names to routes, or from its OpenAPI document.

    >>> RouteMap({"ShipOrder": "POST /orders/{order_id}/ship"}).find("command", "ShipOrder").path
    '/orders/{order_id}/ship'
    """

    def __init__(self, given: Registry | App | Mapping[str, Any]) -> None:
        self._routes: dict[tuple[Kind, str], Route] = {
            (kind, name): route for kinds, name, route in _read(given) for kind in kinds
        }

    def find(self, kind: Kind, name: str) -> Route:
        """Give the route of a command or query, or raise `UnknownMessage`."""
        found = self._routes.get((kind, name))
        if found is None:
            hint = did_you_mean(name, [known for of, known in self._routes if of == kind]) or (
                ": give its handler a route=, or call the application by lambda://"
            )
            raise UnknownMessage(f"no route is known for {kind} {name!r}, and HTTP reaches only what has one{hint}")
        return found

    def __len__(self) -> int:
        return len(self._routes)


def _read(given: Registry | App | Mapping[str, Any]) -> Iterable[tuple[tuple[Kind, ...], str, Route]]:
    if not isinstance(given, Mapping):
        model = given.freeze() if isinstance(given, Registry) else given.model
        for command in model.commands.values():
            if command.route is not None:
                yield ("command",), command.name, parse_route(command.route)
        for query in model.queries.values():
            if query.route is not None:
                yield ("query",), query.name, parse_route(query.route)
    elif "openapi" in given:
        yield from _of_document(given)
    else:
        for name, route in given.items():
            try:
                yield ("command", "query"), name, parse_route(route)
            except ValueError as error:
                raise AppLoadError(f"routes[{name!r}]: {error}") from None


def _of_document(document: Mapping[str, Any]) -> Iterable[tuple[tuple[Kind, ...], str, Route]]:
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method.upper() not in METHODS:
                continue
            route = parse_route(operation.get(ROUTE) or f"{method.upper()} {path}")
            if COMMAND in operation:
                yield ("command",), operation[COMMAND], route
            elif QUERY in operation:
                yield ("query",), operation[QUERY], route
            elif "operationId" in operation:
                yield ("command", "query"), operation["operationId"], route


def request(route: Route, name: str, payload: Any) -> HttpRequest:
    """Make the request that the application will read this very payload from.

    >>> request(parse_route("GET /orders/{order_id}"), "GetOrder", {"order_id": "o/1", "lines": True}).target
    '/orders/o%2F1?lines=true'
    """
    if not isinstance(payload, dict):
        raise MalformedMessage(
            f"the payload of {name} is a {type(payload).__name__}, and over HTTP it has to be a dict"
        )
    left = dict(payload)
    path = "/" + "/".join(
        quote(_in_path(name, segment[1:-1], left.pop(segment[1:-1], None)) if segment[0] == "{" else segment, safe="")
        for segment in route.segments
    )
    if route.method not in _WITHOUT_BODY:
        return HttpRequest(route.method, path, json.dumps(left, separators=(",", ":")).encode() if left else b"")
    pairs = [pair for key, value in left.items() if value is not None for pair in _in_query(name, key, value)]
    query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)
    return HttpRequest(route.method, f"{path}?{query}" if query else path, b"")


def _in_path(name: str, field: str, value: Any) -> str:
    text = _text(value)
    if text is None or text in ("", ".", ".."):
        raise MalformedMessage(
            f"{field} of {name} is {value!r}, and stands in the path of its route: give it a text that a path can hold"
        )
    return text


def _in_query(name: str, field: str, value: Any) -> Iterable[tuple[str, str]]:
    values = value if isinstance(value, list) else [value]
    texts = [_text(one) for one in values]
    if not texts or None in texts:
        raise MalformedMessage(
            f"{field} of {name} is {value!r}, which the query of a URL cannot hold: give plain values or lists of "
            "them, or call the application by lambda://"
        )
    return [(field, text) for text in texts if text is not None]


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (bool, int, float)) else None
