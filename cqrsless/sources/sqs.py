"""SQS, standard and FIFO: a batch of messages, each failing for itself alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from ..delivery.batches import Delivery
from ..delivery.commit import check
from ..errors import MalformedMessage, NotFound
from ..messages import Cost
from ..settings import dead_letter_queues
from ..store import KEY_LIMIT
from . import forms
from .application import Application
from .documents import parse, shown
from .outcomes import deliver, log_failure

__all__ = ["handle"]

log: Final = logging.getLogger("cqrsless.sources")

#: What the body of a message begins with that refers to a commit.
_COMMIT: Final = '{"commit":'
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def handle(event: Mapping[str, Any], context: Any, app: Application) -> dict[str, Any]:
    """Handle each record, and answer with the ids of those that failed; SQS sends these again.

    In a FIFO queue a failure holds back the rest of its message group, so that its order stays, and no other group.
    """
    failed: list[str] = []
    nameless: MalformedMessage | None = None
    held: set[str] = set()
    commits = _commits(event["Records"])
    missing = _take(commits, app) if commits else frozenset[str]()
    for record in event["Records"]:
        message_id = record.get("messageId") if isinstance(record, Mapping) else None
        if (
            not isinstance(message_id, str)
            or not 0 < len(message_id) <= forms.LONGEST_ID
            or not message_id.isprintable()
        ):
            nameless = MalformedMessage(f"a record has the messageId {shown(message_id)}, and cannot be handled")
            log_failure("a record of the batch", nameless)
            continue
        if message_id in commits:
            if message_id in missing:
                failed.append(message_id)
            continue
        group = _group(record)
        if group is not None and group in held:
            log.info("SQS message %s is held back: another of its group %s failed", message_id, shown(group))
            failed.append(message_id)
        elif not _succeeds(record, message_id, app):
            failed.append(message_id)
            if group is not None:
                held.add(group)
    if nameless is not None:
        # Which record failed cannot be answered, and an answer without it would delete it: let the whole batch come
        # again. Those that were handled are known by their ids.
        raise nameless
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


class _Reference(NamedTuple):
    """A commit that a message refers to; `dead` says where the message comes from that nobody could handle."""

    key: str
    number: int
    dead: str | None


def _commits(records: Any) -> dict[str, _Reference]:
    """Find the records that refer to a commit, as a function that fans out sends them: its key and number."""
    found: dict[str, _Reference] = {}
    for record in records:
        if not isinstance(record, Mapping) or not isinstance(record.get("messageId"), str):
            continue
        body = record.get("body")
        if not isinstance(body, str) or not body.startswith(_COMMIT):
            continue
        try:
            reference = parse(body, "the message")["commit"]
            key, number = reference["key"], reference["number"]
        except (MalformedMessage, KeyError, TypeError):
            continue  # it is no reference: it is told what is wrong with it like any other message
        if isinstance(key, str) and 0 < len(key) <= KEY_LIMIT and type(number) is int and 0 < number < 2**63:
            found[record["messageId"]] = _Reference(key, number, _dead(record))
    return found


def _dead(record: Mapping[str, Any]) -> str | None:
    """Say of which queue a message ended in its dead-letter queue; `None` for one that comes from a queue at work.

    SQS notes the queue on a message that it moves; a queue that is named in `CQRSLESS_DEAD_LETTERS` needs no note.
    """
    attributes, arn = record.get("attributes"), record.get("eventSourceARN")
    source = attributes.get("DeadLetterQueueSourceArn") if isinstance(attributes, Mapping) else None
    if isinstance(source, str) and source:
        return source
    if isinstance(arn, str) and arn.rpartition(":")[2] in dead_letter_queues(os.environ):
        return arn
    return None


def _take(commits: Mapping[str, _Reference], app: Application) -> frozenset[str]:
    """Read commits from the table and offer them to this function's consumers, or park them; give what failed."""
    deliveries: list[Delivery] = []
    given_up: dict[str, list[Delivery]] = {}
    failed: set[str] = set()
    stuck: set[str] = set()
    for message_id, (key, number, dead) in commits.items():
        try:
            item = app.store.get("events", key, number, Cost())
            if item is None:
                raise NotFound(f"there is no commit {number} of {key}: is this queue another application's?")
            check(item)
        except Exception as error:
            log_failure(f"SQS message {message_id}", error)
            failed.add(message_id)
            stuck.add(key)
            continue
        if key in stuck:
            failed.add(message_id)
        elif dead is not None:
            given_up.setdefault(dead, []).append(Delivery(message_id, item))
        else:
            deliveries.append(Delivery(message_id, item))
    for queue, dead_ones in given_up.items():
        why = f"SQS gave up: the message of this commit is in the dead-letter queue of {queue.rpartition(':')[2]}"
        log.error("%s commits from %s were not handled: their aggregates are parked", len(dead_ones), queue)
        failed.update(app.park_given_up(dead_ones, why))
    return frozenset(failed) | frozenset(app.consume(deliveries) if deliveries else ())


def _succeeds(record: Mapping[str, Any], message_id: str, app: Application) -> bool:
    message = None
    try:
        message = forms.enclosed(_body(record), _origin(record, message_id, app), "the message")
        deliver(message, app)
    except Exception as error:
        log_failure(f"SQS message {message_id}", error, message)
        return False
    return True


def _body(record: Mapping[str, Any]) -> dict[str, Any]:
    body = record.get("body")
    if not isinstance(body, str):
        raise MalformedMessage(f"'body' of the record is {shown(body)}, and has to be a string")
    return parse(body, "the message")


def _origin(record: Mapping[str, Any], message_id: str, app: Application) -> forms.Origin:
    attributes = record.get("attributes")
    if attributes is None:
        attributes = {}
    if not isinstance(attributes, Mapping):
        raise MalformedMessage(f"'attributes' of the record is {shown(attributes)}, and has to be an object")
    sent, attempt = _number(attributes, "SentTimestamp"), _number(attributes, "ApproximateReceiveCount")
    return forms.Origin(
        "sqs", message_id, app.now(), None if sent is None else _EPOCH + timedelta(milliseconds=sent), attempt or 1
    )


def _number(attributes: Mapping[str, Any], name: str) -> int | None:
    value = attributes.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 14:
        return int(value)
    raise MalformedMessage(f"'{name}' of the record is {shown(value)}, and has to be a whole number in a string")


def _group(record: Mapping[str, Any]) -> str | None:
    """Give the message group in a FIFO queue. A standard queue may have groups too, which promise no order."""
    arn, attributes = record.get("eventSourceARN"), record.get("attributes")
    if isinstance(arn, str) and not arn.endswith(".fifo"):
        return None
    group = attributes.get("MessageGroupId") if isinstance(attributes, Mapping) else None
    if isinstance(group, str):
        return group
    return "" if isinstance(arn, str) else None  # of an unknown group in a FIFO queue: a group of its own kind
