"""What an application has recorded, as a table's stream brings it, a Kinesis stream, or an on-failure destination."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from ...app import App
from ...compiled import is_embedded
from ...driver.failures import RETRIES_EXHAUSTED, GivenUp, ObjectDestination
from ...driver.records import stream_record
from ...keys import aggregate_key
from ...messages import CommandResult, Cost
from ...store import Item, Store, Table
from .wire import ACCOUNT, REGION, now

__all__ = ["OnFailure", "dynamodb_stream", "kinesis", "s3_on_failure"]

_FIRST: Final = 14054000000000020632821
_FIRST_IN_KINESIS: Final = 49590338271490256608559692538361571095921575989136588898
_SHARD: Final = "shardId-00000001795435187184-864758bb"


def dynamodb_stream(
    source: App | Store, *results: CommandResult, table: Table = "events", time: datetime | None = None
) -> dict[str, Any]:
    """Make the stream records of what commands committed; on an embedded store without `results`, of all there is.

    `table="log"` gives the pages of the log.

    >>> from cqrsless.stores import open_store
    >>> store = open_store("memory://")
    >>> store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    >>> dynamodb_stream(store)["Records"][0]["dynamodb"]["Keys"]
    {'pk': {'S': 'Order#o-1'}, 'c': {'N': '1'}}
    """
    store = source.store if isinstance(source, App) else source
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{_table(store, table)}/stream/2026-01-01T00:00:00.000"
    seconds = float(int(now(time).timestamp()))
    return {
        "Records": [
            stream_record(table, item, str(_FIRST + at), arn, REGION, seconds)
            for at, item in enumerate(_items(store, results, table))
        ]
    }


def kinesis(
    source: App | Store, *results: CommandResult, table: Table = "events", time: datetime | None = None
) -> dict[str, Any]:
    """Make the same as `dynamodb_stream`, through a Kinesis stream that the table feeds."""
    store = source.store if isinstance(source, App) else source
    moment = now(time).timestamp()
    records: list[dict[str, Any]] = []
    for at, record in enumerate(dynamodb_stream(store, *results, table=table, time=time)["Records"]):
        change = record["dynamodb"]
        data = {
            "awsRegion": REGION,
            "eventID": str(uuid4()),
            "eventName": record["eventName"],
            "userIdentity": None,
            "recordFormat": "application/json",
            "tableName": _table(store, table),
            "dynamodb": {
                "ApproximateCreationDateTime": int(moment * 1000),
                "Keys": change["Keys"],
                "NewImage": change["NewImage"],
                "SizeBytes": change["SizeBytes"],
            },
            "eventSource": "aws:dynamodb",
        }
        sequence = str(_FIRST_IN_KINESIS + at)
        records.append(
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "A5B1C2D3",
                    "sequenceNumber": sequence,
                    "data": b64encode(json.dumps(data).encode()).decode(),
                    "approximateArrivalTimestamp": round(moment, 3),
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000006:{sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/orders-function",
                "awsRegion": REGION,
                "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{_table(store, table)}",
            }
        )
    return {"Records": records}


@dataclass(frozen=True, slots=True)
class OnFailure:
    """An object of a mapping's on-failure destination: the event with which S3 tells of it, and what is in it."""

    event: dict[str, Any]
    bucket: str
    key: str
    body: str

    def put(self, client: Any) -> dict[str, Any]:
        """Put the object into its bucket by a boto3 client of S3 (moto's, say), and give the event."""
        client.put_object(Bucket=self.bucket, Key=self.key, Body=self.body.encode())
        return self.event


def s3_on_failure(
    given_up: Mapping[str, Any],
    *,
    bucket: str = "given-up",
    condition: str = RETRIES_EXHAUSTED,
    time: datetime | None = None,
) -> OnFailure:
    """Make what is left of a batch that Lambda gave up on: `s3_on_failure(dynamodb_stream(app, result))`."""
    records = given_up["Records"]
    if not records or not all(record.get("eventSource") == "aws:dynamodb" for record in records):
        raise TypeError("Lambda gives up on records of a stream: s3_on_failure(dynamodb_stream(app, result))")
    destination = ObjectDestination(bucket)
    destination.send(
        GivenUp(
            mapping=str(uuid4()),
            shard=_SHARD,
            stream=records[0]["eventSourceARN"],
            condition=condition,
            records=records,
            invocations=6,
            error=True,
            request=str(uuid4()),
            function=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders",
            time=now(time),
        )
    )
    [(key, body)] = destination.objects.items()
    return OnFailure(destination.notification(key), bucket, key, body)


def _table(store: Store, table: Table) -> str:
    return f"{getattr(store, 'prefix', None) or 'cqrsless'}-{table}"


def _items(store: Store, results: tuple[CommandResult, ...], table: Table) -> list[Item]:
    if not results:
        if not is_embedded(store):
            raise TypeError(
                f"{store.url} has no change feed here: name the results, as in dynamodb_stream(app, result)"
            )
        return [change.item for change in store.changes(table, 0, 1_000_000) if change.item is not None]
    if table != "events":
        raise TypeError(f"results are of the table of events: leave out table={table!r}, or the results")
    items: list[Item] = []
    for result in results:
        item = None
        if result.aggregate is not None and result.aggregate_id is not None and result.version:
            key = aggregate_key(result.aggregate, result.aggregate_id)
            item = store.get("events", key, result.version, Cost())
        if item is None:
            raise ValueError(f"{result!r} has no commit in {store.url}")
        items.append(item)
    return items
