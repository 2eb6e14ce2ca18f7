"""The forms a message may have: the direct form, an event from EventBridge, a CloudEvent, an SNS notification."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final, Literal, NamedTuple

from .. import tracing
from ..errors import MalformedMessage
from ..messages import NOTHING, Message
from ..processors import scheduling
from .documents import is_text, parse, shown

__all__ = ["Origin", "direct", "enclosed", "is_direct", "moment"]

#: How long an id or a name may be. SQS, SNS and EventBridge give ids of some 40 characters.
LONGEST_ID: Final = 256
#: SQS may hold an SNS notification, which may hold an event, whose detail may be a CloudEvent.
MOST_WRAPPINGS: Final = 4

_COMMAND_FIELDS: Final = frozenset({"command", "payload", "id", "metadata", "expected_version"})
_QUERY_FIELDS: Final = frozenset({"query", "payload", "id", "metadata"})
#: Fields of the metadata that have a place of their own in a message.
_OWN: Final = frozenset({"correlation_id", "causation_id"})
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Origin(NamedTuple):
    """Where a message came from. `sent` is the source's own time, where that source may send the message again."""

    source: str
    id: str
    now: datetime
    sent: datetime | None = None
    attempt: int = 1


def is_direct(document: Mapping[str, Any]) -> bool:
    return "command" in document or "query" in document


def direct(document: Mapping[str, Any], origin: Origin, *, also: Mapping[str, frozenset[str]] = NOTHING) -> Message:
    """Read the direct form: `{"command": name, "payload": {}}` or `{"query": name, "payload": {}}`.

    Actor and claims stay empty, whatever the document says: they come from an API's authorizer. `also` names
    further fields for each kind of message, which whoever calls this reads.
    """
    kind: Literal["command", "query"] = "command" if "command" in document else "query"
    if kind == "command" and "query" in document:
        raise MalformedMessage("the message is both a 'command' and a 'query': send two messages")
    known = _COMMAND_FIELDS if kind == "command" else _QUERY_FIELDS
    unknown = document.keys() - known - also.get(kind, frozenset())
    if unknown:
        names = ", ".join(shown(name) for name in sorted(unknown)[:10])
        raise MalformedMessage(f"the {kind} has unknown fields: {names}; it may have: {', '.join(sorted(known))}")
    name = _text(document, kind)
    payload = document.get("payload", {})
    if not isinstance(payload, dict):
        raise MalformedMessage(f"'payload' of {kind} {shown(name)} is {shown(payload)}, and has to be a JSON object")
    metadata = NOTHING if document.get("metadata") is None else document["metadata"]
    if not isinstance(metadata, Mapping):
        raise MalformedMessage(f"'metadata' of {kind} {shown(name)} is {shown(metadata)}, and has to be a JSON object")
    expected = document.get("expected_version")
    if expected is not None and (type(expected) is not int or expected < 0):
        raise MalformedMessage(f"'expected_version' is {shown(expected)}, and has to be a whole number from 0")
    message_id = origin.id if document.get("id") is None else _text(document, "id")
    return Message(
        message_id,
        name,
        kind,
        payload,
        origin.sent or origin.now,
        origin.source,
        correlation_id=_optional(metadata, "correlation_id") or message_id,
        causation_id=_optional(metadata, "causation_id"),
        attempt=origin.attempt,
        metadata={name: value for name, value in metadata.items() if name not in _OWN} if metadata else NOTHING,
        expected_version=expected,
        sent=origin.sent,
    )


def enclosed(document: Mapping[str, Any], origin: Origin, what: str, *, depth: int = 0) -> Message:
    """Read what came through a queue, a topic or a bus, and take it out of what it is wrapped in.

    The innermost source gives the id, the time and the name of the source.
    """
    if depth > MOST_WRAPPINGS:
        raise MalformedMessage(f"{what} is wrapped more than {MOST_WRAPPINGS} times")
    if "detail-type" in document:
        return _from_bus(document, origin, depth)
    if is_direct(document):
        message = direct(document, origin)
        if message.kind == "query":
            raise MalformedMessage(f"{what} is the query {shown(message.name)}, and nobody here would read its answer")
        return message
    if document.get("Type") == "Notification" and "Message" in document:
        return notification(document, origin, depth)
    if "specversion" in document:
        return cloud_event(document, origin)
    raise MalformedMessage(
        f'{what} has none of the forms that are read: a command ({{"command": ..., "payload": {{...}}}}), an event '
        'with "detail-type", "source" and "detail", a CloudEvent with "specversion", or an SNS notification'
    )


def notification(document: Mapping[str, Any], origin: Origin, depth: int = 0) -> Message:
    """Read what an SNS notification holds."""
    text = document.get("Message")
    if not isinstance(text, str):
        raise MalformedMessage(f"'Message' of the SNS notification is {shown(text)}, and has to be a string of JSON")
    inner = origin._replace(
        source="sns", id=_text(document, "MessageId"), sent=moment(document.get("Timestamp"), "'Timestamp'")
    )
    return enclosed(parse(text, "the SNS message"), inner, "the SNS message", depth=depth + 1)


def _from_bus(document: Mapping[str, Any], origin: Origin, depth: int) -> Message:
    """Read an event of EventBridge's shape. What a queue or topic holds may leave out `id` and `time`."""
    name = _text(document, "detail-type")
    source = _text(document, "source")
    scheduled = source == "aws.scheduler"
    detail = document.get("detail", {})
    if scheduled and isinstance(detail, str):
        detail = parse(detail or "{}", "the schedule's detail")
    if not isinstance(detail, dict):
        raise MalformedMessage(f"'detail' of the event {shown(name)} is {shown(detail)}, and has to be a JSON object")
    if scheduled and name == scheduling.DETAIL_TYPE and origin.source == "eventbridge" and depth == 0:
        return _scheduled(detail, document, origin)
    inner = origin._replace(
        source="eventbridge",  # "scheduler" is for what the application itself has scheduled, which may say more
        id=origin.id if document.get("id") is None else _text(document, "id"),
        sent=moment(document.get("time"), "'time'") or origin.sent,
    )
    if is_direct(detail) and (scheduled or not source.startswith("aws.")):  # AWS's own events hold no commands of ours
        return enclosed(detail, inner, "the event's detail", depth=depth + 1)
    if "specversion" in detail:
        return cloud_event(detail, inner)
    return _external(name, source, detail, inner)


def _scheduled(detail: Mapping[str, Any], document: Mapping[str, Any], origin: Origin) -> Message:
    """Read a command that the application itself has scheduled.

    It may say more than others, such as which event a refusal becomes; so it is taken from EventBridge Scheduler
    alone, and not from a queue or a topic, where whoever may send could say it.
    """
    due = moment(document.get("time"), "'time'")
    try:
        return scheduling.message_of(detail, due or origin.now, origin.attempt)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessage(f"the scheduled command is not as this application writes them: {error!r}") from None


def cloud_event(document: Mapping[str, Any], origin: Origin) -> Message:
    """Read a structured CloudEvent 1.0; its extensions `correlationid` and `causationid` are taken over."""
    if document.get("specversion") != "1.0":
        raise MalformedMessage(f"the CloudEvent has 'specversion' {shown(document.get('specversion'))}; 1.0 is read")
    if "data_base64" in document:
        raise MalformedMessage("the CloudEvent holds 'data_base64': send its data as JSON, in 'data'")
    inner = origin._replace(id=_text(document, "id"), sent=moment(document.get("time"), "'time'") or origin.sent)
    data = document.get("data")
    message = _external(_text(document, "type"), _text(document, "source"), {} if data is None else data, inner)
    return message.replace(
        correlation_id=_optional(document, "correlationid") or message.id,
        causation_id=_optional(document, "causationid"),
        metadata=tracing.received(document) if tracing.on() else NOTHING,
    )


def _external(name: str, source: str, payload: Any, origin: Origin) -> Message:
    return Message(
        origin.id,
        name,
        "event",
        payload,
        origin.sent or origin.now,
        source,
        correlation_id=origin.id,
        attempt=origin.attempt,
        sent=origin.sent,
    )


def moment(text: Any, what: str) -> datetime | None:
    """Read an RFC 3339 time; none where there is none."""
    if text is None:
        return None
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    try:
        if match is not None:
            day, clock, fraction, zone = match.groups()
            offset = "+00:00" if zone in "Zz" else zone
            micros = (fraction or "")[:6].ljust(6, "0")
            return datetime.fromisoformat(f"{day}T{clock}.{micros}{offset}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise MalformedMessage(f"{what} is {shown(text)}, and has to be a time such as '2026-11-23T12:00:00Z'")


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if is_text(value) and 0 < len(value) <= LONGEST_ID:
        return value
    if value is None:
        raise MalformedMessage(f"'{name}' is missing")
    raise MalformedMessage(f"'{name}' is {shown(value)}, and has to be a string of 1 to {LONGEST_ID} characters")


def _optional(document: Mapping[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _text(document, name)
