"""An embedded store's change feed, as a DynamoDB stream."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from cqrsless.driver import StoreFeed
from cqrsless.driver.positions import LATEST, TRIM_HORIZON
from cqrsless.messages import Cost
from cqrsless.store import Store
from cqrsless.stores import open_store
from tests.driver.bench import NOON, Bench, Clock, sequence


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db")
    yield store
    store.close()


def read(feed: StoreFeed, shard: str, position: str = TRIM_HORIZON) -> list[dict[str, Any]]:
    return feed.reader(shard, position).read(1_000)


def test_a_record_has_the_shape_that_lambda_delivers(store: Store) -> None:
    item = {"pk": "Order#o-1", "c": 1, "time": 1_795_435_200_999_999, "body": b"\x00\xff", "names": {"Placed": True}}
    store.put("events", item, Cost())
    feed = StoreFeed(store, "events", prefix="orders", region="eu-west-1")
    (record,) = read(feed, feed.shards()[0].id)
    assert record == {
        "eventID": record["eventID"],
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_435_200.0,
            "Keys": {"pk": {"S": "Order#o-1"}, "c": {"N": "1"}},
            "NewImage": {
                "pk": {"S": "Order#o-1"},
                "c": {"N": "1"},
                "time": {"N": "1795435200999999"},
                "body": {"B": base64.b64encode(b"\x00\xff").decode()},
                "names": {"M": {"Placed": {"BOOL": True}}},
            },
            "SequenceNumber": sequence(1),
            "SizeBytes": record["dynamodb"]["SizeBytes"],
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders-events/stream/1970-01-01T00:00:00.000",
    }
    assert len(record["eventID"]) == 32


def test_a_page_of_the_log_is_dated_by_the_clock(store: Store) -> None:
    store.put("log", {"pk": "1#0", "n": 1, "refs": "[]"}, Cost())
    feed = StoreFeed(store, "log", clock=Clock())
    (record,) = read(feed, feed.shards()[0].id)
    assert record["dynamodb"]["ApproximateCreationDateTime"] == NOON.timestamp()
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "1#0"}, "n": {"N": "1"}}
    assert ":table/local-log/stream/" in record["eventSourceARN"]


def test_a_reader_goes_on_behind_a_sequence_number(store: Store) -> None:
    for number in range(1, 6):
        store.put("events", {"pk": "Order#o-1", "c": number}, Cost())
    feed = StoreFeed(store, "events")
    shard = feed.shards()[0].id
    assert [record["dynamodb"]["SequenceNumber"] for record in read(feed, shard, sequence(3))] == [
        sequence(4),
        sequence(5),
    ]
    reader = feed.reader(shard, LATEST)
    assert reader.read(10) == []
    store.put("events", {"pk": "Order#o-1", "c": 6}, Cost())
    assert len(reader.read(10)) == 1
    assert reader.position == sequence(6)


def test_shards_share_the_records_by_partition(store: Store) -> None:
    feed = StoreFeed(store, "events", shards=4)
    for at in range(40):
        store.put("events", {"pk": f"Order#{at % 10}", "c": at // 10 + 1}, Cost())
    found = {shard.id: read(feed, shard.id) for shard in feed.shards()}
    keys = [{record["dynamodb"]["Keys"]["pk"]["S"] for record in records} for records in found.values()]
    assert sum(map(len, keys)) == 10
    assert len(set().union(*keys)) == 10
    assert sum(map(len, found.values())) == 40


def test_by_item_one_aggregate_may_lie_on_two_shards(store: Store) -> None:
    feed = StoreFeed(store, "events", shards=2, spread="item")
    for number in range(1, 21):
        store.put("events", {"pk": "Order#o-1", "c": number}, Cost())
    first, second = (len(read(feed, shard.id)) for shard in feed.shards())
    assert first
    assert second
    assert first + second == 20


def test_a_split_shard_ends_and_its_children_take_what_comes_after(store: Store) -> None:
    feed = StoreFeed(store, "events")
    parent = feed.shards()[0].id
    for at in range(10):
        store.put("events", {"pk": f"Order#{at}", "c": 1}, Cost())
    children = feed.split(parent)
    for at in range(10):
        store.put("events", {"pk": f"Order#{at}", "c": 2}, Cost())
    reader = feed.reader(parent, TRIM_HORIZON)
    assert len(reader.read(100)) == 10
    assert reader.read(100) == []
    assert reader.ended
    found = [record for child in children for record in read(feed, child)]
    assert {record["dynamodb"]["Keys"]["c"]["N"] for record in found} == {"2"}
    assert len(found) == 10
    assert [(shard.id, shard.parent) for shard in feed.shards()] == [
        (parent, None),
        (children[0], parent),
        (children[1], parent),
    ]


def test_a_closed_shard_is_not_split_again(store: Store) -> None:
    feed = StoreFeed(store, "events")
    shard = feed.shards()[0].id
    feed.split(shard)
    with pytest.raises(ValueError, match="closed already"):
        feed.split(shard)


def test_an_item_written_again_is_in_the_stream_once_more(store: Store) -> None:
    feed = StoreFeed(store, "log")
    shard = feed.shards()[0].id
    reader = feed.reader(shard, TRIM_HORIZON)
    store.put("log", {"pk": "control", "n": 0, "rev": 1}, Cost())
    assert len(reader.read(10)) == 1
    store.put("log", {"pk": "control", "n": 0, "rev": 2}, Cost())
    (again,) = reader.read(10)
    assert again["dynamodb"]["NewImage"]["rev"] == {"N": "2"}


def test_a_shard_whose_last_item_was_written_again_ends_all_the_same(store: Store) -> None:
    """The feed tells of each item at its last write only, so a closed shard's last position may be empty by now."""
    feed = StoreFeed(store, "log")
    shard = feed.shards()[0].id
    store.put("log", {"pk": "control", "n": 0, "rev": 1}, Cost())
    feed.split(shard)
    store.put("log", {"pk": "control", "n": 0, "rev": 2}, Cost())
    reader = feed.reader(shard, TRIM_HORIZON)
    assert reader.read(10) == []
    assert reader.ended


def test_three_readers_of_one_stream_are_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for name in ("one", "two"):
        bench.map(lambda event, context: None, name=name)
    assert not caplog.messages
    bench.map(lambda event, context: None, name="three")
    assert "on AWS more than two on one stream are throttled" in caplog.text
