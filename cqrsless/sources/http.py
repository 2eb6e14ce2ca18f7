"""What all HTTP sources share: a request becomes a message, and its outcome an answer."""

from __future__ import annotations

import binascii
import json
import logging
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from .. import tracing
from ..errors import CqrslessError, MalformedMessage, NotFound
from ..keys import split_id
from ..logs import handling
from ..messages import NOTHING, CommandResult, Message
from ..registry.records import CommandRecord, QueryRecord
from ..routing import Match
from ..schemas import list_fields
from ..surroundings import reading_after
from .application import Application, request_id
from .direct import answer_command
from .documents import is_text, parse, plain, shown, written
from .identity import Identity
from .problems import Response, bare_problem, problem

__all__ = ["AFTER", "COMMIT", "Request", "a_string", "an_object", "found_nothing", "headers_of", "respond"]

log: Final = logging.getLogger("cqrsless.sources")

#: A command's answer names its commit in one header; a query that gives it back in the other reads its own writes.
COMMIT: Final = "cqrsless-commit"
AFTER: Final = "cqrsless-after"
_VERSION: Final = re.compile(r'(?:W/)?"(\d{1,18})"|(\d{1,18})', re.ASCII)


class Request(NamedTuple):
    """An HTTP request, out of its source's form.

    `path` is percent-encoded and has no stage or base path; `prefix` is what it lacks. The names of `headers` are
    in lower case. `query` has the decoded values of each parameter.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, Any]
    body: Any
    encoded: Any
    identity: Identity
    prefix: str = ""


def respond(event: Mapping[str, Any], context: Any, app: Application, read: Callable[[Any], Request]) -> Response:
    """Answer a request, whatever it is: a caller gets no exception and no traceback."""
    instance = request_id(context)
    request: Request | None = None
    message: Message | None = None
    try:
        request = read(event)
        model = app.model
        match = model.routes.match(request.method, request.path)
        record = (model.commands if match.kind == "command" else model.queries)[match.name]
        message = _message(request, match, record, instance, app)
        return _answer(_dispatch(message, request, app), record, request, app)
    except CqrslessError as error:
        _log(request, message, error, error.status)
        return problem(error, instance)
    except Exception as error:
        _log(request, message, error, 500)
        return bare_problem(instance)


def _dispatch(message: Message, request: Request, app: Application) -> Any:
    """Dispatch the message; a query that names the commit of an answer before waits until its views hold that."""
    after = request.headers.get(AFTER)
    if after is None or message.kind != "query":
        return app.dispatch(message)
    from ..projections.freshness import Reference

    with reading_after(Reference.read(after)):
        return app.dispatch_after(message)


def _message(
    request: Request, match: Match, record: CommandRecord | QueryRecord, request_id: str, app: Application
) -> Message:
    headers = request.headers
    message_id, expected = request_id, None
    if match.kind == "command":
        if "idempotency-key" in headers:
            message_id = _idempotency_key(headers["idempotency-key"])
        if "if-match" in headers:
            expected = _expected_version(headers["if-match"])
    correlation = headers.get("x-correlation-id")
    if not isinstance(correlation, str) or not 0 < len(correlation) <= 256 or not correlation.isprintable():
        correlation = message_id
    return Message(
        message_id,
        match.name,
        match.kind,
        _payload(request, match, record),
        app.now(),
        "http",
        request.identity.actor,
        request.identity.claims,
        correlation,
        metadata=tracing.received(headers) if tracing.on() else NOTHING,
        expected_version=expected,
    )


def _payload(request: Request, match: Match, record: CommandRecord | QueryRecord) -> dict[str, Any]:
    """Make the payload of path, query parameters and body; a name that two of them give has to agree."""
    payload = _body(request)
    if request.query:
        lists = list_fields(record.schema) if record.schema is not None else frozenset[str]()
        for name, values in request.query.items():
            value = values if len(values) != 1 or name in lists else values[0]
            _check_agreement(payload, name, value, "the query")
            payload.setdefault(name, value)
    for name, value in match.params.items():
        _check_agreement(payload, name, value, "the path")
        payload[name] = value
    return payload


def _check_agreement(payload: Mapping[str, Any], name: str, value: Any, where: str) -> None:
    if name in payload and _text(payload[name]) != _text(value):
        raise MalformedMessage(
            f"{where} gives {shown(value)} for {shown(name)}, and the rest of the request {shown(payload[name])}: "
            "leave one out"
        )


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return [_text(inner) for inner in value] if isinstance(value, list) else json.dumps(value)


def _body(request: Request) -> dict[str, Any]:
    body: Any = request.body
    if body is None or body == "":
        return {}
    if not isinstance(body, str):
        raise MalformedMessage(f"'body' of the request is {shown(body)}, and has to be a string")
    if request.encoded is True:
        try:
            body = b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedMessage(f"the body is not base64, as it is said to be: {error}") from None
    elif request.encoded not in (None, False):
        raise MalformedMessage(f"'isBase64Encoded' of the request is {shown(request.encoded)}, and has to be a boolean")
    return parse(body, "the body") if body else {}


def _idempotency_key(key: Any) -> str:
    if isinstance(key, str) and 0 < len(key) <= 256 and key.isascii() and key.isprintable():
        return key
    raise MalformedMessage(f"Idempotency-Key is {shown(key)}, and has to be 1 to 256 printable ASCII characters")


def _expected_version(value: Any) -> int | None:
    text = value.strip() if isinstance(value, str) else ""
    if text == "*":
        return None
    match = _VERSION.fullmatch(text)
    if match is None:
        raise MalformedMessage(f'If-Match is {shown(value)}, and has to be one version, as an ETag gives it: "3"')
    return int(match[1] or match[2])


def _answer(outcome: Any, record: CommandRecord | QueryRecord, request: Request, app: Application) -> Response:
    headers = {"content-type": "application/json"}
    if isinstance(record, QueryRecord):
        if outcome is None:
            raise NotFound(found_nothing(record.name))
        return Response(200, headers, written(plain(outcome)))
    result: CommandResult = outcome
    if result.version is not None:
        headers["etag"] = f'"{result.version}"'
        if app.model.projectors:
            from ..projections.freshness import Reference

            reference = Reference.to(result)
            if reference is not None:
                headers[COMMIT] = str(reference)
    status = 200
    if _created(result, record):
        status = 201
        location = _location(result, record, app)
        if location is not None:
            headers["location"] = request.prefix + location
    return Response(status, headers, written(answer_command(result)))


def found_nothing(query: str) -> str:
    """Say that a query's handler returned `None`: a client tells by this text that nothing went wrong."""
    return f"{query} found nothing"


def _created(result: CommandResult, record: CommandRecord) -> bool:
    """Say whether this command made the aggregate: it is at its first commit, and that commit is this command's."""
    if record.aggregate is None or record.creation == "never" or result.version != 1:
        return False
    return result.duplicate or bool(result.events) or result.cost.write_units > 0


def _location(result: CommandResult, record: CommandRecord, app: Application) -> str | None:
    if record.aggregate is None or result.aggregate_id is None:
        return None
    id_field = app.model.aggregates[record.aggregate].record.id_field
    return app.model.routes.location(id_field, split_id(result.aggregate_id, len(id_field)), record.route)


def _log(request: Request | None, message: Message | None, error: Exception, status: int) -> None:
    if message is not None:
        with handling(message):
            return _log_one(request, error, status)
    return _log_one(request, error, status)


def _log_one(request: Request | None, error: Exception, status: int) -> None:
    what = f"{shown(request.method)[1:-1]} {shown(request.path)[1:-1]}" if request else "a request"
    text = "%s answered %s: %s: %s"
    if status >= 500:
        log.error(text, what, status, type(error).__name__, error, exc_info=error)
    else:
        log.info(text, what, status, type(error).__name__, error)


def an_object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give an object inside an event, empty where it is missing."""
    value = parent.get(name)
    if value is None:
        return {}
    if type(value) is not dict and not isinstance(value, Mapping):
        raise MalformedMessage(f"'{name}' of the request is {shown(value)}, and has to be an object")
    return value


def a_string(parent: Mapping[str, Any], name: str) -> str:
    """Give a text inside an event."""
    value: Any = parent.get(name)
    if not value or not is_text(value):
        raise MalformedMessage(f"'{name}' of the request is {shown(value)}, and has to be a string")
    return value


def headers_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the headers by their names in lower case; of one with several values, the last."""
    several = an_object(event, "multiValueHeaders")
    if several:
        return {
            name.lower(): values[-1] if isinstance(values, list) and values else values
            for name, values in several.items()
        }
    return {name.lower(): value for name, value in an_object(event, "headers").items()}
