"""A direct invocation, by a client or by Step Functions: the message is the event itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from ..errors import CqrslessError, MalformedMessage
from ..logs import handling
from ..messages import CommandResult
from . import forms
from .application import Application, request_id
from .documents import check, plain

__all__ = ["answer_command", "handle"]

log: Final = logging.getLogger("cqrsless.sources")


def handle(event: Mapping[str, Any], context: Any, app: Application) -> Any:
    """Answer with the result, or raise the error; its class name is Lambda's `errorType`."""
    try:
        check(event, "the event")
        message = forms.direct(event, forms.Origin("direct", request_id(context), app.now()))
    except MalformedMessage as error:
        log.warning("the invocation is malformed: %s", error)
        raise
    with handling(message):
        try:
            outcome = app.dispatch(message)
            return answer_command(outcome) if message.kind == "command" else plain(outcome)
        except CqrslessError as error:
            if error.status >= 500:  # its traceback goes no further than this: a caller gets none
                log.error("%s failed: %s: %s", message.name, type(error).__name__, error, exc_info=error)
            else:
                log.info("%s refused: %s: %s", message.name, type(error).__name__, error)
            raise


def answer_command(result: CommandResult) -> dict[str, Any]:
    """Give what a command answers.

    >>> answer_command(CommandResult(aggregate_id="o-1", version=1, aggregate="Order"))
    {'aggregate_id': 'o-1', 'version': 1, 'events': [], 'duplicate': False}
    >>> answer_command(CommandResult(value={"sent": 3}))
    {'value': {'sent': 3}}
    """
    if result.aggregate_id is None:
        return {"value": plain(result.value)}
    return {
        "aggregate_id": result.aggregate_id,
        "version": result.version,
        "events": [{"name": event.name, "sequence": event.sequence} for event in result.events],
        "duplicate": result.duplicate,
    }
