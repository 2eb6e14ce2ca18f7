"""Whole applications through schedules in which everything goes wrong; thousands more of them are marked `long`."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest

from cqrsless import Command, Event, Registry
from cqrsless.testing import SimulationFailed, simulate

from .apps import deal_commands, deals, deliveries, market, market_commands
from .mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("seed", [1, 2])
def test_views_and_processors_of_every_sort_keep_their_promises(seed: int) -> None:
    simulate(market(), market_commands, schedules=60, seed=seed)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_process_with_deadlines_and_outside_events_keeps_its_promises(seed: int) -> None:
    simulate(deals(), deal_commands, external=deliveries, schedules=60, seed=seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_many_schedules_of_the_market(seed: int) -> None:
    simulate(market(), market_commands, schedules=500, seed=100 + seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_many_schedules_of_the_deals(seed: int) -> None:
    simulate(deals(), deal_commands, external=deliveries, schedules=500, seed=100 + seed)


#: Rules whose absence 250 schedules do not show: tests of their own do (parking, and workers of the log).
ELSEWHERE = {
    "a token leaves a part at its seal, not at its end",
    "what is parked goes on only if nothing newer was seen",
    "a letter is written with the park, all or nothing",
    "whoever is woken while another holds a slice is woken again",
}


@pytest.mark.long
@pytest.mark.parametrize(
    "mutation", [one for one in MUTATIONS if one.rule not in ELSEWHERE], ids=lambda mutation: mutation.rule
)
def test_without_the_rule_that(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a rule out, and the simulator says so."""
    mutation.take_out(monkeypatch)
    with pytest.raises(SimulationFailed) as failed:
        if mutation.app == "market":
            simulate(market(), market_commands, schedules=250, seed=1, shrink=False)
        else:
            simulate(deals(), deal_commands, external=deliveries, schedules=250, seed=1, shrink=False)
    assert mutation.found in failed.value.what


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


def test_a_failure_names_its_seed_and_a_short_script_that_fails_again() -> None:
    with pytest.raises(SimulationFailed) as failed:
        simulate(forgetful(), visits, schedules=30, seed=7)

    assert failed.value.seed == 7
    assert "seed=7" in str(failed.value)
    assert re.search(r"^ +1  ", str(failed.value), re.MULTILINE), "what happened is told, step by step"
    with pytest.raises(SimulationFailed):
        simulate(forgetful(), visits, script=failed.value.script)
