"""`send`, `ask`, `invoke`: what goes in, and what follows from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ORDER = '{"order_id": "o-1", "total": "9.90"}'
PAYLOADS = Path(__file__).parent.parent / "payloads"


def test_send_tells_what_was_done_and_what_followed(project: Any) -> None:
    result = project.run("send", "CreateOrder", ORDER)
    assert result.stdout == 'Order o-1  version 1\n  OrderCreated  {"order_id": "o-1", "total": "9.90"}\n'
    assert result.stderr == "views and processors have followed\n"
    assert project.json("ask", "GetOrder", '{"order_id": "o-1"}') == {"order_id": "o-1", "status": "placed"}


def test_views_follow_later_where_that_is_asked_for(project: Any) -> None:
    assert "nothing was delivered" in project.run("send", "CreateOrder", ORDER, "--no-drain").stderr
    assert project.json("ask", "GetOrder", '{"order_id": "o-1"}') is None
    project.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    assert project.json("ask", "GetOrder", '{"order_id": "o-1"}')["status"] == "shipped"


def test_the_same_id_again_is_the_same_command(project: Any) -> None:
    project.ok("send", "CreateOrder", ORDER, "--id", "c-1")
    assert "done before, and not again" in project.ok("send", "CreateOrder", ORDER, "--id", "c-1")
    again = project.json("send", "CreateOrder", ORDER, "--id", "c-1")
    assert (again["duplicate"], again["version"]) == (True, 1)
    assert again["cost"] == {"requests": 1, "read_units": 0, "write_units": 1}


def test_payloads_come_from_files_and_from_standard_input_too(project: Any) -> None:
    project.write("order.json", "\ufeff" + ORDER)
    project.ok("send", "CreateOrder", "@order.json")
    project.ok("send", "ShipOrder", "-", input='{"order_id": "o-1"}')
    assert project.json("ask", "GetOrder", "-", input='{"order_id": "o-1"}')["status"] == "shipped"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("{", "the argument is not JSON"),
        ("[]", "the argument is a JSON list, and has to be a JSON object"),
        ('{"total": NaN}', "NaN is not a JSON number"),
        ("@nothing.json", "nothing.json cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_json_object_is_wrong_usage(project: Any, payload: str, told: str) -> None:
    result = project.run("send", "CreateOrder", payload)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("send", "CreateOrder", ORDER), 1, "AlreadyExists: Order o-1 exists already, and CreateOrder creates one"),
        (("send", "CreateOrder"), 1, "ValidationFailed: CreateOrder is not valid: order_id: Missing data"),
        (("send", "ShipOrder", '{"order_id": "o-9"}'), 1, "NotFound: there is no Order o-9 for ShipOrder"),
        (("send", "ShipOrdr"), 2, "UnknownMessage: no command handler is registered for 'ShipOrdr'; did you mean"),
        (("ask", "ShipOrder"), 2, "UnknownMessage: no query handler is registered for 'ShipOrder': it is a command"),
        (("send", "BreakOrder", '{"order_id": "o-1"}'), 4, "KeyError: 'no such thing' ("),
        (("send", "ShipOrder", '{"order_id": "o-1"}', "--expected-version", "7"), 1, "VersionMismatch: Order o-1 is"),
    ],
)
def test_a_refusal_is_one_line_and_its_code(project: Any, args: tuple[str, ...], code: int, told: str) -> None:
    project.ok("send", "CreateOrder", ORDER)
    result = project.run(*args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(told) and result.stderr.count("\n") == 1


def test_with_json_a_refusal_has_the_validation_messages(project: Any) -> None:
    result = project.run("send", "CreateOrder", '{"order_id": "o-1", "total": "x"}', "--json")
    told = json.loads(result.stderr)
    assert (told["error"], told["messages"]) == ("ValidationFailed", {"total": ["Not a valid number."]})


def test_memory_is_told_to_be_gone_afterwards(project: Any) -> None:
    result = project.run("send", "CreateOrder", ORDER, "--store", "memory://")
    assert "memory:// is this command's alone" in result.stderr
    assert not list(project.folder.glob("*.db"))


def test_a_parked_aggregate_is_told_where_it_was_caused(project: Any) -> None:
    shop = project.folder / "shop.py"
    shop.write_text(shop.read_text().replace("message):\n    pass", 'message):\n    raise RuntimeError("no mail")'))
    project.ok("send", "CreateOrder", ORDER)
    assert "Order#o-1 is parked for mailer" in project.run("send", "ShipOrder", '{"order_id": "o-1"}').stderr


def test_invoke_takes_an_event_of_any_source(project: Any) -> None:
    event = json.loads((PAYLOADS / "http_api.json").read_text())
    project.write("event.json", json.dumps({**event, "body": ORDER, "isBase64Encoded": False}))
    result = project.run("invoke", "-e", "event.json", "--json")
    assert (result.exit_code, json.loads(result.stdout)["statusCode"]) == (0, 201)
    project.write("event.json", json.dumps({**event, "body": "{}", "isBase64Encoded": False}))
    told = project.run("invoke", "-e", "event.json")
    assert (told.exit_code, "from HTTP API or Function URL" in told.stderr) == (1, True)
    assert told.stderr.endswith("the answer is 422\n")


def test_invoke_reads_standard_input_and_delivers_what_follows(project: Any) -> None:
    event = json.dumps({"command": "CreateOrder", "payload": json.loads(ORDER)})
    assert json.loads(project.ok("invoke", input=event))["version"] == 1
    assert project.json("ask", "GetOrder", '{"order_id": "o-1"}')["status"] == "placed"


def test_invoke_tells_failed_records_and_errors_by_its_code(project: Any) -> None:
    record = {"eventSource": "aws:sqs", "messageId": "m-1", "body": '{"command": "NoSuch"}', "attributes": {}}
    result = project.run("invoke", input=json.dumps({"Records": [record]}))
    assert (result.exit_code, result.stderr.endswith("1 record failed\n")) == (1, True)
    assert project.run("invoke", input='{"what": "is this"}').exit_code == 2
    assert project.run("invoke", "-e", "gone.json").exit_code == 2


def test_a_command_that_brings_nothing_into_being_is_told_with_the_handlers_line(bank: Any) -> None:
    bank.edit('Account, creation="always")', 'Account, creation="if_missing")')
    bank.edit('return Event("Opened"', 'Event("Opened"')
    result = bank.run("send", "Open", '{"id": "a-2", "owner": "Ada"}')
    assert (result.exit_code, result.stdout) == (0, "Account a-2  version 0  no events\n")
    assert result.stderr.startswith(
        "Account a-2 was not created: open_account (accounts.py:9) returned no event; did it forget `return`?\n"
    )
    assert "was not created" not in bank.run("send", "Open", '{"id": "a-1", "owner": "Ada"}').stderr


def test_an_answer_from_a_view_that_is_behind_says_so(project: Any) -> None:
    project.ok("send", "CreateOrder", ORDER, "--no-drain")
    result = project.run("ask", "GetOrder", '{"order_id": "o-1"}')
    assert (result.exit_code, result.stdout) == (0, "null\n")
    assert result.stderr == "1 commit is not delivered to the views yet: cqrsless advance 0s\n"
    project.ok("advance", "0s")
    result = project.run("ask", "GetOrder", '{"order_id": "o-1"}')
    assert (json.loads(result.stdout)["status"], result.stderr) == ("placed", "")


def test_an_answer_from_a_view_with_something_parked_names_it_and_what_to_type(project: Any) -> None:
    project.edit("return {**(row or {})", 'raise LookupError("no row") or {**(row or {})', "shop.py")
    project.ok("send", "CreateOrder", ORDER.replace("o-1", "o 1"))
    result = project.run("ask", "GetOrder", '{"order_id": "o 1"}')
    assert (result.exit_code, result.stdout) == (0, "null\n")
    assert result.stderr == (
        "Order#o 1 is parked for OrderSummary: LookupError: no row in summed_up (shop.py:43); "
        "once that is mended: cqrsless letters retry OrderSummary 'Order#o 1'\n"
    )


def test_an_answer_from_a_view_whose_events_nobody_records_says_so(project: Any) -> None:
    project.edit('projector("OrderCreated", "OrderShipped"', 'projector("OrderCreatd", "OrderShipped"', "shop.py")
    project.ok("send", "CreateOrder", ORDER)
    result = project.run("ask", "GetOrder", '{"order_id": "o-1"}')
    assert (result.exit_code, result.stdout) == (0, "null\n")
    assert result.stderr == (
        "nothing in this application records 'OrderCreatd', for which the projector at shop.py:41 waits; "
        "did you mean 'OrderCreated' or 'OrderShipped'?\n"
    )


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("send", "GetOrder"), "it is a query, for app.ask or cqrsless ask"),
        (("ask", "CreateOrder"), "it is a command, for app.execute or cqrsless send"),
        (("ask", "OrderSummary"), "it is a view, which query handlers read"),
        (("ask", "Order"), "it is an aggregate, which commands change"),
        (("send", "OrderShipped"), "it is an event, which command handlers return"),
    ],
)
def test_a_name_of_something_else_is_told_as_that(project: Any, args: tuple[str, str], told: str) -> None:
    result = project.run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f" handler is registered for '{args[1]}': {told}\n")


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("show", "Order", "o-1", "--at", "9" * 30), 1, f"Order o-1 is at version 1, so there is no {'9' * 30}"),
        (("why", "Order", "o-1", "9" * 30), 1, f"Order o-1 is at version 1, so there is no {'9' * 30}"),
        (("replay", "nope"), 2, "no processor or view is called 'nope'; there is 'mailer', 'OrderSummary'"),
        (("letters", "list", "nope"), 2, "no processor or view is called 'nope'; there is 'mailer', 'OrderSummary'"),
        (("diagram", "-o", "."), 1, ". cannot be written: Is a directory"),
        (("send", "CreateOrder", "@"), 2, "@ needs a file behind it, as in @order.json"),
        (("init", ""), 2, "it is empty: write a name, or . for this folder"),
        (("routes", "--app", "shop:Order"), 3, "'Order' is an AggregateRecord; name a Registry or an App"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_line_and_is_no_bug(
    project: Any, args: tuple[str, ...], code: int, told: str
) -> None:
    project.ok("send", "CreateOrder", ORDER)
    result = project.run(*args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
