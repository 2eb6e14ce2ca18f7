"""A Kinesis stream that a table feeds, from the store through the driver and the entrypoint to every consumer."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from cqrsless import Event, Registry
from cqrsless.app import App
from cqrsless.driver import Driver, EventSourceMapping, KinesisFeed, Mischief, ObjectDestination, StoreFeed
from cqrsless.driver.positions import TRIM_HORIZON
from cqrsless.messages import Cost
from cqrsless.sources import handle
from cqrsless.sources.given_up import given_up
from cqrsless.stores import open_store

RECORDED = json.loads((Path(__file__).parent.parent / "payloads" / "kinesis.json").read_text())["Records"][0]


class Shop:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.registry = made = Registry("shop")
        Order = made.aggregate("Order", id_field="id")
        made.processor("mailer", start="beginning", retries=1)
        made.processor("tracker", mode="tracking", start="beginning")

        @made.command_handler("Touch", aggregate=Order, creation="if_missing")
        def touch(command: Any, order: Any) -> Any:
            return {"n": (order or {"n": 0})["n"] + 1}, Event("Touched", {"b": b"bytes"})

        @made.event_handler("Touched", processor="mailer")
        def mail(event: Any, *, message: Any) -> None:
            assert event == {"b": b"bytes"}
            self.seen.append((message.aggregate_id, message.version))

        @made.projector("Touched", view=made.view("Rows", key="id", processor="tracker"))
        def rows(row: Any, event: Any) -> Any:
            return {"n": (row or {"n": 0})["n"] + 1}

        @made.query_handler("Read")
        def read(query: Any, *, views: Any) -> Any:
            return views.get("Rows", query["id"])


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def app(shop: Shop) -> App:
    made = App("memory://", registry=shop.registry)
    for number in range(12):
        made.execute("Touch", {"id": f"o-{number % 3}"})
    return made


def feed(app: App, table: Any = "events", **options: Any) -> KinesisFeed:
    return KinesisFeed(StoreFeed(app.store, table, prefix="orders", region="eu-west-1", **options), "changes")


def shape(value: Any) -> Any:
    """Give a value's structure: its fields, with the types of what they hold."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return type(value).__name__


def test_a_record_has_the_shape_of_a_recorded_one(app: App) -> None:
    stream = feed(app)
    record = stream.reader(stream.shards()[0].id, TRIM_HORIZON).read(1)[0]
    assert shape(record) == shape(RECORDED)
    told, recorded = (json.loads(b64decode(one["kinesis"]["data"])) for one in (record, RECORDED))
    for one in (told, recorded):
        one["dynamodb"].pop("NewImage")
    assert shape(told) == shape(recorded)
    assert told["tableName"] == "orders-events"
    assert record["eventSourceARN"] == "arn:aws:kinesis:eu-west-1:000000000000:stream/changes"


def test_commits_and_pages_reach_their_consumers_late_repeated_and_out_of_order(shop: Shop, app: App) -> None:
    driver = Driver(seed=3, sleep=lambda _: None, backoff=lambda _: 0, arrivals=Mischief(repeat=0.4, reorder=0.6))
    for table in ("events", "log"):
        mapping = EventSourceMapping(table, batch_size=4, retries=5, report_failures=True, parallel=3)
        driver.map(mapping, feed(app, table, shards=2), lambda event, context: handle(event, context, app))
        steps = driver.run()
        assert {step.outcome for step in steps} <= {"success", "held back"}
    assert sorted(shop.seen) == sorted((f"o-{n}", c) for n in range(3) for c in range(1, 5))
    assert [c for id_, c in shop.seen if id_ == "o-1"] == [1, 2, 3, 4]
    assert app.ask("Read", {"id": "o-2"}) == {"n": 4}


def test_what_is_given_up_parks_its_aggregate_from_the_bucket(shop: Shop, app: App) -> None:
    def function(event: Any, context: Any) -> Any:
        bodies = [b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]
        if any("Order#o-1" in body for body in bodies):
            raise MemoryError
        return handle(event, context, app)

    driver = Driver(sleep=lambda _: None, backoff=lambda _: 0)
    bucket = ObjectDestination()
    mapping = EventSourceMapping("mailer", retries=1, bisect=True, report_failures=True)
    driver.map(mapping, feed(app), function, destination=bucket)
    driver.run()
    assert {id_ for id_, _ in shop.seen} == {"o-0", "o-2"}
    for text in bucket.objects.values():
        document = json.loads(text)
        assert document["KinesisBatchInfo"]["streamArn"].startswith("arn:aws:kinesis:")
        given_up(document, app)
    (letter,) = app.letters.list("mailer")
    assert (letter.key, letter.commit, letter.seen) == ("Order#o-1", 1, 4)
    assert app.letters.retry("mailer") == []
    assert [c for id_, c in shop.seen if id_ == "o-1"] == [1, 2, 3, 4]


def test_it_goes_on_behind_a_checkpoint_and_over_a_split(app: App) -> None:
    source = StoreFeed(app.store, "events", prefix="orders")
    stream = KinesisFeed(source, "changes")
    (shard,) = stream.shards()
    reader = stream.reader(shard.id, TRIM_HORIZON)
    first = [record["kinesis"]["sequenceNumber"] for record in reader.read(5)]
    rest = [record["kinesis"]["sequenceNumber"] for record in stream.reader(shard.id, reader.position).read(100)]
    assert len(first) == 5 and len(rest) == 7 and first[-1] < rest[0]
    source.split(shard.id)
    assert [one.parent for one in stream.shards()] == [None, shard.id, shard.id]
    reader.read(100)
    reader.read(100)
    assert reader.ended


def test_filters_are_refused() -> None:
    store = open_store("memory://")
    store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    mapping = EventSourceMapping("x", filters=('{"dynamodb": {"NewImage": {"c": {"N": ["1"]}}}}',))
    with pytest.raises(ValueError, match="filters a Kinesis stream, which this driver does not act on"):
        Driver().map(mapping, KinesisFeed(StoreFeed(store, "events"), "changes"), lambda event, context: None)
