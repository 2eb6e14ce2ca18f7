"""Errors as HTTP answers them: RFC 9457, `application/problem+json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from ..errors import (
    ConcurrencyConflict,
    CqrslessError,
    MethodNotAllowed,
    NotCaughtUp,
    StoreUnavailable,
    Unauthenticated,
    ValidationFailed,
    default_message,
)
from .documents import plain

__all__ = ["TYPE", "Response", "bare_problem", "document", "problem"]

#: What stands before an error's class name in a problem's `type`.
TYPE: Final = "urn:cqrsless:error:"


class Response(NamedTuple):
    """What every HTTP source answers, before it has that source's form."""

    status: int
    headers: dict[str, str]
    body: str


def document(error: CqrslessError, instance: str) -> dict[str, Any]:
    """Give an error that is the caller's to know as a problem document.

    `type` has the error's class name, so users' own subclasses can be told apart; `errors` holds validation messages
    as marshmallow gave them.
    """
    written: dict[str, Any] = {
        "type": f"{TYPE}{type(error).__name__}",
        "title": default_message(type(error)),
        "status": error.status,
        "instance": instance,
    }
    if error.status < 500:  # what a store says of its trouble names tables and accounts: that is for the log
        written["detail"] = str(error)
    if isinstance(error, ValidationFailed):
        written["errors"] = _tolerant(error.messages)
    return written


def problem(error: CqrslessError, instance: str) -> Response:
    """Give the answer to an error that is the caller's to know."""
    if error.status == 500:
        return bare_problem(instance)
    headers = {"content-type": "application/problem+json"}
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.methods)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, (ConcurrencyConflict, NotCaughtUp, StoreUnavailable)):
        headers["retry-after"] = "1"
    return Response(error.status, headers, json.dumps(document(error, instance)))


def bare_problem(instance: str) -> Response:
    """Give the answer to a bug: that there is one, and the id to find it by in the log."""
    status: Final = HTTPStatus.INTERNAL_SERVER_ERROR
    bare = {"type": "about:blank", "title": status.phrase, "status": status.value, "instance": instance}
    return Response(status.value, {"content-type": "application/problem+json"}, json.dumps(bare))


def _tolerant(messages: Any) -> Any:
    """Give validation messages in JSON: marshmallow's have numbers as keys, and a user's may hold anything."""
    if isinstance(messages, Mapping):
        return {str(key): _tolerant(inner) for key, inner in messages.items()}
    if isinstance(messages, (list, tuple, set, frozenset)):
        return [_tolerant(inner) for inner in messages]
    try:
        return plain(messages)
    except CqrslessError:
        return str(messages)
