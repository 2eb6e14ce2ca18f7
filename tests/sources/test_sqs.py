from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cqrsless import (
    AlreadyExists,
    CommitTooLarge,
    ConcurrencyConflict,
    DuplicateMismatch,
    MalformedMessage,
    NotFound,
    Rejected,
    StoreUnavailable,
    VersionMismatch,
)
from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, NOON, OutOfStock, Shop, recorded


def failures(answer: Any) -> list[str]:
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def ids_of(event: Any) -> list[str]:
    return [record["messageId"] for record in event["Records"]]


def ship(order_id: str, **more: Any) -> str:
    return json.dumps({"command": "ShipOrder", "payload": {"order_id": order_id}, **more})


def test_every_command_of_a_batch_is_executed() -> None:
    shop = Shop()
    assert handle(recorded("sqs"), CONTEXT, shop) == {"batchItemFailures": []}
    assert shop.versions("o-1", "o-2", "o-3") == [1, 1, 1]
    message = shop.messages[1]
    assert (message.id, message.source) == (ids_of(recorded("sqs"))[1], "sqs")
    assert message.sent == message.time == NOON + timedelta(milliseconds=1)
    assert message.correlation_id == message.id


def test_a_batch_that_comes_again_changes_nothing() -> None:
    shop = Shop()
    handle(recorded("sqs"), CONTEXT, shop)
    event = recorded("sqs")
    for record in event["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = "3"
    assert handle(event, CONTEXT, shop) == {"batchItemFailures": []}
    assert shop.versions("o-1", "o-2", "o-3") == [1, 1, 1]
    assert [message.attempt for message in shop.messages] == [1, 1, 1, 3, 3, 3]


def test_a_commands_own_id_comes_before_the_queues() -> None:
    shop = Shop()
    event = recorded("sqs")
    event["Records"] = event["Records"][:1]
    event["Records"][0]["body"] = ship("o-1", id="c-1", metadata={"correlation_id": "k"})
    handle(event, CONTEXT, shop)
    assert (shop.message.id, shop.message.correlation_id) == ("c-1", "k")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"a": NaN}',
        "[" * 100_000,
        '{"command": "ShipOrder", "payload": 7}',
        '{"command": "ShipOrder", "sudo": true}',
        '{"command": "Unknown", "payload": {}}',
        '{"query": "GetOrder", "payload": {"order_id": "o-1"}}',
        '{"command": "CreateOrder", "payload": {}}',
        ship("never-created"),
        '{"command": "Break", "payload": {}}',
        None,
        {"command": "ShipOrder"},
    ],
    ids=lambda body: ascii(body)[:40],
)
def test_a_bad_record_fails_alone_and_the_log_says_why(body: Any, caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop()
    event = recorded("sqs")
    event["Records"][1]["body"] = body
    bad = ids_of(event)[1]
    assert failures(handle(event, CONTEXT, shop)) == [bad]
    assert shop.versions("o-1", "o-2", "o-3") == [1, 0, 1]
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith(f"SQS message {bad} failed: ")


@pytest.mark.parametrize(
    "error",
    [
        NotFound(),
        DuplicateMismatch(),
        ConcurrencyConflict(),
        CommitTooLarge(),
        StoreUnavailable(),
        KeyError("bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_another_attempt_may_mend_or_a_person_must_see_is_a_failure(error: Exception) -> None:
    event = recorded("sqs")
    assert failures(handle(event, CONTEXT, Shop(raising=error))) == ids_of(event)


@pytest.mark.parametrize(
    "error",
    [Rejected("no"), OutOfStock(), AlreadyExists(), VersionMismatch()],
    ids=lambda error: type(error).__name__,
)
def test_the_domains_own_no_is_an_outcome(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert failures(handle(recorded("sqs"), CONTEXT, Shop(raising=error))) == []
    assert caplog.messages == [f"CreateOrder refused: {type(error).__name__}: {error}"] * 3
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    assert [getattr(record, "message_id", None) for record in caplog.records] == ids_of(recorded("sqs"))


def test_a_bug_has_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    handle(recorded("sqs"), CONTEXT, Shop(raising=KeyError("bug")))
    assert all(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_caught(stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        handle(recorded("sqs"), CONTEXT, Shop(raising=stop()))


def test_a_query_says_that_nobody_would_read_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    event = recorded("sqs")
    event["Records"][0]["body"] = '{"query": "GetOrder"}'
    handle(event, CONTEXT, Shop())
    assert "the message is the query 'GetOrder', and nobody here would read its answer" in caplog.text


# -- FIFO


def test_a_failure_holds_back_the_rest_of_its_group_and_no_other() -> None:
    shop = Shop()
    event = recorded("sqs_fifo")  # groups a, b, a, b
    event["Records"][0]["body"] = ship("never-created")
    a1, _, a2, _ = ids_of(event)
    assert failures(handle(event, CONTEXT, shop)) == [a1, a2]
    assert shop.versions("o-1", "o-2", "o-3", "o-4") == [0, 1, 0, 1]
    assert len(shop.messages) == 3


def test_an_outcome_holds_nothing_back() -> None:
    shop = Shop()
    event = recorded("sqs_fifo")
    event["Records"][2]["body"] = event["Records"][0]["body"]  # exists already by then
    assert failures(handle(event, CONTEXT, shop)) == []
    assert shop.versions("o-1", "o-2", "o-4") == [1, 1, 1]


def test_a_record_without_a_readable_group_is_a_group_of_its_own_kind() -> None:
    event = recorded("sqs_fifo")
    for at in (0, 2):
        event["Records"][at]["attributes"] = 7
    first, _, third, _ = ids_of(event)
    assert failures(handle(event, CONTEXT, Shop())) == [first, third]


def test_groups_in_a_standard_queue_promise_no_order() -> None:
    event = recorded("sqs_fifo")
    for record in event["Records"]:
        record["eventSourceARN"] = record["eventSourceARN"].removesuffix(".fifo")
    event["Records"][0]["body"] = "{}"
    assert failures(handle(event, CONTEXT, Shop())) == ids_of(event)[:1]


# -- what a queue may hold


def test_an_sns_notification_gives_the_command_the_topics_id_and_time() -> None:
    shop = Shop()
    assert failures(handle(recorded("sqs_with_sns"), CONTEXT, shop)) == []
    assert (shop.message.id, shop.message.source) == ("95df01b4-ee98-5cb9-9903-4c221d41eb51", "sns")
    assert shop.message.sent == datetime(2026, 11, 23, 11, 59, 59, 123000, tzinfo=timezone.utc)
    assert shop.versions("o-1") == [1]


def test_raw_delivery_by_sns_is_the_queues_own_message() -> None:
    shop = Shop()
    assert failures(handle(recorded("sqs_with_raw_sns"), CONTEXT, shop)) == []
    assert (shop.message.id, shop.message.source) == (ids_of(recorded("sqs"))[0], "sqs")


def test_eventbridge_gives_commands_and_external_events_its_id_and_time() -> None:
    shop = Shop()
    assert failures(handle(recorded("sqs_with_eventbridge"), CONTEXT, shop)) == []
    command, event = shop.messages
    assert (command.kind, command.name, command.source) == ("command", "CreateOrder", "eventbridge")
    assert command.id == "17793124-05d4-b198-2fde-7ededc63b103"
    assert command.sent == datetime(2026, 11, 23, 11, 59, 58, tzinfo=timezone.utc)
    assert (event.kind, event.name, event.source) == ("event", "PaymentFailed", "payments")
    assert event.payload == {"order_id": "o-1", "reason": "card expired"}


def test_a_cloud_event_is_an_external_event() -> None:
    shop = Shop()
    assert failures(handle(recorded("sqs_with_cloudevent"), CONTEXT, shop)) == []
    assert (shop.message.id, shop.message.name, shop.message.source) == ("A234-1234-1234", "PaymentFailed", "payments")


def test_an_event_that_nobody_handles_is_logged_and_let_go(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert failures(handle(recorded("sqs_with_cloudevent"), CONTEXT, Shop(events=frozenset()))) == []
    assert caplog.messages == ["nobody handles the event 'PaymentFailed' from 'payments': let go"]


# -- records that cannot be named


@pytest.mark.parametrize(
    "record",
    [
        None,
        7,
        {},
        {"messageId": None},
        {"messageId": 7},
        {"messageId": ""},
        {"messageId": "\ud800"},
        {"messageId": "x" * 257},
    ],
)
def test_a_record_without_an_id_brings_the_whole_batch_back_once_the_others_are_done(record: Any) -> None:
    shop = Shop()
    event = recorded("sqs")
    event["Records"][0] = record
    with pytest.raises(MalformedMessage, match=r"a record has the messageId .*, and cannot be handled"):
        handle(event, CONTEXT, shop)
    assert shop.versions("o-2", "o-3") == [1, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SentTimestamp", 1795435200000),
        ("SentTimestamp", "soon"),
        ("SentTimestamp", "9" * 15),
        ("ApproximateReceiveCount", []),
    ],
)
def test_a_wrong_attribute_is_a_failed_record(name: str, value: Any, caplog: pytest.LogCaptureFixture) -> None:
    event = recorded("sqs")
    event["Records"][0]["attributes"][name] = value
    assert failures(handle(event, CONTEXT, Shop())) == ids_of(event)[:1]
    assert f"'{name}' of the record is " in caplog.text


def test_a_record_without_attributes_is_read_at_the_applications_time() -> None:
    shop = Shop()
    event = recorded("sqs")
    event["Records"] = [{name: event["Records"][0][name] for name in ("messageId", "body", "eventSource")}]
    assert failures(handle(event, CONTEXT, shop)) == []
    assert (shop.message.time, shop.message.sent, shop.message.attempt) == (NOON, None, 1)
