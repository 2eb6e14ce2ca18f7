"""A direct invocation, by a client or by Step Functions: the message is the event itself.

With `"answer": "full"` a command is answered with all that `App.execute` gives, a query with `{"value": ...}`, and a
refusal with `{"problem": ...}` in place of an error, which says more than Lambda lets an error say. A query may have
`"after"`: the commit that its views are to hold, as `{"aggregate": "Order", "aggregate_id": "o-1", "version": 3}`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from ..errors import CqrslessError, MalformedMessage
from ..logs import handling
from ..messages import CommandResult, Message
from ..surroundings import reading_after
from . import forms
from .application import Application, request_id
from .documents import check, plain, shown

__all__ = ["answer_command", "answer_in_full", "handle"]

log: Final = logging.getLogger("cqrsless.sources")

#: What a direct message may have, and one from a queue may not.
_ALSO: Final = {"command": frozenset({"answer"}), "query": frozenset({"answer", "after"})}


def handle(event: Mapping[str, Any], context: Any, app: Application) -> Any:
    """Answer with the result, or raise the error; its class name is Lambda's `errorType`."""
    try:
        check(event, "the event")
        message = forms.direct(event, forms.Origin("direct", request_id(context), app.now()), also=_ALSO)
        full = _wants_all(event)
        after = _after(event)
    except MalformedMessage as error:
        log.warning("the invocation is malformed: %s", error)
        raise
    with handling(message):
        try:
            if message.kind == "query":
                found = plain(app.dispatch(message) if after is None else _dispatch_after(message, after, app))
                return {"value": found} if full else found
            result = app.dispatch(message)
            return answer_in_full(result) if full else answer_command(result)
        except CqrslessError as error:
            if error.status >= 500:  # its traceback goes no further than this: a caller gets none
                log.error("%s failed: %s: %s", message.name, type(error).__name__, error, exc_info=error)
                raise
            log.info("%s refused: %s: %s", message.name, type(error).__name__, error)
            if not full:
                raise
            from .problems import document

            return {"problem": document(error, request_id(context))}


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


def answer_in_full(result: CommandResult) -> dict[str, Any]:
    """Give a result field by field.

    >>> answer_in_full(CommandResult(value=3))["value"]
    3
    """
    whole: dict[str, Any] = plain(result)
    return whole


def _wants_all(event: Mapping[str, Any]) -> bool:
    wanted = event.get("answer")
    if wanted not in (None, "full"):
        raise MalformedMessage(f"'answer' is {shown(wanted)}: write \"full\", or leave it out")
    return wanted == "full"


def _after(event: Mapping[str, Any]) -> Any:
    """Read the commit that a query is to be answered after."""
    given = event.get("after")
    if given is None:
        return None
    from ..projections.freshness import Reference

    if isinstance(given, Mapping) and given.keys() == {"aggregate", "aggregate_id", "version"}:
        reference = Reference.of(given["aggregate"], given["aggregate_id"], given["version"])
        if reference is not None:
            return reference
    raise MalformedMessage(
        f"'after' is {shown(given)}, and names a commit as "
        '{"aggregate": "Order", "aggregate_id": "o-1", "version": 3}'
    )


def _dispatch_after(message: Message, after: Any, app: Application) -> Any:
    with reading_after(after):
        return app.dispatch_after(message)
