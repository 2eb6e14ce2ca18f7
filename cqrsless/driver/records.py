"""Stream records in the shape in which Lambda delivers them."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from ..store import KEYS, Item, Table, item_size
from ..stores.dynamodb_items import encode_image

Record: TypeAlias = dict[str, Any]

#: What a record takes beyond its attributes: its own field names, the names of types, punctuation.
_FRAME: Final = 1_000
#: How much longer a byte of an item gets in JSON at most (a control character becomes \u0000).
_WIDEST: Final = 6


def stream_record(table: Table, item: Item, sequence: str, arn: str, region: str, seconds: float) -> Record:
    """Make the record of an item that was put into a table whose stream has the view type NEW_IMAGE.

    >>> stream_record("events", {"pk": "Order#o-1", "c": 1}, "101", "arn:...", "local", 0.0)["dynamodb"]["Keys"]
    {'pk': {'S': 'Order#o-1'}, 'c': {'N': '1'}}
    """
    keys = {name: item[name] for name in KEYS[table]}
    return {
        "eventID": blake2b(f"{arn}{sequence}".encode(), digest_size=16).hexdigest(),
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": {
            "ApproximateCreationDateTime": seconds,
            "Keys": encode_image(keys),
            "NewImage": encode_image(item, base64_text=True),
            "SequenceNumber": sequence,
            "SizeBytes": item_size(keys) + item_size(item),
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": arn,
    }


def is_kinesis(record: Record) -> bool:
    return "kinesis" in record


def sequence_of(record: Record) -> str:
    sequence: str = record["kinesis"]["sequenceNumber"] if is_kinesis(record) else record["dynamodb"]["SequenceNumber"]
    return sequence


def created(record: Record) -> float:
    """Give when a record was written, in seconds since 1970, whole seconds as on AWS."""
    if is_kinesis(record):
        return float(record["kinesis"]["approximateArrivalTimestamp"])
    return float(record["dynamodb"].get("ApproximateCreationDateTime", 0))


def item_key(record: Record) -> str:
    """Give what parallel batches keep the order of: an item, all its keys; in Kinesis a partition key."""
    if is_kinesis(record):
        return str(record["kinesis"]["partitionKey"])
    return json.dumps(record["dynamodb"]["Keys"], sort_keys=True)


def payload_size(record: Record) -> int:
    return len(json.dumps(record, separators=(",", ":")).encode()) + 1


def longest_payload(record: Record) -> int:
    """Give a bound of a record's size in JSON, without making the JSON where the record tells its size."""
    if is_kinesis(record):
        return len(record["kinesis"]["data"]) + _FRAME
    told: int = record["dynamodb"].get("SizeBytes") or 0  # 0 where an imitation of DynamoDB does not count
    return told * _WIDEST + _FRAME if told else payload_size(record)
