"""W4: batches of 100 and of 1,000 DynamoDB stream records; what one record takes, in µs of CPU, while 10 in 100 fail.

All handle one payload. The bound and Powertools find it in an item with that payload as attributes; cqrsless finds it
in a commit, which holds the event and what keeps commits in order. A second bound decodes the same commits and parses
their events. Logs are off, as Powertools' are.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

Run = Callable[[dict[str, Any]], dict[str, Any]]
PAYLOAD: Final = {
    "amount": 5, "memo": "hello", "tags": ["a", "b", 3], "meta": {"user": "ada", "ip": "10.0.0.1"},
}  # fmt: skip


class Boom(Exception):
    pass


def record(number: int, arn: str, keys: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventID": f"e{number}", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1", "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:1:table/{arn}/stream/2024",
        "dynamodb": {
            "ApproximateCreationDateTime": 1700000000, "SequenceNumber": str(10**20 + number), "SizeBytes": 300,
            "StreamViewType": "NEW_IMAGE", "Keys": keys, "NewImage": image,
        },
    }  # fmt: skip


def items(count: int) -> dict[str, Any]:
    """Give records of items as an application would lay them out itself."""
    records: list[dict[str, Any]] = []
    for number in range(count):
        keys = {"pk": {"S": f"account#{number}"}, "sk": {"N": str(number)}}
        data = {
            "amount": {"N": "5"}, "memo": {"S": "hello"}, "tags": {"L": [{"S": "a"}, {"S": "b"}, {"N": "3"}]},
            "meta": {"M": {"user": {"S": "ada"}, "ip": {"S": "10.0.0.1"}}},
        }  # fmt: skip
        image = {
            **keys, "type": {"S": "Deposited"}, "ts": {"S": "2024-01-01T00:00:00Z"}, "ok": {"BOOL": True},
            "ref": {"NULL": True}, "data": {"M": data},
        }  # fmt: skip
        records.append(record(number, "t", keys, image))
    return {"Records": records}


def commits(count: int) -> dict[str, Any]:
    """Give records of commits, as cqrsless writes them."""
    from cqrsless import App, Event, Registry
    from cqrsless.stores.dynamodb_items import encode_image

    registry = Registry("bank")
    account = registry.aggregate("Account", id_field="account_id")

    @registry.command_handler("Deposit", aggregate=account, creation="always")
    def deposit(command: Any, state: Any) -> Any:
        return {"balance": 5}, Event("Deposited", {**PAYLOAD, "number": command["number"]})

    app = App("memory://", registry=registry)
    for number in range(count):
        app.execute("Deposit", {"account_id": f"a{number}", "number": number})
    records = []
    for number, change in enumerate(app.store.changes("events", 0, count)):
        image = encode_image(change.item or {}, base64_text=True)
        records.append(record(number, "bank-events", {"pk": image["pk"], "c": image["c"]}, image))
    return {"Records": records}


def plain(typed: dict[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    if kind == "N":
        return Decimal(value)
    if kind == "M":
        return {name: plain(inner) for name, inner in value.items()}
    if kind == "L":
        return [plain(inner) for inner in value]
    return None if kind == "NULL" else value


def bare(handler: Callable[[dict[str, Any]], Any]) -> Run:
    def run(event: dict[str, Any]) -> dict[str, Any]:
        failures = []
        for one in event["Records"]:
            change = one["dynamodb"]
            try:
                handler({name: plain(value) for name, value in change["NewImage"].items()})
            except Boom:
                failures.append({"itemIdentifier": change["SequenceNumber"]})
        return {"batchItemFailures": failures}

    return run


def of_item(image: dict[str, Any]) -> Any:
    if int(image["sk"]) % 10 == 9:
        raise Boom
    return image["type"]


def of_event(event: dict[str, Any]) -> None:
    if event["number"] % 10 == 9:
        raise Boom


def of_commit(image: dict[str, Any]) -> None:
    for _, payload in json.loads(image["events"]):
        of_event(payload)


def cqrsless(*, ordered: bool) -> Run:
    """Run a processor; an ordered one writes down, for each aggregate, how far it is, which here is in memory."""
    from cqrsless import App, Registry
    from cqrsless.sources import handle

    logging.getLogger("cqrsless").setLevel(logging.CRITICAL + 1)
    registry = Registry("reacting")
    registry.processor("ledger", ordered=ordered, start="beginning", retries=1000)
    registry.event_handler("Deposited", processor="ledger")(of_event)

    def run(event: dict[str, Any]) -> dict[str, Any]:
        app = App("memory://", registry=registry) if ordered else kept
        app.compiled.reactions.indexer = None  # another function's work, where the store is DynamoDB
        answer: dict[str, Any] = handle(event, None, app)
        return answer

    kept = App("memory://", registry=registry)
    return run


def powertools() -> Run:
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

    processor = BatchProcessor(event_type=EventType.DynamoDBStreams)

    def handler(record: DynamoDBRecord) -> Any:
        return of_item(record.dynamodb.new_image)

    return lambda event: process_partial_response(
        event=event, record_handler=handler, processor=processor, context=None
    )


#: case -> (how it is made, the records it gets); the first is the bound.
CASES: Final[dict[str, tuple[Callable[[], Run], Callable[[int], dict[str, Any]]]]] = {
    "bare, an item": (lambda: bare(of_item), items),
    "bare, a commit": (lambda: bare(of_commit), commits),
    "cqrsless, unordered": (lambda: cqrsless(ordered=False), commits),
    "cqrsless, ordered (a write a record)": (lambda: cqrsless(ordered=True), commits),
    "Powertools, an item": (powertools, items),
}
PEERS: Final = ("Powertools, an item",)
SIZES: Final = (100, 1000)


def group_of(size: int) -> str:
    return f"a stream record of a batch of {size:,}, 10% failing"
