"""`events`, `show` and `why`: what an aggregate went through, and why."""

from __future__ import annotations

import json
from typing import Any


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
    bank.edit('@bank.evolver("Opened", aggregate=Account)\n', "")
    bank.edit('Event("Opened"', 'Event("Begun"')
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
    for given in (("--version", "1"), ("--version",)):
        wrong = bank.run("show", "Account", "a-1", *given)
        assert wrong.exit_code == 2 and "'--version'" in wrong.stderr
        assert "--at" in wrong.stderr and "--json" not in wrong.stderr
    assert "--version" not in bank.ok("show", "--help")


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


def test_why_without_a_version_is_of_the_newest(bank: Any) -> None:
    assert bank.json("why", "Account", "a-1") == bank.json("why", "Account", "a-1", "2")
    result = bank.run("why", "Account", "a-9")
    assert (result.exit_code, "there is no Account a-9" in result.stderr) == (1, True)


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
    assert (result.exit_code, result.stderr) == (1, "NotFound: Account a-1 is at version 2, so there is no 9\n")
