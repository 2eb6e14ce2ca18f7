"""Records of DynamoDB streams, and of Kinesis fed from DynamoDB: what is taken, let go, and failed."""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cqrsless.delivery.batches import Delivery
from cqrsless.errors import CqrslessError, MalformedMessage, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.sources import handle, recognise
from cqrsless.store import Item, Store
from cqrsless.stores import open_store

PAYLOADS = Path(__file__).parent.parent / "payloads"
FIRST, SECOND = "14054000000000020632821", "14054000000000020632822"
KINESIS = 49590338271490256608559692538361571095921575989136588898
HEAD = '{"id":"c-1","name":"CreateOrder","source":"direct","digest":"AYoWEI2QQFcuSNrZ"}'
COMMIT: Item = {"pk": "Order#o-1", "c": 1, "time": 1795435200000000, "seq": 0, "head": HEAD}
OTHER: Item = {**COMMIT, "pk": "Order#o-2"}


def recorded(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


class Consumer:
    """An application that notes what it is given, and says of some that they failed."""

    def __init__(self, store: Store | None = None, *, failed: Sequence[str] = ()) -> None:
        self.store = store if store is not None else open_store("memory://")
        self.failed = list(failed)
        self.commits: list[Delivery] = []
        self.pages: list[Delivery] = []
        self.parked: list[Delivery] = []
        self.why = ""
        self.model: Any = None

    def consume(self, deliveries: Sequence[Delivery]) -> list[str]:
        self.commits += deliveries
        return [delivery.id for delivery in deliveries if delivery.id in self.failed]

    def wake(self, pages: Sequence[Delivery]) -> list[str]:
        self.pages += pages
        return [page.id for page in pages if page.id in self.failed]

    def park_given_up(self, deliveries: Sequence[Delivery], why: str) -> list[str]:
        self.parked += deliveries
        self.why = why
        return [delivery.id for delivery in deliveries if delivery.id in self.failed]

    def dispatch(self, message: Any) -> Any:
        raise AssertionError(message)

    dispatch_after = receive_event = dispatch

    def now(self) -> datetime:
        raise AssertionError


def failures(*names: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


@pytest.mark.parametrize("name", ["dynamodb_stream", "kinesis", "streams/log", "streams/kinesis_shared"])
def test_a_stream_is_recognised(name: str) -> None:
    source = recognise(recorded(name))
    assert source is not None
    assert source.name == "stream"


def test_commits_are_given_to_the_consumers_in_their_order() -> None:
    app = Consumer()
    assert handle(recorded("dynamodb_stream"), None, app) == failures()
    assert app.commits == [Delivery(FIRST, COMMIT), Delivery(SECOND, OTHER)]
    assert app.pages == []


def test_failed_records_are_named_by_their_sequence_number() -> None:
    app = Consumer(failed=[SECOND])
    assert handle(recorded("dynamodb_stream"), None, app) == failures(SECOND)


def test_pages_of_the_log_wake_the_tracking_processors() -> None:
    app = Consumer()
    assert handle(recorded("streams/log"), None, app) == failures()
    assert app.pages == [Delivery(FIRST, {"pk": "1#0", "n": 7, "refs": '{"names":[],"refs":[]}'})]
    assert app.commits == []
    assert handle(recorded("streams/log"), None, Consumer(failed=[FIRST])) == failures(FIRST)


def test_what_a_ttl_removed_is_let_go() -> None:
    app = Consumer()
    assert handle(recorded("streams/removed_by_ttl"), None, app) == failures()
    assert [delivery.id for delivery in app.commits] == [SECOND]


def test_a_record_without_a_new_image_is_let_go() -> None:
    event = recorded("dynamodb_stream")
    del event["Records"][0]["dynamodb"]["NewImage"]
    app = Consumer()
    assert handle(event, None, app) == failures()
    assert [delivery.id for delivery in app.commits] == [SECOND]


def test_an_image_that_was_written_again_is_delivered() -> None:
    app = Consumer()
    assert handle(recorded("streams/modified"), None, app) == failures()
    assert app.commits == [Delivery(FIRST, COMMIT)]


def test_a_stream_of_keys_is_completed_from_the_table() -> None:
    store = open_store("memory://")
    store.put("events", OTHER, Cost())
    app = Consumer(store)
    assert handle(recorded("streams/keys_only"), None, app) == failures()
    assert app.commits == [Delivery(SECOND, OTHER)]  # the other item is gone by now


def test_records_of_another_table_are_let_go_and_told_of(caplog: pytest.LogCaptureFixture) -> None:
    app = Consumer()
    assert handle(recorded("streams/another_table"), None, app) == failures()
    assert app.commits == []
    assert "records of the table 'customers' are let go: this application's tables are ...-events" in caplog.text
    assert len(caplog.records) == 1


def test_tables_of_another_application_are_another_table(caplog: pytest.LogCaptureFixture) -> None:
    class Billing:
        prefix = "billing"

    app = Consumer(Billing())  # type: ignore[arg-type]  # a store that says which tables are its own
    assert handle(recorded("dynamodb_stream"), None, app) == failures()
    assert app.commits == []
    assert (
        "records of the table 'orders-events' are let go: this application's tables are billing-events" in caplog.text
    )


def test_the_tables_of_a_prefix_are_ones_own() -> None:
    class Orders:
        prefix = "orders"

    app = Consumer(Orders())  # type: ignore[arg-type]  # as above
    assert handle(recorded("dynamodb_stream"), None, app) == failures()
    assert len(app.commits) == 2


def test_without_a_name_the_keys_tell_the_table() -> None:
    both = recorded("dynamodb_stream")["Records"] + recorded("streams/log")["Records"]
    for record in both:
        del record["eventSourceARN"]
    app = Consumer()
    assert handle({"Records": both}, None, app) == failures()
    assert [delivery.id for delivery in app.commits] == [FIRST, SECOND]
    assert [page.item["n"] for page in app.pages] == [7]


def test_kinesis_records_are_named_by_kinesis_numbers() -> None:
    app = Consumer(failed=[str(KINESIS)])
    assert handle(recorded("kinesis"), None, app) == failures(str(KINESIS))
    assert app.commits == [Delivery(str(KINESIS), COMMIT)]


def test_a_shared_kinesis_stream_gives_what_is_the_applications_own() -> None:
    app = Consumer()
    assert handle(recorded("streams/kinesis_shared"), None, app) == failures()
    assert app.commits == [Delivery(str(KINESIS), COMMIT)]
    assert [page.id for page in app.pages] == [str(KINESIS + 1)]


def spoiled(**change: Any) -> Any:
    """Give a batch whose first record is spoiled."""
    event = recorded("dynamodb_stream")
    event["Records"][0]["dynamodb"].update(change)
    return event


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(spoiled(NewImage={"pk": {"S": "x"}, "c": {"N": "one"}}), id="a number that is none"),
        pytest.param(spoiled(NewImage={"pk": {"S": "x"}, "c": {"N": "1"}, "b": {"B": "%%"}}), id="no base64"),
        pytest.param(spoiled(NewImage={"pk": {"S": "x"}, "c": {"SS": ["1"]}}), id="a type that is never written"),
        pytest.param(spoiled(NewImage={"pk": {"S": "x"}}), id="no number"),
        pytest.param(spoiled(NewImage={"pk": {"N": "1"}, "c": {"N": "1"}}), id="a key of another type"),
        pytest.param(spoiled(NewImage=["pk"]), id="a list"),
        pytest.param(spoiled(NewImage="text"), id="a text"),
        pytest.param(spoiled(NewImage={"pk": {}}), id="an empty type"),
    ],
)
def test_a_record_that_cannot_be_decoded_fails_alone(event: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = Consumer()
    assert handle(event, None, app) == failures(FIRST)
    assert app.commits == [Delivery(SECOND, OTHER)]
    assert f"the stream record {FIRST} failed: MalformedMessage: it cannot be decoded" in caplog.text


@pytest.mark.parametrize("data", ["%%%", "", base64.b64encode(b"\xff").decode(), base64.b64encode(b"[1]").decode(), 7])
def test_kinesis_data_that_cannot_be_decoded_fails_alone(data: Any) -> None:
    event = recorded("streams/kinesis_shared")
    event["Records"][1]["kinesis"]["data"] = data
    app = Consumer()
    assert handle(event, None, app) == failures(str(KINESIS + 1))
    assert [delivery.id for delivery in app.commits] == [str(KINESIS)]


def test_failures_are_named_in_the_batchs_order() -> None:
    event = recorded("dynamodb_stream")
    event["Records"].append(copy.deepcopy(event["Records"][0]))
    event["Records"][2]["dynamodb"]["SequenceNumber"] = "14054000000000020632823"
    event["Records"][1]["dynamodb"]["NewImage"] = {}
    app = Consumer(failed=["14054000000000020632823", FIRST])
    assert handle(event, None, app) == failures(FIRST, SECOND, "14054000000000020632823")


@pytest.mark.parametrize("name", [None, "", 7])
def test_without_a_sequence_number_the_whole_batch_comes_again(name: Any) -> None:
    """An empty identifier in the answer would mean that too; the good records are handled all the same."""
    app = Consumer()
    with pytest.raises(MalformedMessage, match="a stream record has no sequence number to answer with"):
        handle(spoiled(SequenceNumber=name), None, app)
    assert app.commits == [Delivery(SECOND, OTHER)]


@pytest.mark.parametrize("record", [None, 7, "text", [], {}, {"dynamodb": None}, {"kinesis": []}])
def test_what_is_no_record_fails_the_batch_once_the_others_are_handled(record: Any) -> None:
    event = recorded("dynamodb_stream")
    event["Records"].insert(0, record)
    app = Consumer()
    with pytest.raises(MalformedMessage):
        handle(event, None, app)
    assert len(app.commits) == 2


def test_a_store_that_is_down_fails_the_records_that_needed_it(caplog: pytest.LogCaptureFixture) -> None:
    class Down:
        def get(self, *args: Any) -> None:
            raise StoreUnavailable("DynamoDB did not answer")

    app = Consumer(Down())  # type: ignore[arg-type]  # stands in for a store
    assert handle(recorded("streams/keys_only"), None, app) == failures(FIRST, SECOND)
    assert "StoreUnavailable: DynamoDB did not answer" in caplog.text


def test_a_removal_in_a_stream_of_keys_reads_nothing() -> None:
    class Down:
        def get(self, *args: Any) -> None:
            raise StoreUnavailable("DynamoDB did not answer")

    event = recorded("streams/keys_only")
    for record in event["Records"]:
        record["eventName"] = "REMOVE"
    assert handle(event, None, Consumer(Down())) == failures()  # type: ignore[arg-type]  # stands in for a store


def test_a_repeated_record_is_named_once() -> None:
    event = recorded("dynamodb_stream")
    event["Records"] = [event["Records"][0]] * 3
    app = Consumer(failed=[FIRST])
    assert handle(event, None, app) == failures(FIRST)
    assert len(app.commits) == 3


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.parametrize("name", ["dynamodb_stream", "streams/kinesis_shared"])
def test_a_record_spoiled_at_random_loses_no_other(name: str, seed: int) -> None:
    chance = random.Random(seed)
    event = recorded(name)
    good = len(event["Records"])
    record = copy.deepcopy(event["Records"][0])
    spoil(record, chance)
    event["Records"].insert(chance.randint(0, good), record)
    intact = Consumer()
    handle(recorded(name), None, intact)
    app = Consumer()
    try:
        answer = handle(event, None, app)
    except MalformedMessage as error:
        assert "sequence number" in str(error)
    else:
        assert all(failure["itemIdentifier"] for failure in answer["batchItemFailures"])
    assert all(delivery in app.commits for delivery in intact.commits)
    assert all(page in app.pages for page in intact.pages)


def spoil(document: Any, chance: random.Random) -> None:
    """Put something else somewhere into a document."""
    while True:
        key = chance.choice(list(document) if isinstance(document, dict) else range(len(document)))
        inner = document[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.7:
            document = inner
            continue
        if chance.random() < 0.3 and isinstance(document, dict):
            del document[key]
        else:
            document[key] = chance.choice([None, 7, -1.5, "", "x", "\ud800", [], {}, [1], {"S": 1}, True, "9" * 5000])
        return


# -- what Lambda gave up on


def given_up(name: str, app: Consumer) -> None:
    from cqrsless.sources.given_up import given_up

    given_up(recorded(f"streams/{name}"), app)


def test_what_lambda_gave_up_on_is_parked() -> None:
    app = Consumer()
    given_up("given_up_in_bucket", app)
    assert app.parked == [Delivery(FIRST, COMMIT), Delivery(SECOND, OTHER)]
    assert app.why == "Lambda gave up: RetryAttemptsExhausted, after about 6 invocations; function error: Unhandled"
    assert app.commits == []


def test_pages_that_were_given_up_wake_the_tracking_processors_again() -> None:
    from cqrsless.sources.given_up import given_up

    app = Consumer()
    given_up({"payload": recorded("streams/log")}, app)
    assert len(app.pages) == 1
    assert app.parked == []


def test_a_queue_holds_no_records_and_says_what_to_do() -> None:
    with pytest.raises(MalformedMessage, match="make the mapping's on-failure destination an S3 bucket"):
        given_up("given_up_in_queue", Consumer())


def test_what_cannot_be_parked_is_an_error_after_the_others() -> None:
    app = Consumer(failed=[FIRST])
    with pytest.raises(CqrslessError, match=f"{FIRST} could not be parked") as error:
        given_up("given_up_in_bucket", app)
    assert len(app.parked) == 2
    assert "until this object is handled again" in str(error.value)


def test_what_cannot_be_read_is_an_error_after_the_others() -> None:
    from cqrsless.sources.given_up import given_up

    app = Consumer()
    with pytest.raises(CqrslessError, match=f"{FIRST} could not be parked"):
        given_up({"payload": json.dumps(spoiled(NewImage={"pk": {"SS": []}}))}, app)
    assert app.parked == [Delivery(SECOND, OTHER)]


@pytest.mark.parametrize("payload", ["{", "[]", 7, {}, '{"Records": 1}'])
def test_a_payload_that_is_no_event_is_malformed(payload: Any) -> None:
    from cqrsless.sources.given_up import given_up

    with pytest.raises(MalformedMessage, match="the payload of the invocation record"):
        given_up({"payload": payload}, Consumer())


def test_objects_are_fetched_from_the_bucket_that_s3_tells_of(moto_aws: None) -> None:
    import boto3

    event = recorded("streams/bucket_notification")
    told = event["Records"][0]["s3"]
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket=told["bucket"]["name"], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    body = (PAYLOADS / "streams/given_up_in_bucket.json").read_bytes()
    client.put_object(Bucket=told["bucket"]["name"], Key=told["object"]["key"], Body=body)
    app = Consumer()
    assert handle(event, None, app) is None
    assert [delivery.id for delivery in app.parked] == [FIRST, SECOND]


def test_an_s3_event_without_an_object_is_malformed() -> None:
    with pytest.raises(MalformedMessage, match="a record of the S3 event names no object"):
        handle({"Records": [{"eventSource": "aws:s3", "s3": {}}]}, None, Consumer())


def test_a_drivers_bucket_is_read_as_s3s() -> None:
    """From a mapping that gives up, by way of its object and S3's event, to the aggregate that is parked."""
    from cqrsless.driver import ObjectDestination
    from cqrsless.sources.given_up import handle_with
    from tests.driver.bench import Bench, Function, error_on, sequence

    bench = Bench()
    bench.put(3)
    bucket = ObjectDestination()
    bench.map(Function(error_on(2)), retries=0, bisect=True, destination=bucket)
    bench.driver.run()
    app = Consumer(bench.store)
    for key in bucket.objects:
        handle_with(bucket.notification(key), app, bucket.fetch)
    assert [(delivery.id, delivery.item["pk"]) for delivery in app.parked] == [(sequence(2), "Order#2")]
