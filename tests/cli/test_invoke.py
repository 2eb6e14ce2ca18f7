"""`invoke` tells why: a record that fails, is refused or let go is more than an id in an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.testing import lambda_events

SHIP = '{{"command": "ShipOrder", "payload": {{"order_id": "{0}"}}}}'
PAYMENTS = """
from shop import shop


@shop.event_handler("PaymentReceived", source="payments")
def paid(event):
    raise ValueError(event["why"])
"""


def batch(*bodies: str) -> str:
    records = [
        {"eventSource": "aws:sqs", "messageId": f"m-{number}", "body": body, "attributes": {}}
        for number, body in enumerate(bodies, 1)
    ]
    return json.dumps({"Records": records})


def external(name: str, source: str, **detail: Any) -> str:
    return json.dumps(
        {"version": "0", "id": "e-1", "detail-type": name, "source": source, "account": "1", "region": "eu-west-1",
         "time": "2026-01-01T00:00:00Z", "resources": [], "detail": detail}
    )  # fmt: skip


def test_each_record_that_fails_is_told_with_its_reason(project: Any) -> None:
    wrong = '{"command": "CreateOrder", "payload": {"order_id": "o-1", "total": "much"}}'
    result = project.run("invoke", input=batch(SHIP.format("nobody"), wrong, SHIP.format("nobody")[:-1]))
    first, second, third = [line for line in result.stderr.splitlines() if "SQS message" in line]
    assert first.startswith("SQS message m-1 failed: NotFound: there is no Order nobody")
    assert second.startswith("SQS message m-2 failed: ValidationFailed: ") and "total: Not a valid number" in second
    assert third.startswith("SQS message m-3 failed: MalformedMessage: ")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "3 records failed")


def test_a_record_that_is_refused_is_done_and_told(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 1}')
    project.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    result = project.run("invoke", input=batch(SHIP.format("o-1")))
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"batchItemFailures": []})
    assert "ShipOrder refused: Rejected: the order has already shipped\n" in result.stderr


def test_a_record_whose_handler_raises_is_told_with_the_line(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 1}')
    told = project.run("invoke", input=batch(SHIP.format("o-1").replace("Ship", "Break"))).stderr
    assert "SQS message m-1 failed: KeyError: 'no such thing' (" in told
    assert "shop.py, line " in told


@pytest.mark.parametrize(
    ("name", "source", "near"),
    [
        ("PaymentReceivd", "payments", "; did you mean 'PaymentReceived'?"),
        ("PaymentReceived", "bank", "; it is handled from 'payments'"),
        ("Paid", "paymints", "; did you mean 'payments'?"),
        ("Paid", "bank", "; handled are 'PaymentReceived' from 'payments'"),
    ],
)
def test_an_event_that_nobody_handles_is_told_with_what_is_near(
    project: Any, name: str, source: str, near: str
) -> None:
    project.write("paid.py", PAYMENTS)
    result = project.run("invoke", "--app", "paid:shop", input=external(name, source))
    assert (result.exit_code, result.stdout) == (0, "null\n")
    assert f"nobody handles the event {name!r} from {source!r}: let go{near}\n" in result.stderr


def test_an_application_without_external_events_says_that_it_has_none(project: Any) -> None:
    told = project.run("invoke", input=external("Paid", "bank")).stderr
    assert "nobody handles the event 'Paid' from 'bank': let go; no event handler has a source=\n" in told


def test_what_an_event_failed_with_is_told_once(project: Any) -> None:
    project.write("paid.py", PAYMENTS)
    result = project.run("invoke", "--app", "paid:shop", input=external("PaymentReceived", "payments", why="no bank"))
    assert (result.exit_code, result.stderr.count("no bank")) == (4, 1)


def test_a_request_is_told_what_its_answer_does_not_say(project: Any) -> None:
    order = {"order_id": "o-1", "total": 1}
    project.ok("send", "CreateOrder", json.dumps(order))
    again = project.run("invoke", input=json.dumps(lambda_events.http_api("POST /orders", order)))
    assert "AlreadyExists" in again.stdout and "AlreadyExists" not in again.stderr
    project.edit("raise Rejected(", "raise RuntimeError(", file="shop.py")
    project.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    failed = project.run("invoke", input=json.dumps(lambda_events.http_api("POST /orders/o-1/ship", {})))
    assert "RuntimeError: the order has already shipped (" in failed.stderr and failed.exit_code == 4


def test_with_json_nothing_but_the_failure_is_on_standard_error(project: Any) -> None:
    result = project.run("invoke", "--json", input=batch(SHIP.format("nobody")))
    told = json.loads(result.stderr)
    assert (told["message"], len(told["reasons"])) == ("1 record failed", 1)
    assert told["reasons"][0].startswith("SQS message m-1 failed: NotFound: ")
