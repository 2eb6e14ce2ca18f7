"""The function for commands and queries, and the ways to it: its queue, the routes of an HTTP API, a URL of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from ..registry import CommandRecord, Model, QueryRecord
from ..routing import parse_route
from . import permissions
from .building import Stack
from .naming import DeploymentError, identifier
from .permissions import Grants
from .plan import Api, Authorization, Route, Url
from .values import named

__all__ = ["COMMANDS", "LOGGED", "serving"]

COMMANDS: Final = "commands"
#: How often a message of the queue comes: what is refused is done with at once, what fails is worth a few tries.
_RECEIVES: Final = 5
_PLAIN: Final = re.compile(r"[a-z][a-z0-9]*")
#: What stands for a parameter in the id of a route: its name may change, and the route is the same.
_ANY: Final = "any"
#: Routes of one HTTP API (API Gateway quotas).
MOST_ROUTES: Final = 300
#: What the access log has of each request.
LOGGED: Final = json.dumps(
    {
        "requestId": "$context.requestId",
        "time": "$context.requestTime",
        "route": "$context.routeKey",
        "status": "$context.status",
        "error": "$context.integrationErrorMessage",
        "ms": "$context.responseLatency",
    }
)


def serving(stack: Stack, model: Model) -> tuple[Api | None, tuple[Url, ...]]:
    """Plan the function that runs commands and queries when asked to, and everything in front of it."""
    if not model.commands and not model.queries:
        return None, ()
    settings = stack.configuration.commands
    what = "the function for commands and queries"
    grants = Grants()
    permissions.executes(grants, model)
    permissions.asks(grants, model)
    queue = None
    if model.commands:
        queue, _ = stack.queue("Commands", COMMANDS, what, stack.timeout_of(settings), _RECEIVES)
        permissions.reads_queue(grants, queue)
    function = stack.function("Commands", COMMANDS, what, None, grants, settings=settings).id
    if queue is not None:
        stack.feed_from_queue(function, queue, 10)
    return _api(stack, model, function), tuple(_urls(stack, function))


def _api(stack: Stack, model: Model, function: str) -> Api | None:
    routed: list[CommandRecord | QueryRecord] = [*model.commands.values(), *model.queries.values()]
    written = [record.route for record in routed if record.route]
    if not written:
        return None
    if len(written) > MOST_ROUTES:
        raise DeploymentError(
            f"the application has {len(written)} routes, and an HTTP API takes {MOST_ROUTES}: part it into two "
            "registries, each with a stack of its own"
        )
    http = stack.configuration.http
    stack.ids.take("HttpApi", "the HTTP API")
    routes = tuple(_route(stack, route) for route in written)
    authorization: Authorization = "open" if http.open else "jwt" if http.authorizer == "jwt" else "iam"
    return Api(
        "HttpApi",
        named("http"),
        function,
        authorization,
        http.issuer,
        http.audience,
        routes,
        stack.ids.take("HttpLogs", "the log of the HTTP API"),
        stack.configuration.log_days,
    )


def _route(stack: Stack, written: str) -> Route:
    route = parse_route(written)
    id = f"Route{route.method.capitalize()}"
    for segment in route.segments:
        id += identifier(_ANY if segment[0] == "{" else segment)
    literals = [segment for segment in route.segments if segment[0] != "{"]
    if not all(_PLAIN.fullmatch(literal) and literal != _ANY for literal in literals):
        id += blake2b(" ".join(route.shape).encode(), digest_size=3).hexdigest()
    return Route(stack.ids.take(id, f"the route {written!r}"), route.method, route.path)


def _urls(stack: Stack, function: str) -> Iterator[Url]:
    if stack.configuration.http.function_url:
        yield Url(
            stack.ids.take("CommandsUrl", "the URL of the function for commands and queries"),
            function,
            "open" if stack.configuration.http.open else "iam",
        )
