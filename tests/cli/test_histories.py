"""`events`, `show`, `why` and `diff`: what an aggregate went through, why, and what today's code makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

ACCOUNTS = """
from cqrsless import Command, Event, Registry, Rejected

bank = Registry("bank")
Account = bank.aggregate("Account", id_field="id", event_sourced=True)
Transfer = bank.aggregate("Transfer", id_field="id")


@bank.command_handler("Open", aggregate=Account, creation="always")
def open_account(command, account):
    return Event("Opened", {"owner": command["owner"]})


@bank.command_handler("Deposit", aggregate=Account)
def deposit(command, account):
    return Event("Deposited", {"amount": command["amount"], "transfer": command.get("transfer")})


@bank.command_handler("Start", aggregate=Transfer, creation="always")
def start(command, transfer):
    return {"status": "started"}, Event("Started", command)


@bank.command_handler("Finish", aggregate=Transfer)
def finish(command, transfer):
    return {"status": "done"}


@bank.evolver("Opened", aggregate=Account)
def opened(account, event):
    return {"owner": event["owner"], "balance": 0}


@bank.evolver("Deposited", aggregate=Account)
def deposited(account, event):
    return {**account, "balance": account["balance"] + event["amount"]}


@bank.event_handler("Started", processor="transfers")
def pay(event):
    return Command("Deposit", {"id": event["to"], "amount": event["amount"], "transfer": event["id"]})


@bank.event_handler("Deposited", processor="transfers")
def end(event):
    return Command("Finish", {"id": event["transfer"]}) if event["transfer"] else None
"""


@pytest.fixture
def bank(project: Any) -> Any:
    project.write("accounts.py", ACCOUNTS)
    project.write("pyproject.toml", '[tool.cqrsless]\napp = "accounts:bank"\n')
    project.ok("send", "Open", '{"id": "a-1", "owner": "Ada"}', "--id", "c-1")
    project.ok("send", "Start", '{"id": "t-1", "to": "a-1", "amount": 5}', "--id", "c-2")
    return project


def edit(bank: Any, old: str, new: str) -> None:
    """Change the code, as a person between two runs of the command line would."""
    import sys

    file = bank.folder / "accounts.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    sys.modules.pop("accounts", None)


def test_events_are_listed_with_the_command_that_made_them(bank: Any) -> None:
    lines = bank.ok("events", "Account", "a-1").splitlines()
    assert lines[0].split() == ["VERSION", "TIME", "EVENT", "PAYLOAD", "COMMAND"]
    assert lines[1].split()[0::3] == ["1", "Opened", "Open"] or "Opened" in lines[1]
    assert lines[2].endswith("Deposit")
    assert [row["name"] for row in bank.json("events", "Account", "a-1")] == ["Opened", "Deposited"]
    assert [row["version"] for row in bank.json("events", "Account", "a-1", "--from", "2")] == [2]
    assert [row["version"] for row in bank.json("events", "Account", "a-1", "--to", "1")] == [1]


def test_a_commit_without_events_is_a_line_without_one(bank: Any) -> None:
    rows = bank.json("events", "Transfer", "t-1")
    assert [(row["version"], row.get("name")) for row in rows] == [(1, "Started"), (2, None)]


def test_events_of_nobody_and_of_no_type_are_told(bank: Any) -> None:
    missing = bank.run("events", "Account", "a-9")
    assert (missing.exit_code, missing.stderr) == (1, "NotFound: there is no Account a-9 in sqlite:///cqrsless.db\n")
    assert bank.run("events", "Acount", "a-1").exit_code == 2
    assert bank.json("events", "Account", "a-1", "--from", "7") == []


def test_an_event_that_todays_code_does_not_know_is_still_shown(bank: Any) -> None:
    edit(bank, '@bank.evolver("Opened", aggregate=Account)\n', "")
    edit(bank, 'Event("Opened"', 'Event("Begun"')
    rows = bank.json("events", "Account", "a-1")
    assert rows[0]["payload"] == {"owner": "Ada"}
    assert "Account#a-1 holds Opened, which this application does not know" in rows[0]["trouble"]


def test_show_gives_the_state_now_and_as_of_a_version(bank: Any) -> None:
    assert bank.json("show", "Account", "a-1")["state"] == {"owner": "Ada", "balance": 5}
    assert bank.json("show", "Account", "a-1", "--at", "1") == {
        "aggregate": "Account", "aggregate_id": "a-1", "version": 1, "state": {"owner": "Ada", "balance": 0},
    }  # fmt: skip
    assert bank.ok("show", "Account", "a-1").startswith("Account a-1  version 2\n{\n")
    assert bank.run("show", "Account", "a-1", "--at", "3").exit_code == 1


def test_why_tells_causes_up_and_effects_down_and_what_changed(bank: Any) -> None:
    told = bank.json("why", "Account", "a-1", "2")
    assert [(one["command"], one["aggregate_id"]) for one in told["causes"]] == [("Start", "t-1")]
    (event,) = told["commit"]["events"]
    assert [(one["command"], one["version"]) for one in event["caused"]] == [("Finish", 2)]
    assert event["for"] == ["processor transfers"]
    assert told["state"] == [{"path": "balance", "before": 0, "after": 5}]


def test_why_of_a_root_shows_the_whole_conversation(bank: Any) -> None:
    lines = bank.ok("why", "Transfer", "t-1", "1").splitlines()
    commands = [line.split()[0] for line in lines if "version" in line and not line.startswith("State")]
    assert commands == ["Start", "Deposit", "Finish"]
    assert lines[-2:] == ["State, at its beginning", '  + status: "started"']


def test_why_reads_no_more_than_it_needs_without_effects(bank: Any) -> None:
    told = bank.json("why", "Account", "a-1", "2", "--no-effects")
    assert (told["effects_searched"], told["commit"]["events"][0]["caused"]) == (False, [])
    assert "--effects reads the whole events table" in bank.run("why", "Account", "a-1", "2", "--no-effects").stderr


def test_why_finds_a_cause_deep_in_a_long_history(bank: Any) -> None:
    for number in range(20):
        bank.ok("send", "Deposit", json.dumps({"id": "a-1", "amount": number + 1}), "--no-drain")
    bank.write(
        "more.py",
        "from accounts import bank\nfrom cqrsless import Command\n"
        "bank.processor('gifts', start='beginning')\n@bank.event_handler('Deposited', processor='gifts')\n"
        "def gift(event):\n    return Command('Start', {'id': f't-{event[\"amount\"]}', 'to': 'a-1', 'amount': 0}) "
        "if event['amount'] == 7 else None\n",
    )
    bank.ok("send", "Open", '{"id": "a-2", "owner": "Bo"}', "--app", "more:bank")
    (cause, *_) = bank.json("why", "Transfer", "t-7", "1", "--app", "more:bank")["causes"]
    assert (cause["command"], cause["aggregate_id"], cause["version"]) == ("Deposit", "a-1", 9)


def test_a_version_that_there_is_not_is_told(bank: Any) -> None:
    result = bank.run("why", "Account", "a-1", "9")
    assert (result.exit_code, result.stderr) == (1, "NotFound: Account a-1 has 2 versions, so none of number 9\n")


# -- diff


def outcomes(bank: Any, *args: str) -> list[str]:
    result = bank.run("diff", "Account", "a-1", "--json", *args)
    return [row["outcome"] for row in json.loads(result.stdout)]


def test_unchanged_code_makes_no_difference(bank: Any) -> None:
    result = bank.run("diff", "Account", "a-1")
    assert (result.exit_code, result.stdout) == (0, "2 commits: 2 alike, 0 not decided again, 0 different\n")


def test_another_decision_is_a_difference_with_its_events(bank: Any) -> None:
    edit(bank, '{"amount": command["amount"], ', '{"amount": command["amount"] * 2, ')
    result = bank.run("diff", "Account", "a-1")
    assert result.exit_code == 1
    assert "version 2  Deposit  differs\n  ~ event 1.payload.amount: 5 -> 10\n" in result.stdout
    assert result.stderr == "1 of 2 commits would differ\n"


def test_another_fold_is_a_difference_of_the_state(bank: Any) -> None:
    edit(bank, '+ event["amount"]}', '- event["amount"]}')
    (row,) = (row for row in json.loads(bank.run("diff", "Account", "a-1", "--json").stdout) if row["state"])
    assert row["state"] == [{"path": "balance", "before": 5, "after": -5}]


def test_a_refusal_of_today_is_a_difference(bank: Any) -> None:
    edit(bank, "def deposit(command, account):\n", 'def deposit(command, account):\n    raise Rejected("closed")\n')
    assert "today it ends with Rejected: closed" in bank.run("diff", "Account", "a-1").stdout


def test_a_handler_that_is_gone_and_an_evolver_that_raises_are_told(bank: Any) -> None:
    edit(bank, '"Deposit", aggregate', '"PutIn", aggregate')
    assert "no handler of Deposit changes Account today" in bank.run("diff", "Account", "a-1").stdout
    edit(bank, '"balance": account["balance"]', '"balance": account["balanc"]')
    assert "it cannot be folded: KeyError: 'balanc'" in bank.run("diff", "Account", "a-1").stdout


def test_what_has_no_payload_at_hand_is_said_not_to_be_decided_again(bank: Any) -> None:
    payload = {"id": "a-1", "amount": 3, "note": "kept nowhere"}
    bank.ok("send", "Deposit", json.dumps(payload))
    assert outcomes(bank) == ["alike", "alike", "undecided"]
    assert "--commands FILE has those" in bank.run("diff", "Account", "a-1").stderr
    bank.write("sent.jsonl", json.dumps({"command": "Deposit", "payload": payload}) + "\n")
    assert outcomes(bank, "--commands", "sent.jsonl") == ["alike", "alike", "alike"]
    bank.write("wrong.jsonl", json.dumps({"command": "Deposit", "payload": {**payload, "amount": 4}}) + "\n")
    assert outcomes(bank, "--commands", "wrong.jsonl") == ["alike", "alike", "undecided"]


def test_a_file_of_commands_that_is_none_is_wrong_usage(bank: Any) -> None:
    bank.write("sent.jsonl", "not json\n")
    for file in ("sent.jsonl", "gone.jsonl"):
        result = bank.run("diff", "Account", "a-1", "--commands", file)
        assert (result.exit_code, file in result.stderr) == (2, True)


def test_a_state_stored_aggregate_is_decided_again_on_its_stored_states(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 3}')
    project.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    assert project.ok("diff", "Order", "o-1") == "2 commits: 2 alike, 0 not decided again, 0 different\n"
    shop = project.folder / "shop.py"
    shop.write_text(shop.read_text().replace('{**order, "status": "shipped"}', '{**order, "status": "sent"}'))
    import sys

    sys.modules.pop("shop")
    assert '  state ~ status: "shipped" -> "sent"' in project.run("diff", "Order", "o-1").stdout


def test_diff_writes_nothing(bank: Any) -> None:
    before = bank.ok("events", "Account", "a-1", "--json")
    bank.run("diff", "Account", "a-1")
    assert bank.ok("events", "Account", "a-1", "--json") == before
