"""What is due: commands that wait for their time, and the clock that brings it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from ...aggregates.commits import moment
from ...errors import CqrslessError, MalformedMessage
from ...messages import Cost
from ...processors.scheduling import RETRY, message_of
from .asking import Ask, told

__all__ = ["advance", "cancel", "waiting"]

#: The furthest that a clock is moved at once: ten years.
FURTHEST: Final = 10 * 366 * 24 * 3600


def waiting(ask: Ask) -> dict[str, Any]:
    """Give the commands that wait, in the order in which they are due."""
    project = ask.project
    if not project.embedded:
        return {"due": [], "after": None, "now": project.app.now().isoformat(), "ahead": 0, "embedded": False}
    page = project.app.store.query("views", "s#", Cost(), after=ask.maybe("after"), limit=ask.limit())
    found: list[dict[str, Any]] = []
    for item in page.items:
        message = message_of(json.loads(item["wire"]), moment(item["due"]))
        payload = told(message.payload)
        found.append(
            {
                "id": item["id"],
                "due": moment(item["due"]).isoformat(),
                "command": "retry of what is parked" if message.name == RETRY else message.name,
                "retry": message.name == RETRY,
                "payload": payload,
                "tries": item.get("tries", 0),
                "correlation": message.correlation_id,
            }
        )
    return {
        "due": found,
        "after": page.items[-1]["sk"] if page.more and page.items else None,
        "now": project.app.now().isoformat(),
        "ahead": project.wall.ahead.total_seconds(),
        "embedded": True,
    }


def advance(ask: Ask) -> dict[str, Any]:
    """Move the clock on, and run on the way what is due then."""
    seconds = ask.number("seconds")
    if seconds is None or seconds > FURTHEST:
        raise MalformedMessage(f"'seconds' is a whole number from 0 to {FURTHEST}")
    if ask.project.deliveries is None:
        raise CqrslessError("the clock of DynamoDB's schedules is AWS's, and cannot be moved")
    return {"fired": ask.project.deliveries.advance(timedelta(seconds=seconds))}


def cancel(ask: Ask) -> dict[str, Any]:
    """Cancel a command that waits. Its id stays cancelled."""
    ask.project.app.compiled.reactions.scheduling.cancel(ask.text("id"))
    ask.project.pulse.beat()
    return {}
