from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from cqrsless import AppLoadError, Cost
from cqrsless.app import App
from cqrsless.delivery.batches import Delivery
from cqrsless.reacting.fanout import FanOut, read_setting
from cqrsless.sources import handle

from .conftest import Clock, Shop


class FakeQueue:
    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.refuses: set[str] = set()
        self.dead = False

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Any]:
        assert len(entries) <= 10
        if self.dead:
            raise ConnectionError("no queue")
        refused = {int(e["Id"]): "refused" for e in entries if any(bad in e["MessageBody"] for bad in self.refuses)}
        self.bodies += [e for e in entries if int(e["Id"]) not in refused]
        return refused

    def event(self) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "messageId": f"m-{at}",
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:mailer.fifo",
                    "body": entry["MessageBody"],
                    "attributes": {"MessageGroupId": entry["MessageGroupId"], "ApproximateReceiveCount": "1"},
                }
                for at, entry in enumerate(self.bodies)
            ]
        }


def deliveries(app: App) -> list[Delivery]:
    return [
        Delivery(str(change.position), change.item) for change in app.store.changes("events", 0, 1000) if change.item
    ]


@pytest.fixture
def app(shop: Shop, clock: Clock) -> Iterator[App]:
    app = shop.app("memory://", clock)
    for id_ in ("a1", "b1"):
        app.execute("CreateOrder", {"order_id": id_})
    for _ in range(8):
        app.execute("Touch", {"order_id": "a1"})
        app.execute("Touch", {"order_id": "b1"})
    yield app


def test_each_processor_gets_the_commits_whose_events_it_handles(app: App) -> None:
    queues = {"mailer": FakeQueue(), "deadlines": FakeQueue()}
    fan = FanOut(queues, {"mailer": frozenset({"OrderTouched"}), "deadlines": frozenset({"OrderCreated"})})

    assert fan.consume(deliveries(app)) == []

    assert len(queues["mailer"].bodies) == 16
    assert [entry["MessageBody"] for entry in queues["deadlines"].bodies] == [
        '{"commit": {"key": "Order#a1", "number": 1}}',
        '{"commit": {"key": "Order#b1", "number": 1}}',
    ]
    assert len({entry["MessageGroupId"] for entry in queues["mailer"].bodies}) == 2
    assert len({entry["MessageDeduplicationId"] for entry in queues["mailer"].bodies}) == 16


def test_behind_a_refused_commit_nothing_more_of_its_aggregate_is_sent(app: App) -> None:
    queue = FakeQueue()
    queue.refuses.add('"Order#a1", "number": 3')
    fan = FanOut({"mailer": queue}, {"mailer": frozenset({"OrderTouched"})})

    failed = fan.consume(deliveries(app))

    of_a = [one for one in deliveries(app) if one.item["pk"] == "Order#a1" and one.item["c"] >= 3]
    assert set(failed) == {one.id for one in of_a}
    assert sum("Order#b1" in entry["MessageBody"] for entry in queue.bodies) == 8


def test_a_queue_that_does_not_answer_fails_the_records(app: App) -> None:
    queue = FakeQueue()
    queue.dead = True
    fan = FanOut({"mailer": queue}, {"mailer": frozenset({"OrderCreated"})})

    assert len(fan.consume(deliveries(app))) == 2


def test_a_function_that_is_fed_from_the_queue_reads_the_commits(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue()
    FanOut({"mailer": queue}, {"mailer": frozenset({"OrderTouched"})}).consume(deliveries(app))
    monkeypatch.setenv("CQRSLESS_PROCESSOR", "mailer")
    mailer = App(app.store, registry=shop.registry)

    assert handle(queue.event(), None, mailer) == {"batchItemFailures": []}
    assert handle(queue.event(), None, mailer) == {"batchItemFailures": []}

    assert sorted(shop.mailed) == sorted((id_, number) for id_ in ("a1", "b1") for number in range(2, 10))


def test_a_failing_aggregate_is_held_back_in_its_order(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    FanOut({"mailer": queue}, {"mailer": frozenset({"OrderTouched"})}).consume(deliveries(app))
    monkeypatch.setenv("CQRSLESS_PROCESSOR", "mailer")
    mailer = App(app.store, registry=shop.registry)
    shop.poisoned.add("a1")

    answer = handle(queue.event(), None, mailer)

    failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
    of_a = {f"m-{at}" for at, entry in enumerate(queue.bodies) if "Order#a1" in entry["MessageBody"]}
    assert failed == of_a
    assert [number for id_, number in shop.mailed if id_ == "b1"] == list(range(2, 10))


@pytest.mark.parametrize("how", ["noted", "named"])
def test_what_ended_in_the_dead_letter_queue_parks_its_aggregate(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    queue = FakeQueue()
    FanOut({"mailer": queue}, {"mailer": frozenset({"OrderTouched"})}).consume(deliveries(app))
    monkeypatch.setenv("CQRSLESS_PROCESSOR", "mailer")
    mailer = App(app.store, registry=shop.registry)
    event = queue.event()
    (dead,) = [one for one in event["Records"] if '"Order#a1", "number": 2}' in one["body"]]
    event["Records"].remove(dead)
    if how == "noted":
        dead["attributes"]["DeadLetterQueueSourceArn"] = dead["eventSourceARN"]
    else:
        monkeypatch.setenv("CQRSLESS_DEAD_LETTERS", "other.fifo,arn:aws:sqs:eu-west-1:123456789012:mailer-dead.fifo")
    dead["eventSourceARN"] = "arn:aws:sqs:eu-west-1:123456789012:mailer-dead.fifo"

    assert handle({"Records": [dead]}, None, mailer) == {"batchItemFailures": []}
    assert handle(event, None, mailer) == {"batchItemFailures": []}

    assert {id_ for id_, _ in shop.mailed} == {"b1"}
    (letter,) = mailer.letters.list("mailer")
    assert (letter.key, letter.commit, letter.seen) == ("Order#a1", 2, 9)
    name = "mailer.fifo" if how == "noted" else "mailer-dead.fifo"
    assert letter.why == f"SQS gave up: the message of this commit is in the dead-letter queue of {name}"
    assert mailer.letters.retry("mailer") == []
    assert [number for id_, number in shop.mailed if id_ == "a1"] == list(range(2, 10))


def test_a_dead_letter_that_was_handled_after_all_parks_nothing(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue()
    FanOut({"mailer": queue}, {"mailer": frozenset({"OrderTouched"})}).consume(deliveries(app))
    monkeypatch.setenv("CQRSLESS_PROCESSOR", "mailer")
    mailer = App(app.store, registry=shop.registry)
    handle(queue.event(), None, mailer)
    event = queue.event()
    for record in event["Records"]:
        record["attributes"]["DeadLetterQueueSourceArn"] = record["eventSourceARN"]
    assert handle(event, None, mailer) == {"batchItemFailures": []}
    assert mailer.letters.list("mailer") == []


def test_a_dead_letter_that_cannot_be_parked_comes_again(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    FanOut({"mailer": queue}, {"mailer": frozenset({"OrderTouched"})}).consume(deliveries(app)[:3])
    event = queue.event()
    for record in event["Records"]:
        record["attributes"]["DeadLetterQueueSourceArn"] = record["eventSourceARN"]
    monkeypatch.setattr(app.store, "write", _refuse)
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    assert handle(event, None, app) == {"batchItemFailures": failed}


def _refuse(*_: Any) -> None:
    raise ConnectionError("no table")


def test_a_reference_to_no_commit_is_a_failure(app: App) -> None:
    event = {
        "Records": [
            {"messageId": "m-1", "eventSource": "aws:sqs", "body": '{"commit": {"key": "Order#zz", "number": 1}}'},
            {"messageId": "m-2", "eventSource": "aws:sqs", "body": '{"commit": {"key": 7}}'},
        ]
    }

    assert handle(event, None, app) == {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]}


def test_the_setting_is_checked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AppLoadError, match="CQRSLESS_FANOUT has the part 'mailer'"):
        read_setting("views=v.fifo, mailer")
    monkeypatch.setenv("CQRSLESS_FANOUT", "mailr=mailer.fifo")
    with pytest.raises(AppLoadError, match=r"names 'mailr', .* did you mean 'mailer'"):
        shop.app("memory://")


def test_a_function_that_fans_out_reacts_to_nothing_itself(
    app: App, shop: Shop, moto_aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import botocore.session

    client = botocore.session.get_session().create_client("sqs", region_name="eu-west-1")
    url = client.create_queue(QueueName="mailer.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    monkeypatch.setenv("CQRSLESS_FANOUT", f"mailer={url}")
    fanning = App(app.store, registry=shop.registry)

    assert fanning.consume(deliveries(app)) == []

    assert shop.mailed == []
    received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert received
    assert app.store.get("views", "p#1#mailer#Order#a1", "-", Cost()) is None
