"""A table's stream, read through the DynamoDB Streams API: on AWS, and on whatever imitates it."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ..errors import StoreUnavailable
from ..stores.dynamodb_calls import error_code
from .feeds import Reader, Shard
from .positions import LATEST, TRIM_HORIZON
from .records import Record

log: Final = logging.getLogger("cqrsless.driver")

#: "GetRecords can retrieve a maximum of 1 MB of data or 1000 stream records."
_MOST: Final = 1_000
#: "All data in DynamoDB Streams is subject to a 24-hour lifetime."
RETENTION: Final = 24 * 60 * 60.0
#: An open shard may answer with nothing although more follows, so nothing is believed only after so many answers.
_EMPTY_ANSWERS: Final = 3


class StreamsFeed:
    """A DynamoDB stream, read by a client of `dynamodbstreams`.

    `StreamsFeed(client, latest_stream(dynamodb, "orders-events"))`. One feed may be read by several mappings.
    """

    def __init__(self, client: Any, arn: str, *, retention: float | None = RETENTION) -> None:
        self.arn = arn
        self.retention = retention
        self._client = client

    def shards(self) -> Sequence[Shard]:
        """List all shards; the API gives them page by page, in no order that it promises."""
        found: list[Shard] = []
        page: dict[str, str] = {}
        while True:
            answer = self._client.describe_stream(StreamArn=self.arn, **page)["StreamDescription"]
            found += [Shard(shard["ShardId"], shard.get("ParentShardId")) for shard in answer["Shards"]]
            last = answer.get("LastEvaluatedShardId")
            if not last:
                return found
            page = {"ExclusiveStartShardId": last}

    def reader(self, shard: str, position: str) -> Reader:
        return _StreamReader(self._client, self.arn, shard, position)


class _StreamReader:
    def __init__(self, client: Any, arn: str, shard: str, position: str) -> None:
        self.position = position
        self.ended = False
        self._client = client
        self._arn = arn
        self._shard = shard
        self._iterator: str | None = None

    def read(self, limit: int) -> list[Record]:
        for _ in range(_EMPTY_ANSWERS):
            if self.ended:
                break
            answer = self._answer(min(limit, _MOST))
            self._iterator = answer.get("NextShardIterator")
            self.ended = self._iterator is None
            found = [_as_delivered(record, self._arn) for record in answer["Records"]]
            if found:
                self.position = found[-1]["dynamodb"]["SequenceNumber"]
                return found
        return []

    def _answer(self, limit: int) -> Mapping[str, Any]:
        """Get records; where the iterator has expired (after 15 minutes), by a new one from the same place."""
        for _ in range(2):
            if self._iterator is None:
                self._iterator = self._begin()
            try:
                answer: Mapping[str, Any] = self._client.get_records(ShardIterator=self._iterator, Limit=limit)
                return answer
            except Exception as error:
                code = error_code(error)
                if code not in ("ExpiredIteratorException", "TrimmedDataAccessException"):
                    raise
                self._iterator = None
                if code == "TrimmedDataAccessException":
                    self._lost()
        raise StoreUnavailable(f"the shard {self._shard} of {self._arn} gives iterators that have expired")

    def _begin(self) -> str:
        if self.position in (TRIM_HORIZON, LATEST):
            where = {"ShardIteratorType": self.position}
        else:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.position}
        try:
            answer = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=self._shard, **where)
        except Exception as error:
            if error_code(error) != "TrimmedDataAccessException":
                raise
            self._lost()
            answer = self._client.get_shard_iterator(
                StreamArn=self._arn, ShardId=self._shard, ShardIteratorType=TRIM_HORIZON
            )
        iterator: str = answer["ShardIterator"]
        return iterator

    def _lost(self) -> None:
        log.error(
            "records of %s behind %s have left the stream before they were read: it keeps them for 24 hours. "
            "Replay what this mapping feeds",
            self._shard, self.position,
        )  # fmt: skip
        self.position = TRIM_HORIZON


def latest_stream(client: Any, table: str) -> str:
    """Give the ARN of a table's stream, by a client of `dynamodb`."""
    arn = client.describe_table(TableName=table)["Table"].get("LatestStreamArn")
    if not arn:
        raise StoreUnavailable(f"the table {table} has no stream; enable one with the view type NEW_IMAGE")
    return str(arn)


def _as_delivered(record: Mapping[str, Any], arn: str) -> Record:
    """Give a record of the API in the form in which Lambda delivers it: bytes as text, times as seconds."""
    change = dict(record["dynamodb"])
    time = change.get("ApproximateCreationDateTime")
    if isinstance(time, datetime):
        change["ApproximateCreationDateTime"] = float(int(time.timestamp()))
    for image in ("Keys", "NewImage", "OldImage"):
        if image in change:
            change[image] = _text(change[image])
    return {**record, "dynamodb": change, "eventSource": "aws:dynamodb", "eventSourceARN": arn}


def _text(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_text(inner) for inner in value]
    return value
