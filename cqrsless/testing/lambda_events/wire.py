"""Messages in the form in which they travel: JSON, with the direct form for commands and queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final, TypeAlias

from ...errors import SerializationFailed
from ...keys import aggregate_key
from ...messages import Command, CommandResult, Event, Query
from ...sources.documents import plain

__all__ = ["ACCOUNT", "REGION", "Sendable", "body_of", "direct", "instant", "now"]

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"
#: What a queue or a topic can hold: a command, a document, a text, or what another source's builder made.
Sendable: TypeAlias = "Command | CommandResult | Mapping[str, Any] | str"


def direct(message: Command | Query) -> dict[str, Any]:
    """Make a direct invocation of a command or a query.

    >>> direct(Command("ShipOrder", {"order_id": "o-1"}, id="c-1"))
    {'command': 'ShipOrder', 'payload': {'order_id': 'o-1'}, 'id': 'c-1'}
    """
    if isinstance(message, Query):
        return {"query": message.name, "payload": _plain(message.payload, message.name)}
    if not isinstance(message, Command):
        raise TypeError(f"a Command or a Query can be sent directly, not {message!r}")
    if message.due is not None or message.on_rejected is not None:
        field = "due" if message.due is not None else "on_rejected"
        raise TypeError(
            f"{message.name} has {field}=, which no message from outside may say: that is for event handlers and for "
            "app.execute"
        )
    document: dict[str, Any] = {"command": message.name, "payload": _plain(message.payload, message.name)}
    if message.id is not None:
        document["id"] = message.id
    if message.metadata:
        document["metadata"] = _plain(dict(message.metadata), message.name)
    if message.expected_version is not None:
        document["expected_version"] = message.expected_version
    return document


def body_of(message: object) -> str:
    """Give what a queue or topic holds of a message, as text."""
    if isinstance(message, str):
        return message
    if isinstance(message, Command):
        return json.dumps(direct(message))
    if isinstance(message, CommandResult):  # as a function that fans out sends it on
        key = aggregate_key(str(message.aggregate), str(message.aggregate_id))
        return json.dumps({"commit": {"key": key, "number": message.version}}, ensure_ascii=False)
    if isinstance(message, Mapping):
        return json.dumps(_plain(dict(message), "the message"))
    if isinstance(message, Event):
        raise TypeError(
            f"the event {message.name} needs a source: send eventbridge(event, source=...) or "
            "cloud_event(event, source=...)"
        )
    raise TypeError(f"a queue or topic holds a Command, a document or a text, not {message!r}")


def instant(time: datetime) -> str:
    """Write a time in UTC, to the millisecond.

    >>> instant(datetime(2026, 11, 23, 12, tzinfo=timezone.utc))
    '2026-11-23T12:00:00.000Z'
    """
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now(time: datetime | None) -> datetime:
    """Give a time, by default this moment; one without a zone is refused."""
    if time is not None and time.utcoffset() is None:
        raise ValueError(f"{time!r} has no time zone: write datetime(..., tzinfo=timezone.utc)")
    return time or datetime.now(timezone.utc)


def _plain(value: Any, what: str) -> Any:
    try:
        return plain(value)
    except SerializationFailed as error:
        raise TypeError(f"{what} cannot be sent as JSON: {error}") from error
