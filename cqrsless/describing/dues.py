"""Commands that wait for their time, on an embedded store: what is due when, and of whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..compiled import is_embedded
from ..errors import CqrslessError, ValidationFailed
from ..keys import read_id
from ..processors.scheduling import RETRY
from ..processors.stored_schedules import StoredScheduler

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Due", "dues"]


class Due(NamedTuple):
    """A command that waits, by its id. `target` is the aggregate that it is for, `attempt` the next one's number."""

    id: str
    name: str
    due: datetime
    target: str | None
    payload: Any
    attempt: int


def dues(app: App) -> Iterator[Due]:
    """Give what waits, the next one first; what is parked and waits to be retried, too, as its aggregate's retry."""
    if not is_embedded(app.store):
        raise CqrslessError(
            f"what is due on {app.store.url} waits in EventBridge Scheduler: aws scheduler list-schedules tells it"
        )
    scheduler = app.compiled.reactions.scheduling.scheduler
    assert isinstance(scheduler, StoredScheduler)
    for message in scheduler.waiting():
        if message.name == RETRY:
            payload = message.payload
            yield Due(
                message.id, f"retry of {payload['consumer']}", message.time, payload["key"], payload, message.attempt
            )
        else:
            target = _target(app, message.name, message.payload)
            yield Due(message.id, message.name, message.time, target, message.payload, message.attempt)


def _target(app: App, name: str, payload: Any) -> str | None:
    command = app.model.commands.get(name)
    if command is None or command.aggregate is None:
        return None
    try:
        id = read_id(command.aggregate, app.model.aggregates[command.aggregate].record.id_field, payload)
    except ValidationFailed:  # its schema makes the id of something else
        return command.aggregate
    return f"{command.aggregate} {id}"
