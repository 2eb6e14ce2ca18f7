"""What a mapping gives up on, and where it sends it: the invocation record of an on-failure destination.

"Each record sent to the destination is a JSON document containing metadata about the failed invocation. For Amazon S3
destinations, Lambda also sends the entire invocation record along with the metadata" ("Retain discarded records for a
DynamoDB event source in Lambda").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import md5
from typing import Any, Final, Protocol
from urllib.parse import quote_plus
from uuid import NAMESPACE_OID, uuid5

from .records import Record, created, is_kinesis, sequence_of

RETRIES_EXHAUSTED: Final = "RetryAttemptsExhausted"
#: AWS documents no name for this condition; nothing here hangs on it.
TOO_OLD: Final = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Records that a mapping discards, and why. `error` is the function's, where its last invocation failed."""

    mapping: str
    shard: str
    stream: str
    condition: str
    records: Sequence[Record]
    invocations: int
    error: bool
    request: str
    function: str
    time: datetime

    def metadata(self) -> dict[str, Any]:
        """Give the document that SQS and SNS destinations receive: sequence numbers, and no records."""
        first, last = self.records[0], self.records[-1]
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if self.error:
            response["functionError"] = "Unhandled"
        return {
            "requestContext": {
                "requestId": self.request,
                "functionArn": self.function,
                "condition": self.condition,
                "approximateInvokeCount": self.invocations,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": _instant(self.time),
            "KinesisBatchInfo" if is_kinesis(first) else "DDBStreamBatchInfo": {
                "shardId": self.shard,
                "startSequenceNumber": sequence_of(first),
                "endSequenceNumber": sequence_of(last),
                "approximateArrivalOfFirstRecord": _second(created(first)),
                "approximateArrivalOfLastRecord": _second(created(last)),
                "batchSize": len(self.records),
                "streamArn": self.stream,
            },
        }

    def with_records(self) -> dict[str, Any]:
        """Give the document that an S3 destination receives: the event is in it, as a text of JSON."""
        return {**self.metadata(), "payload": json.dumps({"Records": list(self.records)}, separators=(",", ":"))}


class Destination(Protocol):
    """Where a mapping sends what it gives up on."""

    def send(self, given_up: GivenUp) -> None: ...


class QueueDestination:
    """An SQS queue or SNS topic: keeps the metadata of what was given up, as bodies of messages."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, given_up: GivenUp) -> None:
        self.bodies.append(json.dumps(given_up.metadata()))


class ObjectDestination:
    """An S3 bucket: keeps an object for each batch that was given up, and can tell of it as S3 would."""

    def __init__(self, bucket: str = "given-up") -> None:
        self.bucket = bucket
        #: By key: aws/lambda/<mapping>/<shard>/<year>/<month>/<day>/<time>-<id>
        self.objects: dict[str, str] = {}

    def send(self, given_up: GivenUp) -> None:
        time = given_up.time
        unique = uuid5(NAMESPACE_OID, given_up.request + sequence_of(given_up.records[0]))
        key = f"aws/lambda/{given_up.mapping}/{given_up.shard}/{time:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{unique}"
        self.objects[key] = json.dumps(given_up.with_records())

    def fetch(self, bucket: str, key: str) -> bytes:
        """Give an object, as a client of S3 does."""
        if bucket != self.bucket:
            raise KeyError(f"there is no bucket {bucket!r} here")
        return self.objects[key].encode()

    def notification(self, key: str) -> dict[str, Any]:
        """Give the event that S3 sends to a function when an object was made."""
        body = self.objects[key]
        written = json.loads(body)
        request = written["requestContext"]["requestId"]
        return {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "awsRegion": "local",
                    "eventTime": written["timestamp"],
                    "eventName": "ObjectCreated:Put",
                    "userIdentity": {"principalId": "AWS:lambda"},
                    "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                    "responseElements": {"x-amz-request-id": request, "x-amz-id-2": request},
                    "s3": {
                        "s3SchemaVersion": "1.0",
                        "configurationId": "given-up",
                        "bucket": {
                            "name": self.bucket,
                            "ownerIdentity": {"principalId": "local"},
                            "arn": f"arn:aws:s3:::{self.bucket}",
                        },
                        "object": {
                            "key": quote_plus(key, safe="/"),
                            "size": len(body.encode()),
                            "eTag": md5(body.encode(), usedforsecurity=False).hexdigest(),
                            "sequencer": f"{len(self.objects):016X}",
                        },
                    },
                }
            ]
        }


def _instant(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _second(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
