from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

import pytest

from cqrsless import (
    DuplicateMismatch,
    MalformedMessage,
    NotFound,
    SerializationFailed,
    StoreUnavailable,
    UnknownMessage,
    ValidationFailed,
    VersionMismatch,
)
from cqrsless.sources import handle
from tests.sources.shop import CONTEXT, NOON, OutOfStock, Shop, recorded


def test_a_command_answers_with_its_result() -> None:
    shop = Shop()
    assert handle(recorded("direct_command"), CONTEXT, shop) == {
        "aggregate_id": "o-1",
        "version": 1,
        "events": [{"name": "OrderCreated", "sequence": 1}],
        "duplicate": False,
    }
    message = shop.message
    assert (message.id, message.source, message.kind) == ("7d0f3c1e-create-o-1", "direct", "command")
    assert (message.correlation_id, message.causation_id, message.metadata) == ("checkout-42", None, {})
    assert (message.time, message.sent, message.attempt) == (NOON, None, 1)


def test_the_same_command_again_is_a_duplicate() -> None:
    shop = Shop()
    first = handle(recorded("direct_command"), CONTEXT, shop)
    assert handle(recorded("direct_command"), CONTEXT, shop) == {**first, "duplicate": True}


def test_a_query_answers_with_what_its_handler_returned() -> None:
    answer = handle(recorded("direct_query"), CONTEXT, Shop())
    assert answer == {"order_id": "o-1", "total": "19.90"}
    assert handle({"query": "GetOrder", "payload": {"order_id": "none"}}, CONTEXT, Shop()) is None


def test_step_functions_send_the_same_form() -> None:
    shop = Shop()
    assert handle(recorded("step_functions"), None, shop)["version"] == 1
    assert shop.message.id.startswith("arn:aws:states:")
    assert shop.message.metadata == {"state": "PlaceOrder", "started": "2026-11-23T11:59:58.120Z"}


def test_a_command_without_an_aggregate_answers_its_value() -> None:
    answer = handle({"command": "Greet", "payload": {"name": "Ada"}}, CONTEXT, Shop())
    assert answer == {"value": {"hello": "Ada", "at": "2026-11-23T12:00:00+00:00"}}


def test_without_an_id_the_invocations_own_makes_a_retry_by_lambda_safe() -> None:
    shop = Shop()
    event = {"command": "TouchOrder", "payload": {"order_id": "o-1"}}
    handle(event, CONTEXT, shop)
    assert (shop.message.id, shop.message.correlation_id) == (CONTEXT.aws_request_id, CONTEXT.aws_request_id)
    assert handle(event, CONTEXT, shop)["duplicate"] is True


def test_without_an_invocation_each_command_has_an_id_of_its_own() -> None:
    shop = Shop()
    for _ in range(2):
        handle({"command": "Greet", "payload": {"name": "Ada"}}, None, shop)
    assert shop.messages[0].id != shop.messages[1].id


def test_metadata_names_conversation_and_cause() -> None:
    shop = Shop()
    metadata = {"correlation_id": "k", "causation_id": "e-1", "tenant": "t"}
    handle({"command": "Greet", "payload": {"name": "Ada"}, "metadata": metadata}, None, shop)
    assert (shop.message.correlation_id, shop.message.causation_id, shop.message.metadata) == (
        "k",
        "e-1",
        {"tenant": "t"},
    )


def test_actor_and_claims_come_from_no_field_of_the_message() -> None:
    shop = Shop()
    metadata = {"actor": "mallory", "claims": {"admin": True}, "sub": "mallory"}
    handle({"command": "Greet", "payload": {"name": "Ada", "actor": "mallory"}, "metadata": metadata}, None, shop)
    assert (shop.message.actor, dict(shop.message.claims)) == (None, {})
    with pytest.raises(
        MalformedMessage, match="the command has unknown fields: 'actor', 'claims'; it may have: command,"
    ):
        handle({"command": "Greet", "actor": "mallory", "claims": {}}, None, shop)


def test_the_expected_version_goes_with_the_command() -> None:
    shop = Shop()
    handle(recorded("direct_command"), CONTEXT, shop)
    ship = {"command": "ShipOrder", "payload": {"order_id": "o-1"}}
    with pytest.raises(VersionMismatch):
        handle({**ship, "expected_version": 7}, None, shop)
    assert handle({**ship, "expected_version": 1}, None, shop)["version"] == 2


LONG = "x" * 257


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"command": 7}, "'command' is 7, and has to be a string of 1 to 256 characters"),
        ({"command": ""}, "'command' is '', and has to be a string of 1 to 256 characters"),
        ({"query": None}, "'query' is missing"),
        ({"command": LONG}, f"'command' is {('x' * 200 + '...')!r}, and has to be a string of 1 to 256 characters"),
        ({"command": "A", "query": "B"}, "the message is both a 'command' and a 'query': send two messages"),
        ({"command": "A", "payload": [1]}, "'payload' of command 'A' is a JSON list, and has to be a JSON object"),
        ({"query": "A", "payload": None}, "'payload' of query 'A' is None, and has to be a JSON object"),
        ({"command": "A", "metadata": "m"}, "'metadata' of command 'A' is 'm', and has to be a JSON object"),
        ({"command": "A", "metadata": []}, "'metadata' of command 'A' is a JSON list, and has to be a JSON object"),
        (
            {"command": "A", "metadata": {"correlation_id": 1}},
            "'correlation_id' is 1, and has to be a string of 1 to 256 characters",
        ),
        ({"command": "A", "id": 1}, "'id' is 1, and has to be a string of 1 to 256 characters"),
        (
            {"command": "A", "id": LONG},
            f"'id' is {('x' * 200 + '...')!r}, and has to be a string of 1 to 256 characters",
        ),
        ({"command": "A", "expected_version": "3"}, "'expected_version' is '3', and has to be a whole number from 0"),
        ({"command": "A", "expected_version": True}, "'expected_version' is True, and has to be a whole number from 0"),
        ({"command": "A", "expected_version": -1}, "'expected_version' is -1, and has to be a whole number from 0"),
        (
            {"command": "A", "playload": {}},
            "the command has unknown fields: 'playload'; it may have: command, expected_version, id, metadata, payload",
        ),
        (
            {"query": "A", "expected_version": 1},
            "the query has unknown fields: 'expected_version'; it may have: id, metadata, payload, query",
        ),
        (
            {"command": "A", "payload": {"a": float("nan")}},
            "the event holds NaN, Infinity or a number with too many digits",
        ),
        ({"command": "\ud800"}, "the event holds half a surrogate pair, which is no Unicode text"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_malformed_message_is_refused_with_what_is_wrong_and_logged(
    event: dict[str, Any], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()
    with pytest.raises(MalformedMessage) as raised:
        handle(event, CONTEXT, shop)
    assert str(raised.value) == text
    assert shop.messages == []
    assert caplog.messages == [f"the invocation is malformed: {text}"]


@pytest.mark.parametrize(
    ("event", "error", "text"),
    [
        ({"command": "ShipOrdr"}, UnknownMessage, "did you mean 'ShipOrder'?"),
        ({"query": "Greet"}, UnknownMessage, "it is a command"),
        ({"command": "ShipOrder", "payload": {"order_id": "o-9"}}, NotFound, "o-9"),
        ({"command": "CreateOrder", "payload": {}}, ValidationFailed, "order_id: Missing data for required field."),
    ],
)
def test_what_the_application_refuses_is_raised_and_logged_without_a_traceback(
    event: dict[str, Any], error: type[Exception], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(error, match=text.replace("?", r"\?")):
        handle(event, CONTEXT, Shop())
    (record,) = caplog.records
    assert record.levelno == logging.INFO and record.exc_info is None
    assert error.__name__ in record.getMessage()


def test_a_refusal_has_its_own_class() -> None:
    shop = Shop()
    handle(recorded("direct_command"), CONTEXT, shop)
    handle({"command": "ShipOrder", "payload": {"order_id": "o-1"}, "id": "s-1"}, CONTEXT, shop)
    with pytest.raises(OutOfStock, match="the order has already shipped"):
        handle({"command": "ShipOrder", "payload": {"order_id": "o-1"}, "id": "s-2"}, CONTEXT, shop)


def test_a_used_id_with_another_payload_is_an_error() -> None:
    shop = Shop()
    event = recorded("direct_command")
    handle(event, CONTEXT, shop)
    event["payload"]["total"] = "20.00"
    with pytest.raises(DuplicateMismatch):
        handle(event, CONTEXT, shop)


@pytest.mark.parametrize("error", [StoreUnavailable("throttled"), SerializationFailed("no")])
def test_an_error_that_is_not_the_callers_has_its_traceback_in_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(type(error)):
        handle(recorded("direct_command"), CONTEXT, Shop(raising=error))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR and record.exc_info


def test_an_answer_without_a_form_in_json_is_an_error_that_names_the_path() -> None:
    with pytest.raises(SerializationFailed, match=r"the answer's rows\[0\] is of type object"):
        handle({"query": "Unwritable"}, CONTEXT, Shop())


def test_a_bug_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="secret"):
        handle({"command": "Break"}, CONTEXT, Shop())


def test_the_lines_about_a_message_bear_its_ids(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(NotFound):
        handle({"command": "ShipOrder", "payload": {"order_id": "o-9"}, "id": "c-1"}, CONTEXT, Shop())
    assert [getattr(record, "message_id", None) for record in caplog.records] == ["c-1"]


def test_time_is_the_applications_own() -> None:
    shop = Shop()
    handle({"command": "Greet", "payload": {"name": "Ada"}}, None, shop)
    assert shop.message.time == datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


# -- asked for in full, as a client asks


def test_in_full_a_command_answers_with_every_field_of_its_result() -> None:
    answer = handle({**recorded("direct_command"), "answer": "full"}, CONTEXT, Shop())
    [event] = answer.pop("events")
    assert answer == {
        "aggregate_id": "o-1",
        "version": 1,
        "value": None,
        "duplicate": False,
        "cost": {"requests": 1, "read_units": 0, "write_units": 1},
        "aggregate": "Order",
    }
    assert {name: event[name] for name in ("name", "sequence", "version", "id", "time")} == {
        "name": "OrderCreated",
        "sequence": 1,
        "version": 1,
        "id": "Order#o-1@1",
        "time": "2026-11-23T12:00:00+00:00",
    }
    assert event["payload"]["total"] == "19.90"


def test_in_full_a_query_answers_with_a_value() -> None:
    assert handle({"query": "GetOrder", "payload": {"order_id": "none"}, "answer": "full"}, CONTEXT, Shop()) == {
        "value": None
    }


def test_in_full_a_refusal_is_an_answer_that_says_all(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = handle({"command": "CreateOrder", "payload": {"order_id": "o-1"}, "answer": "full"}, CONTEXT, Shop())
    missing = ["Missing data for required field."]
    assert answer["problem"] == {
        "type": "urn:cqrsless:error:ValidationFailed",
        "title": "The payload is not valid.",
        "status": 422,
        "instance": CONTEXT.aws_request_id,
        "detail": "CreateOrder is not valid: customer_id: Missing data for required field.; "
        "total: Missing data for required field.",
        "errors": {"customer_id": missing, "total": missing},
    }
    assert "CreateOrder refused: ValidationFailed" in caplog.text


def test_in_full_what_is_no_callers_fault_is_raised_all_the_same() -> None:
    with pytest.raises(StoreUnavailable):
        handle({**recorded("direct_command"), "answer": "full"}, CONTEXT, Shop(raising=StoreUnavailable("throttled")))
    with pytest.raises(KeyError):
        handle({"command": "Break", "answer": "full"}, CONTEXT, Shop())


@pytest.mark.parametrize("answer", ["brief", True, {}])
def test_there_is_one_other_form_of_answer(answer: object) -> None:
    with pytest.raises(MalformedMessage, match=r"'answer' is .*: write \"full\", or leave it out"):
        handle({"command": "Greet", "payload": {"name": "Ada"}, "answer": answer}, CONTEXT, Shop())


@pytest.mark.parametrize(
    "after",
    [
        "o-1",
        {"aggregate": "Order", "aggregate_id": "o-1"},
        {"aggregate": "Order", "aggregate_id": "o-1", "version": 0},
        {"aggregate": "Order", "aggregate_id": "o-1", "version": True},
        {"aggregate": "Or#der", "aggregate_id": "o-1", "version": 1},
        {"aggregate": "Order", "aggregate_id": 7, "version": 1},
        {"aggregate": "Order", "aggregate_id": "x" * 3000, "version": 1},
        {"aggregate": "Order", "aggregate_id": "o-1", "version": 1, "more": 1},
    ],
)
def test_a_commit_that_there_cannot_be_is_not_waited_for(after: object) -> None:
    with pytest.raises(MalformedMessage, match=r"'after' is .* and names a commit as \{\"aggregate\": "):
        handle({"query": "GetOrder", "payload": {"order_id": "o-1"}, "after": after}, CONTEXT, Shop())


def test_from_a_queue_nobody_would_read_a_full_answer() -> None:
    from cqrsless.sources.forms import Origin, enclosed

    with pytest.raises(MalformedMessage, match="the command has unknown fields: 'answer'"):
        enclosed({"command": "Greet", "answer": "full"}, Origin("sqs", "m-1", NOON), "the message")
