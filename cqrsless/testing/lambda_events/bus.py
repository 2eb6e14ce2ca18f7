"""Events from EventBridge and from EventBridge Scheduler, and CloudEvents for whatever carries them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from ...messages import Command, Event, Message, name_of
from ...processors.scheduling import due_time, event_of, wire_of
from ...sources.documents import plain
from .wire import ACCOUNT, REGION, direct, instant, now

__all__ = ["cloud_event", "eventbridge", "scheduler"]


def cloud_event(
    event: Event,
    *,
    source: str,
    id: str | None = None,
    time: datetime | None = None,
    subject: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
) -> dict[str, Any]:
    """Make a structured CloudEvent 1.0 of an event, for `eventbridge`, `sns` or `sqs` to carry.

    >>> cloud_event(Event("PaymentFailed", {"order_id": "o-1"}), source="payments", id="p-1")["type"]
    'PaymentFailed'
    """
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": id or str(uuid4()),
        "source": source,
        "type": event.name,
        "time": instant(now(time)),
        "datacontenttype": "application/json",
        "data": plain(event.payload),
    }
    extensions = {"subject": subject, "correlationid": correlation_id, "causationid": causation_id}
    return {**document, **{name: value for name, value in extensions.items() if value is not None}}


def eventbridge(
    what: Event | Command | Mapping[str, Any],
    *,
    source: str | None = None,
    id: str | None = None,
    time: datetime | None = None,
) -> dict[str, Any]:
    """Make what a rule of a bus sends to a function: an external event of a source, a CloudEvent, or a command.

    >>> eventbridge(Event("PaymentFailed", {"order_id": "o-1"}), source="payments")["detail-type"]
    'PaymentFailed'
    """
    detail: Any
    if isinstance(what, Event):
        if source is None:
            raise TypeError(f"the event {what.name} needs its source, as in eventbridge(event, source='payments')")
        name, detail = what.name, plain(what.payload)
    elif isinstance(what, Command):
        name, detail = what.name, direct(what)
    elif "specversion" in what:
        name, detail, source = str(what["type"]), dict(what), source or str(what["source"])
    else:
        raise TypeError(f"a bus carries an Event, a Command or a cloud_event(...), not {what!r}")
    return _event(name, source or "tests", detail, id, now(time))


def scheduler(
    command: Command, *, schedule: str = "nightly", id: str | None = None, time: datetime | None = None
) -> dict[str, Any]:
    """Make what EventBridge Scheduler sends when a schedule with a command as its detail is due.

    A command that has `due` becomes what the application itself would have scheduled for that time.
    """
    if command.due is not None:
        moment = now(time)
        due = due_time(command.due, moment, command.name)
        identity = command.id or uuid4().hex
        message = Message(
            identity,
            command.name,
            "command",
            command.payload,
            moment,
            correlation_id=str(command.metadata.get("correlation_id") or identity),
            metadata=dict(command.metadata),
            expected_version=command.expected_version,
            on_rejected=None if command.on_rejected is None else name_of(command.on_rejected),
        )
        found: dict[str, Any] = json.loads(event_of(wire_of(message), due))
        return found
    event = _event("Scheduled Event", "aws.scheduler", json.dumps(direct(command)), id, now(time))
    event["resources"] = [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{schedule}"]
    return event


def _event(name: str, source: str, detail: Any, id: str | None, time: datetime) -> dict[str, Any]:
    return {
        "version": "0",
        "id": id or str(uuid4()),
        "detail-type": name,
        "source": source,
        "account": ACCOUNT,
        "time": time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
