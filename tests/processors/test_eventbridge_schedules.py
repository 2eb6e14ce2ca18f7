"""Schedules on AWS: one-time schedules of EventBridge Scheduler, named, timed and aimed as it wants them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrsless import CqrslessError, Message, StoreUnavailable
from cqrsless.clients import aws_client
from cqrsless.processors.eventbridge_schedules import EventBridgeScheduler, schedule_name
from cqrsless.processors.scheduling import wire_of
from cqrsless.sources.eventbridge import handle
from tests.processors.harness import NOON

SETTINGS = {
    "CQRSLESS_SCHEDULER_TARGET": "arn:aws:lambda:eu-west-1:123456789012:function:orders",
    "CQRSLESS_SCHEDULER_ROLE": "arn:aws:iam::123456789012:role/orders-scheduler",
    "CQRSLESS_SCHEDULER_GROUP": "orders",
}
COMMAND = Message("expire-1", "Expire", "command", {"id": "1"}, NOON, "event", correlation_id="k")


class Client:
    """Notes what it is asked for, and answers with the error that it is told to."""

    def __init__(self, code: str | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.code = code

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> None:
            from botocore.exceptions import ClientError

            self.calls.append((operation, params))
            if self.code is not None:
                raise ClientError({"Error": {"Code": self.code, "Message": "said so"}}, operation)

        return call


def scheduler(client: Any = None, now: datetime = NOON, **settings: str) -> EventBridgeScheduler:
    return EventBridgeScheduler("dynamodb://orders", lambda: now, environ={**SETTINGS, **settings}, client=client)


def test_a_schedule_runs_once_in_utc_and_is_deleted_behind_it() -> None:
    client = Client()
    scheduler(client).schedule("expire-1", NOON + timedelta(minutes=20), wire_of(COMMAND))
    ((operation, params),) = client.calls
    assert operation == "create_schedule"
    assert {**params, "Target": None, "Name": None} == {
        "Name": None,
        "GroupName": "orders",
        "ScheduleExpression": "at(2026-03-01T12:20:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": None,
    }
    assert params["Name"] == schedule_name("dynamodb://orders", "expire-1")
    assert (params["Target"]["Arn"], params["Target"]["RoleArn"]) == (
        SETTINGS["CQRSLESS_SCHEDULER_TARGET"],
        SETTINGS["CQRSLESS_SCHEDULER_ROLE"],
    )


def test_the_input_of_a_schedule_is_read_back_as_its_command() -> None:
    client = Client()
    due = NOON + timedelta(minutes=20, microseconds=1)
    scheduler(client).schedule("expire-1", due, wire_of(COMMAND))
    got: list[Message] = []

    class App:
        dispatch = staticmethod(got.append)
        now = staticmethod(lambda: NOON)

    handle(json.loads(client.calls[0][1]["Target"]["Input"]), None, App())  # type: ignore[arg-type]  # all it is asked for
    assert got == [COMMAND._replace(source="scheduler", time=due, sent=due, metadata={})]


@pytest.mark.parametrize(
    ("due", "at"),
    [
        (NOON + timedelta(minutes=1, microseconds=1), "at(2026-03-01T12:01:01)"),  # never before its time
        ((NOON + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=-3))), "at(2026-03-01T12:01:00)"),
        (NOON + timedelta(milliseconds=1), "at(2026-03-01T12:00:05)"),  # not in the past when the call arrives
    ],
)
def test_a_time_is_written_in_whole_seconds_of_utc(due: datetime, at: str) -> None:
    client = Client()
    scheduler(client).schedule("x", due, wire_of(COMMAND))
    assert client.calls[0][1]["ScheduleExpression"] == at


@given(st.text(min_size=1, max_size=256))
def test_every_id_makes_a_name_that_the_service_takes(id: str) -> None:
    assert re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", schedule_name("dynamodb://orders", id))


def test_ids_that_look_alike_and_applications_in_one_group_have_names_of_their_own() -> None:
    names = {
        schedule_name(namespace, id)
        for namespace in ("dynamodb://a", "dynamodb://b")
        for id in ("x y", "x-y", "x" * 40, "x" * 41)
    }
    assert len(names) == 8


def test_what_waits_already_is_no_error() -> None:
    scheduler(Client("ConflictException")).schedule("x", NOON, wire_of(COMMAND))


def test_cancelling_what_is_gone_is_no_error() -> None:
    client = Client("ResourceNotFoundException")
    scheduler(client).cancel("expire-1")
    assert client.calls == [
        ("delete_schedule", {"Name": schedule_name("dynamodb://orders", "expire-1"), "GroupName": "orders"})
    ]


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", StoreUnavailable), ("AccessDeniedException", CqrslessError)]
)
def test_a_refusal_of_the_service_says_what_was_asked(code: str, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=f"EventBridge Scheduler refuses create_schedule for x in the group orders: .*{code}"
    ):
        scheduler(Client(code)).schedule("x", NOON, wire_of(COMMAND))


@pytest.mark.parametrize("missing", ["CQRSLESS_SCHEDULER_TARGET", "CQRSLESS_SCHEDULER_ROLE"])
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(CqrslessError, match=f"x cannot be scheduled: set .*{missing}"):
        scheduler(Client(), **{missing: ""}).schedule("x", NOON, wire_of(COMMAND))


def test_the_group_is_the_default_one_unless_it_is_set() -> None:
    assert scheduler(Client(), CQRSLESS_SCHEDULER_GROUP="").group == "default"


def test_no_client_is_made_before_it_is_needed() -> None:
    assert scheduler(None)._client is None


def against(client: Any) -> None:
    """Schedule twice, look, cancel twice, look."""
    client.create_schedule_group(Name="orders")
    target = scheduler(now=datetime.now(timezone.utc))
    due = datetime.now(timezone.utc) + timedelta(days=2)
    for _ in range(2):
        target.schedule("expire o-1/é", due, wire_of(COMMAND))
    (found,) = client.list_schedules(GroupName="orders")["Schedules"]
    kept = client.get_schedule(Name=found["Name"], GroupName="orders")
    assert kept["ScheduleExpression"].startswith(f"at({due:%Y-%m-%dT})"[:14])
    assert kept["ActionAfterCompletion"] == "DELETE"
    assert json.loads(kept["Target"]["Input"])["detail"]["id"] == "expire-1"
    for _ in range(2):
        target.cancel("expire o-1/é")
    assert client.list_schedules(GroupName="orders")["Schedules"] == []


@pytest.mark.usefixtures("moto_aws")
def test_schedules_are_created_and_deleted_on_moto() -> None:
    against(aws_client("scheduler"))


@pytest.fixture
def on_ministack(ministack_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack_endpoint)
    yield


@pytest.mark.server
@pytest.mark.usefixtures("on_ministack")
def test_schedules_are_created_and_deleted_on_a_server() -> None:
    against(aws_client("scheduler"))
