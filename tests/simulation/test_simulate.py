"""Whole applications through schedules in which everything goes wrong; thousands more of them are marked `long`."""

from __future__ import annotations

import linecache
import re
from random import Random
from typing import Any

import pytest

from cqrsless import Command, Event, Registry
from cqrsless.testing import SimulationFailed, simulate

from .apps import APPS
from .mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("app", APPS)
def test_everything_keeps_its_promises(app: str) -> None:
    run(app, schedules=40, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("app", APPS)
def test_everything_keeps_its_promises_in_thousands_of_schedules(app: str, seed: int) -> None:
    run(app, schedules=500, seed=100 + seed)


#: Rules whose absence shows within a few schedules; all are taken out where `long` tests are run.
QUICK = (
    "a repeat is skipped",
    "missing commits are read and applied first",
    "a place is written after the handlers, not before",
    "behind a parked aggregate, others go on",
    "a retry begins at the failing commit",
    "a derived command has an id made of what it comes from",
    "the event for a refusal goes with its command",
    "indexers write to every listed generation",
)


@pytest.mark.parametrize("rule", QUICK)
def test_without_a_rule_the_simulator_fails(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (mutation,) = (one for one in MUTATIONS if one.rule == rule)
    _is_caught(mutation, monkeypatch, schedules=100)


@pytest.mark.long
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_without_the_rule_that(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a rule out, and the simulator says so."""
    _is_caught(mutation, monkeypatch, schedules=1000)


def _is_caught(mutation: Mutation, monkeypatch: pytest.MonkeyPatch, schedules: int) -> None:
    mutation.take_out(monkeypatch)
    with pytest.raises(SimulationFailed) as failed:
        run(mutation.app, schedules=schedules, seed=1, shrink=False)
    assert mutation.found in failed.value.what


def run(app: str, **options: Any) -> None:
    make, given = APPS[app]
    simulate(make(), **given, **options)


def forgetful() -> Registry:
    """Count visits in a view that counts otherwise in a replay."""
    made = Registry("forgetful")
    Guest = made.aggregate("Guest", id_field="guest")
    Visits = made.view("Visits", key="guest")

    @made.command_handler("Visit", aggregate=Guest, creation="if_missing")
    def visit(command: Any, guest: Any) -> Any:
        return {"n": (guest or {"n": 0})["n"] + 1}, Event("Visited", dict(command))

    @made.projector("Visited", view=Visits)
    def visited(row: Any, event: Any, *, message: Any) -> Any:
        return {"n": (row or {"n": 0})["n"] + (2 if message.replaying else 1)}

    return made


def visits(random: Random) -> Command:
    return Command("Visit", {"guest": random.choice("ab")})


def test_a_check_without_a_message_is_told_by_its_line() -> None:
    code = "def check(app):\n    assert app is None\n"
    linecache.cache["a_check.py"] = (len(code), None, code.splitlines(keepends=True), "a_check.py")
    made: dict[str, Any] = {}
    exec(compile(code, "a_check.py", "exec"), made)  # as in a module whose assertions pytest does not rewrite

    with pytest.raises(SimulationFailed) as failed:
        run("papers", check=made["check"], schedules=1)

    assert failed.value.what == "a_check.py:2: assert app is None"


def test_a_failure_names_its_seed_and_a_short_script_that_fails_again() -> None:
    with pytest.raises(SimulationFailed) as failed:
        simulate(forgetful(), visits, schedules=30, seed=7)

    assert failed.value.seed == 7
    assert "seed=7" in str(failed.value)
    assert re.search(r"^ +1  ", str(failed.value), re.MULTILINE), "what happened is told, step by step"
    with pytest.raises(SimulationFailed):
        simulate(forgetful(), visits, script=failed.value.script)
