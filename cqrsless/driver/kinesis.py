"""A Kinesis stream that a table feeds ("Using Kinesis Data Streams to capture changes to DynamoDB").

Each record holds the table's change as JSON, and is named, ordered and given up by Kinesis's own sequence numbers. AWS
promises no order of an item's records, and no record only once: give the driver a `Mischief`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import md5
from typing import Any, Final

from .feeds import Feed, Reader, Shard
from .records import Record, created, sequence_of

#: What a record says of its table: the fields that the change of a DynamoDB stream has beside the change itself.
_KEPT: Final = ("awsRegion", "eventID", "eventName", "eventSource")


class KinesisFeed:
    """What a table's stream tells, as the Kinesis stream `stream` delivers it to Lambda.

    >>> from cqrsless.driver import StoreFeed
    >>> from cqrsless.messages import Cost
    >>> from cqrsless.stores import open_store
    >>> store = open_store("memory://")
    >>> store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    >>> feed = KinesisFeed(StoreFeed(store, "events", prefix="orders"), "changes")
    >>> [record["eventSource"] for record in feed.reader(feed.shards()[0].id, "TRIM_HORIZON").read(10)]
    ['aws:kinesis']
    """

    def __init__(self, feed: Feed, stream: str, *, retention: float | None = None) -> None:
        region, account, self._table = _parts(feed.arn)
        self.arn = f"arn:aws:kinesis:{region}:{account}:stream/{stream}"
        self.retention = retention
        self._region = region
        self._role = f"arn:aws:iam::{account}:role/lambda"
        self._feed = feed

    def shards(self) -> Sequence[Shard]:
        return self._feed.shards()

    def reader(self, shard: str, position: str) -> Reader:
        return _KinesisReader(self, shard, self._feed.reader(shard, position))

    def record(self, shard: str, record: Record) -> Record:
        """Give a table's record as Kinesis delivers it."""
        change = dict(record["dynamodb"])
        sequence = change.pop("SequenceNumber")
        change.pop("StreamViewType", None)
        change["ApproximateCreationDateTime"] = int(created(record) * 1000)
        body: dict[str, Any] = {
            **{name: record[name] for name in _KEPT},
            "userIdentity": record.get("userIdentity"),
            "recordFormat": "application/json",
            "tableName": self._table,
            "dynamodb": change,
        }
        keys = json.dumps(change["Keys"], sort_keys=True)
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": md5(keys.encode(), usedforsecurity=False).hexdigest().upper(),
                "sequenceNumber": sequence,
                "data": b64encode(json.dumps(body, separators=(",", ":")).encode()).decode(),
                "approximateArrivalTimestamp": created(record),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role,
            "awsRegion": self._region,
            "eventSourceARN": self.arn,
        }


class _KinesisReader:
    def __init__(self, feed: KinesisFeed, shard: str, reader: Reader) -> None:
        self._feed = feed
        self._shard = shard
        self._reader = reader
        self.position = reader.position
        self.ended = reader.ended

    def read(self, limit: int) -> list[Record]:
        found = [self._feed.record(self._shard, record) for record in self._reader.read(limit)]
        if found:
            self.position = sequence_of(found[-1])
        self.ended = self._reader.ended
        return found


def _parts(arn: str) -> tuple[str, str, str]:
    """Take region, account and table out of the ARN of a table's stream."""
    _, _, _, region, account, resource = arn.split(":", 5)
    return region, account, resource.split("/")[1]
