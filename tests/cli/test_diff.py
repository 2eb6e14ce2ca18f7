"""`diff`: what today's code makes of what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.testing import lambda_events


def outcomes(bank: Any, *args: str) -> list[str]:
    result = bank.run("diff", "Account", "a-1", "--json", *args)
    return [row["outcome"] for row in json.loads(result.stdout)]


def test_unchanged_code_makes_no_difference(bank: Any) -> None:
    result = bank.run("diff", "Account", "a-1")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 commits: 2 same\n", "")
    assert bank.ok("diff", "Account", "a-1", "--all").splitlines()[0] == "version 1  Open  same"


def test_another_decision_is_a_difference_with_its_events(bank: Any) -> None:
    bank.edit('{"amount": command["amount"], ', '{"amount": command["amount"] * 2, ')
    result = bank.run("diff", "Account", "a-1")
    assert result.exit_code == 1
    assert "version 2  Deposit  other events\n  ~ event 1.payload.amount: 5 -> 10\n" in result.stdout
    assert result.stderr == "1 of 2 commits would differ\n"


def test_a_decision_is_made_again_of_the_payload_as_it_was_sent(bank: Any) -> None:
    """No event holds the note, so nothing but the recorded command has it."""
    bank.ok("send", "Deposit", '{"id": "a-1", "amount": 3, "note": "rent"}')
    assert outcomes(bank) == ["same", "same", "same"]
    bank.edit('"transfer": command.get("transfer")}', '"transfer": command.get("note")}')
    last = json.loads(bank.run("diff", "Account", "a-1", "--json").stdout)[2]
    assert last["outcome"] == "other events"
    assert last["events"] == [{"path": "event 1.payload.transfer", "before": None, "after": "rent"}]


def test_a_decision_is_made_again_of_the_state_before_it(bank: Any) -> None:
    bank.ok("send", "Deposit", '{"id": "a-1", "amount": 3}')
    bank.edit(
        "def deposit(command, account):\n",
        'def deposit(command, account):\n    if account["balance"] >= 5:\n        raise Rejected("it is full")\n',
    )
    rows = json.loads(bank.run("diff", "Account", "a-1", "--json").stdout)
    assert [row["outcome"] for row in rows] == ["same", "same", "refused now"]
    assert rows[2]["told"] == "Rejected: it is full"


def test_a_decision_is_made_again_with_the_message_that_it_was(bank: Any) -> None:
    bank.edit("def deposit(command, account):\n", "def deposit(command, account, *, message):\n")
    bank.edit(
        '"transfer": command.get("transfer")}',
        '"transfer": [message.id, message.time.isoformat(), message.actor, dict(message.metadata), message.source]}',
    )
    event = {
        "command": "Deposit", "payload": {"id": "a-1", "amount": 1}, "id": "d-7", "metadata": {"tenant": "acme"},
    }  # fmt: skip
    bank.ok("invoke", input=json.dumps(event))
    (recorded,) = bank.json("events", "Account", "a-1", "--from", "3")
    assert recorded["payload"]["transfer"][0::3] == ["d-7", {"tenant": "acme"}]
    rows = json.loads(bank.run("diff", "Account", "a-1", "--json").stdout)
    assert rows[2]["outcome"] == "same"


def test_another_fold_is_a_difference_of_the_state(bank: Any) -> None:
    bank.edit('+ event["amount"]}', '- event["amount"]}')
    (row,) = (row for row in json.loads(bank.run("diff", "Account", "a-1", "--json").stdout) if row["state"])
    assert (row["outcome"], row["state"]) == ("other state", [{"path": "balance", "before": 5, "after": -5}])


def test_a_refusal_of_today_is_a_difference(bank: Any) -> None:
    bank.edit("def deposit(command, account):\n", 'def deposit(command, account):\n    raise Rejected("closed")\n')
    assert "version 2  Deposit  refused now: Rejected: closed\n" in bank.run("diff", "Account", "a-1").stdout


def test_a_payload_that_is_not_valid_any_more_is_refused_now(bank: Any) -> None:
    bank.edit("from cqrsless import", "from marshmallow import Schema, fields\nfrom cqrsless import")
    bank.edit('command_handler("Open", ', 'command_handler("Open", schema=Named, ')
    bank.edit("@bank.command_handler(\"Open\"", "class Named(Schema):\n    id = fields.String(required=True)\n"
         "    owner = fields.Integer(required=True)\n\n\n@bank.command_handler(\"Open\"")  # fmt: skip
    first = json.loads(bank.run("diff", "Account", "a-1", "--json").stdout)[0]
    assert (first["outcome"], first["told"][:17]) == ("refused now", "ValidationFailed:")


def test_a_bug_of_today_is_a_difference(bank: Any) -> None:
    bank.edit('Event("Opened", {"owner": command["owner"]})', 'Event("Opened", {"owner": command["onwer"]})')
    assert "version 1  Open  fails now: KeyError: 'onwer'\n" in bank.run("diff", "Account", "a-1").stdout


def test_what_changes_nothing_now_is_a_difference(bank: Any) -> None:
    bank.edit("def deposit(command, account):\n", "def deposit(command, account):\n    return\n")
    stdout = bank.run("diff", "Account", "a-1").stdout
    assert "version 2  Deposit  other events: it changes nothing now\n  - event 1" in stdout


def test_events_are_compared_as_upcasters_bring_them_up_to_date(bank: Any) -> None:
    bank.edit(
        '@bank.evolver("Deposited"',
        'bank.event_type("Deposited", version=2)\n\n\n@bank.upcaster("Deposited", from_version=1)\n'
        "def with_currency(event):\n    return {**event, 'currency': 'EUR'}\n\n\n"
        '@bank.evolver("Deposited"',
    )
    bank.edit('"transfer": command.get("transfer")}', '"transfer": command.get("transfer"), "currency": "EUR"}')
    assert outcomes(bank) == ["same", "same"]
    bank.edit('"currency": "EUR"})', '"currency": "SEK"})')
    assert outcomes(bank) == ["same", "other events"]


def test_states_are_compared_as_upcasters_bring_them_up_to_date(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 3}')
    project.edit('id_field="order_id")', 'id_field="order_id", state_version=2)', "shop.py")
    project.edit(
        '@shop.command_handler("CreateOrder"',
        '@shop.state_upcaster("Order", from_version=1)\ndef with_paid(state):\n'
        "    return {**state, 'paid': False}\n\n\n@shop.command_handler(\"CreateOrder\"",
        "shop.py",
    )
    project.edit('"total": command["total"]}', '"total": command["total"], "paid": False}', "shop.py")
    assert project.ok("diff", "Order", "o-1") == "1 commit: 1 same\n"


def test_a_handler_that_is_gone_and_an_evolver_that_raises_are_told(bank: Any) -> None:
    bank.edit('"Deposit", aggregate', '"PutIn", aggregate')
    assert "refused now: no handler of Deposit changes Account today" in bank.run("diff", "Account", "a-1").stdout
    bank.edit('"owner": event["owner"], "balance"', '"owner": event["onwer"], "balance"')
    rows = json.loads(bank.run("diff", "Account", "a-1", "--json").stdout)
    assert [(row["outcome"], row["told"]) for row in rows] == [
        ("fails now", "it cannot be folded: KeyError: 'onwer'"), ("cannot tell", "version 1 cannot be folded"),
    ]  # fmt: skip


def test_a_recorded_refusal_is_decided_again(bank: Any) -> None:
    bank.write(
        "refusing.py",
        "from accounts import bank\nfrom cqrsless import Command, Rejected\n"
        "bank.event_type('Returned')\n"
        "@bank.command_handler('Withdraw', aggregate='Account')\n"
        "def withdraw(command, account):\n    raise Rejected(f'only {account[\"balance\"]} is there')\n"
        "@bank.event_handler('Asked', source='atm')\n"
        "def asked(event):\n    return Command('Withdraw', event, on_rejected='Returned')\n",
    )
    here = ("--app", "refusing:bank")
    event = {"id": "e-1", "detail-type": "Asked", "source": "atm", "detail": {"id": "a-1", "amount": 9}}
    bank.ok("invoke", *here, input=json.dumps({"version": "0", "account": "1", "time": "2026-01-01T00:00:00Z",
                                               "region": "eu", "resources": [], **event}))  # fmt: skip
    assert bank.json("events", "Account", "a-1", "--from", "3", *here)[0]["payload"]["reason"] == "only 5 is there"
    assert outcomes(bank, *here) == ["same", "same", "same"]
    bank.edit("only {", "no more than {", "refusing.py")
    assert outcomes(bank, *here) == ["same", "same", "other events"]


def test_claims_are_not_kept_and_a_decision_on_them_cannot_be_told(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 3}')
    project.edit("def ship_order(command, order):", "def ship_order(command, order, *, message):", "shop.py")
    project.edit('"status": "shipped"}', '"status": "shipped", "by": message.claims.get("name")}', "shop.py")
    request = lambda_events.http_api("POST /orders/o-1/ship", claims={"sub": "ada", "name": "Ada"})
    project.ok("invoke", input=json.dumps(request))
    rows = json.loads(project.run("diff", "Order", "o-1", "--json").stdout)
    assert [(row["outcome"], row["told"]) for row in rows] == [
        ("same", ""), ("cannot tell", "its handler looks at the caller's claims, which are not kept"),
    ]  # fmt: skip


def test_what_was_not_recorded_is_decided_again_where_its_digest_proves_the_payload(
    bank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQRSLESS_RECORD_COMMANDS", "off")
    payload = {"id": "a-1", "amount": 3, "note": "kept nowhere"}
    bank.ok("send", "Deposit", '{"id": "a-1", "amount": 2, "transfer": null}')
    bank.ok("send", "Deposit", json.dumps(payload))
    assert outcomes(bank) == ["same", "same", "same", "cannot tell"]
    result = bank.run("diff", "Account", "a-1")
    assert (result.exit_code, result.stdout) == (0, "4 commits: 3 same, 1 cannot tell\n")
    assert "--commands FILE gives the payloads" in result.stderr
    assert "version 4  Deposit  cannot tell: its command was not recorded\n" in bank.ok(
        "diff", "Account", "a-1", "--all"
    )
    bank.write("sent.jsonl", json.dumps({"command": "Deposit", "payload": payload}) + "\n")
    assert outcomes(bank, "--commands", "sent.jsonl") == ["same"] * 4
    bank.write("wrong.jsonl", json.dumps({"command": "Deposit", "payload": {**payload, "amount": 4}}) + "\n")
    assert outcomes(bank, "--commands", "wrong.jsonl") == ["same", "same", "same", "cannot tell"]


def test_a_file_of_commands_that_is_none_is_wrong_usage(bank: Any) -> None:
    bank.write("sent.jsonl", "not json\n")
    for file in ("sent.jsonl", "gone.jsonl"):
        result = bank.run("diff", "Account", "a-1", "--commands", file)
        assert (result.exit_code, file in result.stderr) == (2, True)


def test_a_state_stored_aggregate_is_decided_again_on_its_stored_states(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 3}')
    project.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    assert project.ok("diff", "Order", "o-1") == "2 commits: 2 same\n"
    project.edit('{**order, "status": "shipped"}', '{**order, "status": "sent"}', "shop.py")
    assert '  state ~ status: "shipped" -> "sent"' in project.run("diff", "Order", "o-1").stdout


def test_diff_writes_nothing(bank: Any) -> None:
    before = bank.ok("events", "Account", "a-1", "--json")
    bank.run("diff", "Account", "a-1")
    assert bank.ok("events", "Account", "a-1", "--json") == before
