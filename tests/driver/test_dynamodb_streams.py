"""Streams read through the DynamoDB Streams API: of moto, of a server over HTTP, and of a client made for the case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cqrsless.driver import Driver, EventSourceMapping, MemoryCheckpoints, Shard, StreamsFeed
from cqrsless.driver.dynamodb_streams import latest_stream
from cqrsless.driver.positions import END, LATEST, TRIM_HORIZON
from cqrsless.errors import StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.sources.streams import Records
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb import DynamoDBStore
from tests.driver.bench import Clock

Stream = tuple[DynamoDBStore, StreamsFeed]


@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.server)])
def stream(request: pytest.FixtureRequest, table_prefix: str) -> Stream:
    """An events table and its stream."""
    import boto3

    if request.param == "moto":
        request.getfixturevalue("moto_aws")
        endpoint = None
    else:
        endpoint = request.getfixturevalue("ministack_endpoint")
    session = boto3.session.Session(region_name="eu-west-1")
    client = session.client("dynamodb", endpoint_url=endpoint)
    store = DynamoDBStore(table_prefix, client=client)
    store.create_tables()
    arn = latest_stream(client, f"{table_prefix}-events")
    return store, StreamsFeed(session.client("dynamodbstreams", endpoint_url=endpoint), arn)


def put(store: DynamoDBStore, *numbers: int, pk: str = "Order#o-1", **attributes: Any) -> None:
    for number in numbers:
        item = {"pk": pk, "c": number, "time": number, "seq": 1, "head": "{}", "events": b"\x00\xff", **attributes}
        item["names"] = {"Placed": "1"}
        store.put("events", item, Cost(), condition="absent")


def numbers(records: Sequence[dict[str, Any]]) -> list[int]:
    return [int(record["dynamodb"]["Keys"]["c"]["N"]) for record in records]


def test_a_record_arrives_as_lambda_would_deliver_it(stream: Stream) -> None:
    store, feed = stream
    put(store, 1)
    (record,) = feed.reader(feed.shards()[0].id, TRIM_HORIZON).read(10)
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"] == feed.arn
    assert record["eventName"] == "INSERT"
    change = record["dynamodb"]
    assert change["NewImage"]["events"] == {"B": "AP8="}
    assert change["StreamViewType"] == "NEW_IMAGE"
    assert type(change["ApproximateCreationDateTime"]) is float
    records = Records(store)
    records.read([record])
    (delivery,) = records.commits
    assert delivery.id == change["SequenceNumber"]
    assert delivery.item == store.get("events", "Order#o-1", 1, Cost())


def test_a_shard_is_read_page_by_page_and_from_a_place(stream: Stream) -> None:
    store, feed = stream
    shard = feed.shards()[0].id
    latest = feed.reader(shard, LATEST)
    assert latest.read(10) == []
    put(store, *range(1, 8))
    reader = feed.reader(shard, TRIM_HORIZON)
    first = reader.read(3)
    assert numbers(first) == [1, 2, 3]
    assert reader.position == first[-1]["dynamodb"]["SequenceNumber"]
    assert numbers(reader.read(100)) == [4, 5, 6, 7]
    assert reader.read(100) == []
    put(store, 8)
    assert numbers(reader.read(100)) == [8]
    assert numbers(feed.reader(shard, first[-1]["dynamodb"]["SequenceNumber"]).read(2)) == [4, 5]
    assert numbers(latest.read(100)) == list(range(1, 9))


def test_a_driver_delivers_a_table_and_goes_on_from_its_checkpoint(stream: Stream) -> None:
    store, feed = stream
    put(store, *range(1, 26))
    checkpoints = MemoryCheckpoints()
    seen: list[list[int]] = []

    def function(event: Any, context: Any) -> Any:
        found = numbers(event["Records"])
        failed = [record for record in event["Records"] if numbers([record]) == [7]] if len(seen) < 3 else []
        seen.append(found)
        return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in failed]}

    for _ in range(2):
        driver = Driver(checkpoints=checkpoints, backoff=lambda failures: 0.0)
        driver.map(EventSourceMapping("m", batch_size=10, report_failures=True), feed, function)
        driver.run()
        if len(seen) == 6:
            put(store, 26)
    ten, rest = list(range(1, 11)), [7, 8, 9, 10]
    assert seen == [ten, rest, rest, rest, list(range(11, 21)), list(range(21, 26)), [26]]


def test_a_removal_is_no_commit(stream: Stream) -> None:
    store, feed = stream
    put(store, 1)
    store.client.delete_item(TableName=f"{store.prefix}-events", Key={"pk": {"S": "Order#o-1"}, "c": {"N": "1"}})
    records = Records(store)
    records.read(feed.reader(feed.shards()[0].id, TRIM_HORIZON).read(10))
    assert len(records.names) == 2
    assert [delivery.item["c"] for delivery in records.commits] == [1]
    assert records.failed == []


def test_a_table_without_a_stream_is_told(stream: Stream) -> None:
    store, _ = stream
    with pytest.raises(StoreUnavailable, match="-views has no stream; enable one with the view type NEW_IMAGE"):
        latest_stream(store.client, f"{store.prefix}-views")


class Api:
    """The DynamoDB Streams API over lists of sequence numbers, with the troubles that only AWS makes."""

    def __init__(self, shards: dict[str, tuple[str | None, list[int], bool]], page: int = 100) -> None:
        #: By id: its parent, what is in it, whether it is closed.
        self.shards = shards
        self.page = page
        self.calls: list[str] = []
        self.errors: list[str] = []
        self.empty = 0
        self.trimmed_to = 0

    def describe_stream(self, StreamArn: str, ExclusiveStartShardId: str | None = None) -> Any:
        self.calls.append("DescribeStream")
        names = list(self.shards)
        start = names.index(ExclusiveStartShardId) + 1 if ExclusiveStartShardId else 0
        listed = [
            {"ShardId": name, **({"ParentShardId": parent} if (parent := self.shards[name][0]) else {})}
            for name in names[start : start + self.page]
        ]
        more = start + self.page < len(names)
        return {
            "StreamDescription": {"Shards": listed, **({"LastEvaluatedShardId": listed[-1]["ShardId"]} if more else {})}
        }

    def get_shard_iterator(
        self, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str | None = None
    ) -> Any:
        self.calls.append(f"GetShardIterator {ShardId} {ShardIteratorType} {SequenceNumber or ''}".strip())
        if SequenceNumber is not None and int(SequenceNumber) < self.trimmed_to:
            raise error("TrimmedDataAccessException", "GetShardIterator")
        after = int(SequenceNumber or 0)
        return {"ShardIterator": f"{ShardId} {after}"}

    def get_records(self, ShardIterator: str, Limit: int) -> Any:
        self.calls.append("GetRecords")
        if self.errors:
            raise error(self.errors.pop(), "GetRecords")
        shard, after = ShardIterator.split()
        _, names, closed = self.shards[shard]
        if self.empty:
            self.empty -= 1
            return {"Records": [], "NextShardIterator": ShardIterator}
        found = [name for name in names if name > int(after) and name >= self.trimmed_to][:Limit]
        last = found[-1] if found else int(after)
        ended = closed and not [name for name in names if name > last]
        records = [
            {
                "eventID": str(name),
                "eventName": "INSERT",
                "dynamodb": {
                    "SequenceNumber": str(name),
                    "Keys": {"pk": {"S": f"Order#{name}"}, "c": {"N": "1"}},
                    "NewImage": {"pk": {"S": f"Order#{name}"}, "c": {"N": "1"}},
                    "SizeBytes": 30,
                    "ApproximateCreationDateTime": datetime(2026, 11, 23, 12, tzinfo=timezone.utc),
                },
            }
            for name in found
        ]
        return {"Records": records, **({} if ended else {"NextShardIterator": f"{shard} {last}"})}


def error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def names_of(records: Sequence[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def test_all_pages_of_shards_are_listed() -> None:
    api = Api({f"s{at}": (f"s{at - 1}" if at else None, [], False) for at in range(7)}, page=3)
    assert StreamsFeed(api, "arn").shards() == [Shard(f"s{at}", f"s{at - 1}" if at else None) for at in range(7)]
    assert api.calls == ["DescribeStream"] * 3


def test_parents_are_read_before_their_children_however_they_are_listed() -> None:
    api = Api(
        {
            "grandchild": ("child-1", [70, 80], False),
            "child-2": ("parent", [40, 90], False),
            "child-1": ("parent", [50, 60], True),
            "parent": ("long gone", [10, 20, 30], True),
        }
    )
    order: list[str] = []

    def function(event: Any, context: Any) -> None:
        order.extend(names_of(event["Records"]))

    driver = Driver(clock=Clock(), seed=5)
    driver.map(EventSourceMapping("m", batch_size=2), StreamsFeed(api, "arn"), function)
    steps = driver.run()
    shards = [step.shard for step in steps]
    assert sorted(map(int, order)) == list(range(10, 100, 10))
    assert shards[:2] == ["parent", "parent"]
    assert shards.index("child-1") < shards.index("grandchild")


def test_a_closed_shard_is_noted_as_ended() -> None:
    api = Api({"parent": (None, [10], True), "child": ("parent", [20], False)})
    checkpoints = MemoryCheckpoints()
    driver = Driver(clock=Clock(), checkpoints=checkpoints)
    driver.map(EventSourceMapping("m"), StreamsFeed(api, "arn"), lambda event, context: None)
    driver.run()
    assert checkpoints.load("m", "parent") == END
    assert checkpoints.load("m", "child") == "20"
    api.calls.clear()
    again = Driver(clock=Clock(), checkpoints=checkpoints)
    again.map(EventSourceMapping("m"), StreamsFeed(api, "arn"), lambda event, context: None)
    assert again.run() == []
    assert [call for call in api.calls if call.startswith("GetShardIterator")] == [
        "GetShardIterator child AFTER_SEQUENCE_NUMBER 20"
    ]


def test_an_expired_iterator_is_renewed_from_the_same_place() -> None:
    api = Api({"s": (None, [10, 20, 30], False)})
    reader = StreamsFeed(api, "arn").reader("s", TRIM_HORIZON)
    assert names_of(reader.read(2)) == ["10", "20"]
    api.errors = ["ExpiredIteratorException"]
    assert names_of(reader.read(2)) == ["30"]
    assert api.calls[-2:] == ["GetShardIterator s AFTER_SEQUENCE_NUMBER 20", "GetRecords"]


def test_an_iterator_that_stays_expired_is_an_error() -> None:
    api = Api({"s": (None, [10], False)})
    api.errors = ["ExpiredIteratorException"] * 9
    with pytest.raises(StoreUnavailable, match="the shard s of arn gives iterators that have expired"):
        StreamsFeed(api, "arn").reader("s", TRIM_HORIZON).read(1)


def test_records_that_left_the_stream_are_told_of_and_reading_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    api = Api({"s": (None, [10, 20, 30], False)})
    api.trimmed_to = 25
    reader = StreamsFeed(api, "arn").reader("s", "10")
    assert names_of(reader.read(5)) == ["30"]
    assert "records of s behind 10 have left the stream before they were read" in caplog.text
    assert "Replay what this mapping feeds" in caplog.text


def test_other_errors_come_as_they_are() -> None:
    api = Api({"s": (None, [10], False)})
    api.errors = ["AccessDeniedException"]
    with pytest.raises(ClientError, match="AccessDenied"):
        StreamsFeed(api, "arn").reader("s", TRIM_HORIZON).read(1)


def test_an_empty_answer_is_not_the_end() -> None:
    """An open shard may give pages without records although more of them follow."""
    api = Api({"s": (None, [10], False)})
    api.empty = 2
    assert names_of(StreamsFeed(api, "arn").reader("s", TRIM_HORIZON).read(5)) == ["10"]


def test_records_held_for_a_day_expire() -> None:
    api = Api({"s": (None, [10], False)})
    clock = Clock()
    driver = Driver(clock=clock, sleep=clock.sleep, backoff=lambda failures: 3_600.0)

    def bug(event: Any, context: Any) -> None:
        raise RuntimeError("a bug")

    driver.map(EventSourceMapping("m"), StreamsFeed(api, "arn"), bug)
    steps = driver.run()
    assert steps[-1].given_up == ("10",)
    assert 24 <= clock.passed / 3_600 <= 25


def test_the_feed_of_a_store_reads_like_the_api(stream: Stream) -> None:
    """The same commits, written to an embedded store and to a table, are delivered as the same items."""
    from cqrsless.driver import StoreFeed

    store, feed = stream
    local = open_store("memory://")
    for number in range(1, 4):
        put(store, number, time=1_795_435_200_000_000 + number)
        item = store.get("events", "Order#o-1", number, Cost())
        assert item is not None
        local.put("events", item, Cost())
    there, here = Records(store), Records(local)
    there.read(feed.reader(feed.shards()[0].id, TRIM_HORIZON).read(10))
    embedded = StoreFeed(local, "events")
    here.read(embedded.reader(embedded.shards()[0].id, TRIM_HORIZON).read(10))
    assert [delivery.item for delivery in here.commits] == [delivery.item for delivery in there.commits]
