from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Any

import pytest

from cqrsless import ConcurrencyConflict, MalformedMessage, Rejected
from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, NOON, Shop, recorded

EVENT_ID = "17793124-05d4-b198-2fde-7ededc63b103"
SENT = datetime(2026, 11, 23, 11, 59, 58, tzinfo=timezone.utc)


def only(event: Any) -> Any:
    shop = Shop()
    assert handle(event, CONTEXT, shop) is None
    return shop.message


def test_a_command_in_the_detail_has_the_events_id_and_time() -> None:
    message = only(recorded("eventbridge_command"))
    assert (message.id, message.name, message.kind, message.source) == (
        EVENT_ID,
        "CreateOrder",
        "command",
        "eventbridge",
    )
    assert message.time == message.sent == SENT


def test_any_other_detail_is_an_external_event() -> None:
    message = only(recorded("eventbridge_event"))
    assert (message.id, message.name, message.kind, message.source) == (EVENT_ID, "PaymentFailed", "event", "payments")
    assert message.payload == {"order_id": "o-1", "reason": "card expired"}
    assert message.time == message.sent == SENT
    assert message.correlation_id == EVENT_ID


def test_a_cloud_event_in_the_detail_speaks_for_itself() -> None:
    message = only(recorded("eventbridge_cloudevent"))
    assert (message.id, message.name, message.source) == ("A234-1234-1234", "PaymentFailed", "payments")
    assert (message.correlation_id, message.causation_id) == ("checkout-42", "pay-7")
    assert message.payload == {"order_id": "o-1", "reason": "card expired"}


def test_a_rules_input_path_may_leave_the_cloud_event_alone() -> None:
    message = only(recorded("eventbridge_cloudevent")["detail"])
    assert (message.id, message.kind, message.source) == ("A234-1234-1234", "event", "payments")


def test_an_event_that_nobody_handles_is_logged_and_let_go(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        message = only(recorded("eventbridge_aws"))
    assert (message.name, message.source) == ("Object Created", "aws.s3")
    assert caplog.messages == ["nobody handles the event 'Object Created' from 'aws.s3': let go"]


def test_awss_own_events_hold_no_commands_of_ours() -> None:
    event = recorded("eventbridge_aws")
    event["detail"]["command"] = "CreateOrder"
    assert only(event).kind == "event"


def test_the_scheduler_sends_its_input_as_it_is() -> None:
    shop = Shop()
    handle(recorded("scheduler_input"), CONTEXT, shop)
    assert shop.message.id.endswith(":schedule/default/nightly 2026-11-23T12:00:00Z")
    assert shop.versions("o-1") == [1]


def test_the_scheduler_in_eventbridges_shape_has_its_detail_in_a_string() -> None:
    message = only(recorded("scheduler_command"))
    assert (message.kind, message.name, message.source, message.sent) == ("command", "CreateOrder", "eventbridge", NOON)
    assert message.id == "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"


def test_nothing_from_a_queue_or_a_users_schedule_passes_for_what_the_application_scheduled() -> None:
    inner = {**json.loads(recorded("scheduler_command")["detail"]), "id": "s-1"}
    for detail_type in ("Scheduled Command", "Scheduled Event"):
        event = {**recorded("scheduler"), "detail-type": detail_type, "detail": inner}
        if detail_type == "Scheduled Event":
            assert only(event).source == "eventbridge"
        queued = recorded("sqs")
        queued["Records"] = queued["Records"][:1]
        queued["Records"][0]["body"] = json.dumps(event)
        shop = Shop()
        handle(queued, CONTEXT, shop)
        assert shop.message.source == "eventbridge"


def test_a_schedule_without_an_input_is_an_external_event() -> None:
    message = only(recorded("scheduler"))
    assert (message.kind, message.name, message.source) == ("event", "Scheduled Event", "aws.scheduler")
    assert message.payload == {}


def test_a_refusal_is_an_outcome_and_a_failure_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    handle(recorded("eventbridge_command"), CONTEXT, Shop(raising=Rejected()))
    with pytest.raises(ConcurrencyConflict):
        handle(recorded("eventbridge_command"), CONTEXT, Shop(raising=ConcurrencyConflict()))
    with pytest.raises(ConcurrencyConflict):
        handle(recorded("eventbridge_event"), CONTEXT, Shop(raising=ConcurrencyConflict()))
    assert [getattr(record, "message_id", None) for record in caplog.records] == [EVENT_ID, EVENT_ID]


CLOUD = {"specversion": "1.0", "id": "i", "source": "s", "type": "t"}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"detail-type": 7, "source": "s"}, "'detail-type' is 7"),
        ({"detail-type": "t"}, "'source' is missing"),
        (
            {"detail-type": "t", "source": "s", "detail": "x"},
            "'detail' of the event 't' is 'x', and has to be a JSON object",
        ),
        ({"detail-type": "t", "source": "s", "id": ""}, "'id' is ''"),
        ({"detail-type": "t", "source": "s", "time": "2026-11-23"}, "'time' is '2026-11-23', and has to be a time"),
        ({"detail-type": "t", "source": "s", "time": "2026-13-23T12:00:00Z"}, "'time' is '2026-13-23T12:00:00Z'"),
        (
            {"detail-type": "t", "source": "s", "time": "0001-01-01T00:00:00+23:59"},
            "'time' is '0001-01-01T00:00:00+23:59'",
        ),
        ({"detail-type": "t", "source": "s", "time": "2026-11-23T12:00:00"}, "'time' is '2026-11-23T12:00:00'"),
        ({"detail-type": "t", "source": "aws.scheduler", "detail": "{"}, "the schedule's detail is not JSON"),
        (
            {"detail-type": "t", "source": "s", "detail": {"query": "GetOrder"}},
            "the event's detail is the query 'GetOrder'",
        ),
        ({"detail-type": "t", "source": "s", "detail": {"command": 7}}, "'command' is 7"),
        ({**CLOUD, "specversion": "0.3"}, "the CloudEvent has 'specversion' '0.3'; 1.0 is read"),
        ({**CLOUD, "data_base64": "AAA="}, "the CloudEvent holds 'data_base64': send its data as JSON, in 'data'"),
        ({**CLOUD, "type": None}, "'type' is missing"),
        ({**CLOUD, "id": ["x"]}, "'id' is a JSON list"),
        ({**CLOUD, "time": 5}, "'time' is 5"),
        ({**CLOUD, "correlationid": 5}, "'correlationid' is 5"),
        ({"detail-type": "t", "source": "s", "detail": {"x": float("nan")}}, "the event holds NaN"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_malformed_event_is_raised_and_logged(
    event: dict[str, Any], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MalformedMessage) as raised:
        handle(event, CONTEXT, Shop())
    assert str(raised.value).startswith(text)
    assert caplog.messages[0].startswith(f"an event failed: MalformedMessage: {text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23t12:00:00z", NOON),
        ("2026-11-23 13:30:00+01:30", NOON),
        ("2026-11-23T12:00:00.000000999Z", NOON),
        ("2026-11-23T12:00:00.5Z", NOON.replace(microsecond=500_000)),
    ],
)
def test_every_form_of_a_time_in_rfc_3339_is_read(text: str, expected: datetime) -> None:
    assert only({**CLOUD, "time": text}).time == expected


def test_without_a_time_it_is_the_applications_and_the_event_is_not_dated() -> None:
    message = only(CLOUD)
    assert (message.time, message.sent, message.payload) == (NOON, None, {})


def test_wrappings_end_somewhere(caplog: pytest.LogCaptureFixture) -> None:
    document = json.dumps({"command": "CreateOrder"})
    for _ in range(6):
        document = json.dumps({"Type": "Notification", "MessageId": "m", "Message": document})
    event = recorded("sqs")
    event["Records"] = event["Records"][:1]
    event["Records"][0]["body"] = document
    assert len(handle(event, CONTEXT, Shop())["batchItemFailures"]) == 1
    assert "the SNS message is wrapped more than 4 times" in caplog.text
