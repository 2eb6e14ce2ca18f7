from __future__ import annotations

import copy
from datetime import datetime, timezone

import pytest

from cqrsless import MalformedMessage, NotFound, Rejected
from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, Shop, recorded


def test_a_command_has_the_notifications_id_and_time_and_no_answer() -> None:
    shop = Shop()
    assert handle(recorded("sns"), CONTEXT, shop) is None
    message = shop.message
    assert (message.id, message.source) == ("95df01b4-ee98-5cb9-9903-4c221d41eb51", "sns")
    assert message.time == message.sent == datetime(2026, 11, 23, 11, 59, 59, 123000, tzinfo=timezone.utc)
    assert shop.versions("o-1") == [1]


def test_a_cloud_event_keeps_its_own_id_time_conversation_and_cause() -> None:
    shop = Shop()
    handle(recorded("sns_cloudevent"), CONTEXT, shop)
    message = shop.message
    assert (message.id, message.kind, message.source) == ("A234-1234-1234", "event", "payments")
    assert message.time == message.sent == datetime(2026, 11, 23, 11, 59, 57, 500000, tzinfo=timezone.utc)
    assert (message.correlation_id, message.causation_id) == ("checkout-42", "pay-7")


def test_a_refusal_is_an_outcome() -> None:
    handle(recorded("sns"), CONTEXT, Shop(raising=Rejected()))


def test_a_failure_is_raised_so_that_lambda_tries_again_once_the_others_had_their_turn() -> None:
    event = recorded("sns")
    bad = copy.deepcopy(event["Records"][0])
    bad["Sns"]["Message"] = '{"command": "ShipOrder", "payload": {"order_id": "never-created"}}'
    event["Records"].insert(0, bad)
    shop = Shop()
    with pytest.raises(NotFound):
        handle(event, CONTEXT, shop)
    assert shop.versions("o-1") == [1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Message": "not json"}, "the SNS message is not JSON: Expecting value at line 1 column 1"),
        ({"Message": None}, "'Message' of the SNS notification is None, and has to be a string of JSON"),
        ({"MessageId": 7}, "'MessageId' is 7, and has to be a string of 1 to 256 characters"),
        ({"MessageId": "\ud800"}, r"'MessageId' is '\ud800', and has to be a string of 1 to 256 characters"),
        ({"Timestamp": "yesterday"}, "'Timestamp' is 'yesterday', and has to be a time such as '2026-11-23T12:00:00Z'"),
        ({"Message": '{"query": "GetOrder"}'}, "the SNS message is the query 'GetOrder', and nobody here would read"),
        ({"Message": '{"a": 1}'}, "the SNS message has none of the forms that are read: a command"),
    ],
)
def test_a_malformed_notification_is_raised_and_logged(
    changes: dict[str, object], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = recorded("sns")
    event["Records"][0]["Sns"] |= changes
    with pytest.raises(MalformedMessage) as raised:
        handle(event, CONTEXT, Shop())
    assert str(raised.value).startswith(text)
    assert caplog.messages[0].startswith(f"an SNS notification failed: MalformedMessage: {text}")


@pytest.mark.parametrize("record", [7, {"EventSource": "aws:sns", "Sns": "x"}])
def test_a_record_without_a_notification_is_malformed(record: object) -> None:
    event = recorded("sns")
    event["Records"].append(record)
    with pytest.raises(MalformedMessage, match="'Sns' of the record is"):
        handle(event, CONTEXT, Shop())
