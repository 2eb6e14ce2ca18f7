"""Messages through SQS and SNS, also one inside the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import md5
from typing import Any, Final
from uuid import uuid4

from .wire import ACCOUNT, REGION, Sendable, body_of, instant, now

__all__ = ["sns", "sqs"]

#: What SNS signs with stays the same here: nothing of it is checked by whoever Lambda hands the record to.
_SIGNATURE: Final = "EXAMPLEpH+DcEwjAPg8O9mY8dReBSwksfg2S7WKQcikcNKWLQjwu6A4VbeS0QHVCkhRS7fUQvi2egU3N858fiTDN6bkkOxYD"
_FIRST_SEQUENCE: Final = 18849496575600000000


def sqs(
    *messages: Sendable,
    queue: str = "orders",
    group: str | Sequence[str] | None = None,
    id: str | None = None,
    attempt: int = 1,
    time: datetime | None = None,
) -> dict[str, Any]:
    """Make a batch from a queue: commands, documents, texts, or what `sns`, `eventbridge` or `cloud_event` made.

    A queue whose name ends with `.fifo` is one; `group` is the message group of all, or of each. A `CommandResult`
    becomes the reference to its commit that a function with `CQRSLESS_FANOUT` sends. `attempt` is how often the
    messages have been received, `id` the id of a single one.

    >>> from cqrsless import Command
    >>> batch = sqs(Command("A"), Command("B"), queue="orders.fifo", group=["o-1", "o-2"])
    >>> [record["attributes"]["MessageGroupId"] for record in batch["Records"]]
    ['o-1', 'o-2']
    """
    bodies = [body for message in messages for body in _bodies(message)]
    fifo = queue.endswith(".fifo")
    groups = [group or "group"] * len(bodies) if group is None or isinstance(group, str) else list(group)
    if len(groups) != len(bodies):
        raise ValueError(f"{len(groups)} groups for {len(bodies)} messages: give one for all, or one for each")
    if id is not None and len(bodies) != 1:
        raise ValueError(f"id= is for one message, and there are {len(bodies)}")
    if group is not None and not fifo:
        raise ValueError(f"the queue {queue!r} has message groups if its name ends with .fifo: queue='{queue}.fifo'")
    sent = int(now(time).timestamp() * 1000)
    records: list[dict[str, Any]] = []
    for at, body in enumerate(bodies):
        attributes = {
            "ApproximateReceiveCount": str(attempt),
            "SentTimestamp": str(sent + at),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(sent + at + 7),
        }
        if fifo:
            attributes |= {
                "SequenceNumber": str(_FIRST_SEQUENCE + at),
                "MessageGroupId": groups[at],
                "MessageDeduplicationId": uuid4().hex,
            }
        records.append(
            {
                "messageId": id or str(uuid4()),
                "receiptHandle": f"AQEB{uuid4().hex}",
                "body": body,
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": md5(body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
        )
    return {"Records": records}


def sns(
    message: Sendable, *, topic: str = "orders", id: str | None = None, time: datetime | None = None
) -> dict[str, Any]:
    """Make what a topic sends to a function: one message, as `sqs` takes them; `sqs(sns(...))` sends it to a queue."""
    moment = now(time)
    [body] = list(_bodies(message))
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}:{uuid4()}",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": id or str(uuid4()),
                    "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}",
                    "Subject": None,
                    "Message": body,
                    "Timestamp": instant(moment),
                    "SignatureVersion": "1",
                    "Signature": _SIGNATURE,
                    "SigningCertUrl": f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-0000.pem",
                    "UnsubscribeUrl": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe",
                    "MessageAttributes": {},
                },
            }
        ]
    }


def _bodies(message: Sendable) -> Iterator[str]:
    records = message.get("Records") if isinstance(message, Mapping) else None
    if not isinstance(records, list):
        yield body_of(message)
        return
    for record in records:
        if record.get("EventSource") != "aws:sns":
            raise TypeError("of batches, a queue holds what a topic sent to it alone: sqs(sns(...))")
        told = record["Sns"]
        document = {name: told[name] for name in ("Type", "MessageId", "TopicArn", "Message", "Timestamp")}
        document |= {name: told[name] for name in ("SignatureVersion", "Signature")}
        document |= {"SigningCertURL": told["SigningCertUrl"], "UnsubscribeURL": told["UnsubscribeUrl"]}
        yield json.dumps(document, indent=1)
