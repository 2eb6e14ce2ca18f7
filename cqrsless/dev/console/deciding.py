"""Sending a command and asking a query, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ...describing.handlers import decided_nothing
from ...errors import CqrslessError, ValidationFailed, default_message
from ...messages import Command, CommandResult
from ...registry import Model
from ..traces import trace_of
from .asking import Ask, told

__all__ = ["ask", "send"]


def send(request: Ask) -> dict[str, Any]:
    """Execute a command, as it would be from a direct invocation."""
    command = Command(
        request.text("name"),
        request.body.get("payload"),
        id=request.maybe("id"),
        expected_version=request.number("expected_version"),
    )
    app = request.project.app
    answer = _answered(lambda: _result(app.model, command.name, app.execute(command)))
    if request.project.deliveries is not None:
        request.project.deliveries.wake()
    return answer


def ask(request: Ask) -> dict[str, Any]:
    """Ask a query."""
    name = request.text("name")
    return _answered(lambda: {"value": told(request.project.app.ask(name, request.body.get("payload")))})


def _answered(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Give the outcome of a call: what it gave, a refusal with its messages, or a bug with its traceback."""
    began = time.perf_counter()
    try:
        answer: dict[str, Any] = {"ok": True, **call()}
    except CqrslessError as error:
        answer = {
            "ok": False,
            "error": type(error).__name__,
            "title": default_message(type(error)),
            "status": error.status,
            "detail": str(error),
            "messages": _messages(error.messages) if isinstance(error, ValidationFailed) else None,
        }
    except Exception as error:
        answer = {
            "ok": False,
            "error": type(error).__name__,
            "title": "The handler raised.",
            "status": 500,
            "detail": str(error),
            "messages": None,
            "trace": trace_of(error),
        }
    answer["ms"] = round((time.perf_counter() - began) * 1000, 2)
    return answer


def _result(model: Model, name: str, result: CommandResult) -> dict[str, Any]:
    return {
        "aggregate": result.aggregate,
        "id": result.aggregate_id,
        "version": result.version,
        "duplicate": result.duplicate,
        "nothing": decided_nothing(model, name, result),
        "value": told(result.value),
        "events": [
            {"name": event.name, "sequence": event.sequence, "payload": told(event.payload)} for event in result.events
        ],
        "cost": {
            "requests": result.cost.requests,
            "read": result.cost.read_units,
            "write": result.cost.write_units,
        },
    }


def _messages(messages: Any) -> Any:
    """Give validation messages as JSON: marshmallow's have numbers as keys."""
    if isinstance(messages, Mapping):
        return {str(key): _messages(inner) for key, inner in messages.items()}
    if isinstance(messages, (list, tuple)):
        return [_messages(inner) for inner in messages]
    return told(messages) if messages is None or isinstance(messages, (str, int, bool)) else str(messages)
