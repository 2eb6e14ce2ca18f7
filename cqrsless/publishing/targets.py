"""Where public events go: EventBridge buses, SNS topics and SQS queues, by name, ARN or URL.

| `to=` | means |
|---|---|
| `eventbridge://orders`, `eventbridge://arn:aws:events:...` | a bus |
| `sns://orders`, `sns://arn:aws:sns:...` | a topic; by name, one of the account that runs this |
| `sqs://orders`, `sqs://arn:aws:sqs:...`, `sqs://https://sqs...` | a queue |

An ARN, or a queue's URL at SQS, that a publisher names alone has had its scheme put in front where it was registered.

A topic or queue whose name ends in `.fifo` keeps the order of each aggregate's events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from ..clients import aws_client
from ..processors.identities import identity
from .cloudevents import Envelope
from .sending import Batches, NotPublished, Refusal, Sender, Service

__all__ = ["Targets", "target"]

Client = Callable[[str, "str | None"], Any]
#: What SQS and SNS take as a message group's id.
_GROUP: Final = re.compile(r"[!-~]{1,128}")
_QUEUE_REGION: Final = re.compile(r"https?://(?:sqs\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.")
#: What EventBridge says of an entry that it will never take.
_NEVER_TAKEN: Final = frozenset(
    {
        "InvalidArgument",
        "InvalidEventBusName",
        "MalformedDetail",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "ValidationException",
    }
)


class Targets:
    """Sends each public event to its own target; what goes to one target goes in batches."""

    def __init__(self, client: Client = aws_client, **options: Any) -> None:
        self._client = client
        self._options = options
        self._senders: dict[str, Sender] = {}

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        outcomes: list[Exception | None] = [None] * len(envelopes)
        for to in dict.fromkeys(envelope.to for envelope in envelopes):
            sender = self._senders.get(to)
            if sender is None:
                sender = self._senders[to] = Batches(target(to, self._client), **self._options)
            mine = [at for at, envelope in enumerate(envelopes) if envelope.to == to]
            for at, outcome in zip(mine, sender.send([envelopes[at] for at in mine]), strict=True):
                outcomes[at] = outcome
        return outcomes


def target(to: str, client: Client = aws_client) -> Service:
    """Give what a publisher's `to=` names."""
    scheme, _, name = to.partition("://")
    if scheme == "eventbridge":
        return Bus(to, name, client)
    return Topic(to, name, client) if scheme == "sns" else Queue(to, name, client)


class _Target:
    service: str

    def __init__(self, label: str, name: str, client: Client) -> None:
        self.label = label
        self.name = name
        self.ordered = name.endswith(".fifo")
        self._make = client

    def group(self, envelope: Envelope) -> str | None:
        if not self.ordered:
            return None
        subject = str(envelope.document["subject"])
        return subject if _GROUP.fullmatch(subject) else identity("group", subject)

    @cached_property
    def client(self) -> Any:
        return self._make(self.service, self._region())

    def _region(self) -> str | None:
        parts = self.name.split(":")
        return parts[3] or None if parts[0] == "arn" and len(parts) > 5 else None

    def _call(self, operation: str, client: Any = None, **params: Any) -> Mapping[str, Any]:
        """Call the service, which botocore tries again after a throttle or a lost connection."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Mapping[str, Any] = getattr(client or self.client, operation)(**params)
            return answer
        except (BotoCoreError, ClientError) as error:
            raise NotPublished(f"{self.label} failed with {type(error).__name__}: {error}") from error

    def _in_order(self, entry: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
        if self.ordered:
            entry["MessageGroupId"] = self.group(envelope)
            entry["MessageDeduplicationId"] = envelope.id
        return entry


class Bus(_Target):
    """An EventBridge bus: the CloudEvent is the detail, and its source and type are the event's."""

    service = "events"

    def group(self, envelope: Envelope) -> str | None:
        return None

    def entry(self, envelope: Envelope, at: int) -> Mapping[str, Any]:
        document = envelope.document
        return {
            "EventBusName": self.name,
            "Source": document["source"],
            "DetailType": document["type"],
            "Time": document["time"],
            "Detail": envelope.body,
        }

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Refusal]:
        answer = self._call("put_events", Entries=list(entries))
        if not answer.get("FailedEntryCount"):
            return {}
        return {
            at: Refusal(f"{one['ErrorCode']}: {one.get('ErrorMessage', '')}", one["ErrorCode"] not in _NEVER_TAKEN)
            for at, one in enumerate(answer["Entries"])
            if one.get("ErrorCode")
        }


class Topic(_Target):
    """An SNS topic: the CloudEvent is the message, and its type and source are attributes, for filters."""

    service = "sns"

    @cached_property
    def arn(self) -> str:
        if self.name.startswith("arn:"):
            return self.name
        # A topic's ARN is made of what the caller's own tells: no permission is needed to ask for that.
        caller = self._call("get_caller_identity", self._make("sts", None))["Arn"].split(":")
        return f"arn:{caller[1]}:sns:{self.client.meta.region_name}:{caller[4]}:{self.name}"

    def entry(self, envelope: Envelope, at: int) -> Mapping[str, Any]:
        entry = {"Id": str(at), "Message": envelope.body, "MessageAttributes": _attributes(envelope)}
        return self._in_order(entry, envelope)

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Refusal]:
        return _refusals(self._call("publish_batch", TopicArn=self.arn, PublishBatchRequestEntries=list(entries)))


class Queue(_Target):
    """An SQS queue: the CloudEvent is the body."""

    service = "sqs"

    @cached_property
    def url(self) -> str:
        if self.name.startswith(("http://", "https://")):
            return self.name
        parts = self.name.split(":")
        owner = {"QueueOwnerAWSAccountId": parts[4]} if parts[0] == "arn" else {}
        return str(self._call("get_queue_url", QueueName=parts[-1], **owner)["QueueUrl"])

    def _region(self) -> str | None:
        found = _QUEUE_REGION.match(self.name)
        return found[1] if found else super()._region()

    def entry(self, envelope: Envelope, at: int) -> Mapping[str, Any]:
        entry = {"Id": str(at), "MessageBody": envelope.body, "MessageAttributes": _attributes(envelope)}
        return self._in_order(entry, envelope)

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Refusal]:
        return _refusals(self._call("send_message_batch", QueueUrl=self.url, Entries=list(entries)))


def _attributes(envelope: Envelope) -> dict[str, Any]:
    document = envelope.document
    return {
        name: {"DataType": "String", "StringValue": value}
        for name, value in (
            ("content-type", "application/cloudevents+json"),
            ("source", document["source"]),
            ("type", document["type"]),
        )
    }


def _refusals(answer: Mapping[str, Any]) -> Mapping[int, Refusal]:
    return {
        int(one["Id"]): Refusal(f"{one['Code']}: {one.get('Message', '')}", not one["SenderFault"])
        for one in answer.get("Failed", ())
    }
