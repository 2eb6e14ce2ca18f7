"""What waits for its time: listed, and run by moving the clock on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

EXPIRY = """

from datetime import timedelta

from cqrsless import Command, cancel


@shop.event_handler("OrderCreated", processor="expiry")
def set_expiry(event):
    return Command("BreakOff", event, id=f"expire-{event['order_id']}", due=timedelta(days=14))


@shop.command_handler("BreakOff", aggregate=Order)
def break_off(command, order):
    return {**order, "status": "expired"}, Event("OrderExpired", {"order_id": command["order_id"]})
"""


@pytest.fixture
def expiring(project: Any) -> Any:
    file = project.folder / "shop.py"
    file.write_text(file.read_text() + EXPIRY)
    return project


def create(project: Any, id: str) -> None:
    project.ok("send", "CreateOrder", f'{{"order_id": "{id}", "total": 1}}')


def test_what_waits_is_listed_with_its_time_and_its_target(expiring: Any) -> None:
    assert expiring.run("due").stderr == "no command waits for its time\n"
    assert expiring.json("due") == []
    create(expiring, "o-1")
    create(expiring, "o-2")
    first, second = expiring.json("due")
    assert (first["id"], first["name"], first["target"], first["attempt"]) == ("expire-o-1", "BreakOff", "Order o-1", 1)
    assert first["payload"]["order_id"] == "o-1" and first["due"] < second["due"]
    head, line, _ = expiring.ok("due").splitlines()
    assert head.split() == ["DUE", "COMMAND", "TARGET", "ID", "PAYLOAD"]
    assert line.split()[2:6] == ["BreakOff", "Order", "o-1", "expire-o-1"]


def test_advancing_runs_what_is_due_by_then_and_no_more(expiring: Any) -> None:
    create(expiring, "o-1")
    assert expiring.ok("advance", "13d").startswith("0 commands run, by ")
    assert expiring.json("show", "Order", "o-1")["state"]["status"] == "placed"
    assert expiring.ok("advance", "1w7d1s").startswith("1 command run, by ")
    assert expiring.json("show", "Order", "o-1")["state"]["status"] == "expired"
    assert expiring.json("due") == []


def test_the_next_command_goes_by_the_machines_clock_and_no_aggregate_goes_back(expiring: Any) -> None:
    create(expiring, "o-1")
    until = expiring.json("advance", "14d")["until"]
    create(expiring, "o-2")
    expiring.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    times = [row["time"] for row in expiring.json("events", "Order", "o-1")]
    assert times == sorted(times)
    assert expiring.json("events", "Order", "o-2")[0]["time"] < until  # the clock was the one command's


@pytest.mark.parametrize("time", ["20", "m", "20 m", "-1d", "1.5h", "1dx", ""])
def test_what_is_no_length_of_time_is_told_what_to_write(expiring: Any, time: str) -> None:
    result = expiring.run("advance", "--", time)
    assert (result.exit_code, "is no length of time: write 90s, 20m, 3h, 14d or 2w" in result.stderr) == (2, True)


def test_on_dynamodb_one_is_told_where_it_waits(expiring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    result = expiring.run("due", "--store", "dynamodb://orders")
    assert (result.exit_code, "waits in EventBridge Scheduler: aws scheduler list-schedules" in result.stderr) == (
        1,
        True,
    )


def test_a_command_is_sent_later_once_what_is_due_by_then_has_run(expiring: Any) -> None:
    create(expiring, "o-1")
    late = expiring.run("send", "ShipOrder", '{"order_id": "o-1"}', "--advance", "15d")
    assert late.exit_code == 0 and late.stderr.startswith("1 command run, by ")
    created, expired, shipped = expiring.json("events", "Order", "o-1")
    assert (expired["name"], shipped["name"]) == ("OrderExpired", "OrderShipped")
    times = [datetime.fromisoformat(event["time"]) for event in (created, expired, shipped)]
    assert timedelta(days=14) <= times[1] - times[0] < timedelta(days=14, hours=1)
    assert timedelta(days=15) <= times[2] - times[0] < timedelta(days=15, hours=1)


@pytest.mark.parametrize("time", ["99999999d", "9" * 5000 + "s"])
def test_a_time_behind_the_calendar_is_wrong_usage(expiring: Any, time: str) -> None:
    result = expiring.run("advance", time)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is longer than time is counted" in result.stderr
