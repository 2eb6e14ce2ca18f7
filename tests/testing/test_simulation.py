"""The simulator as its users meet it: what it takes, what it says of a failure, and that it does the same again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from cqrsless import App, Command, CqrslessError, Event, Registry, Rejected
from cqrsless.testing import SimulationFailed, simulate
from cqrsless.testing.simulating.steps import Script, Step

ROOT = Path(__file__).parent.parent.parent


def counting(*, when_done: Any = None) -> Registry:
    """Give an application that counts, in a view and in a handler."""
    made = Registry("counting")
    Counter = made.aggregate("Counter", id_field="name")

    @made.command_handler("Count", aggregate=Counter, creation="if_missing")
    def count(command: Any, counter: Any) -> Any:
        n = (counter or {"n": 0})["n"] + 1
        if n > 5:
            raise Rejected("five is enough")
        return {"n": n}, Event("Counted", {"name": command["name"], "n": n})

    @made.projector("Counted", view=made.view("Counts", key="name"))
    def counted(row: Any, event: Any) -> Any:
        return {"n": (row or {"n": 0})["n"] + 1}

    made.processor("after", start="beginning")

    @made.event_handler("Counted", processor="after")
    def after(event: Any) -> Any:
        return when_done(event) if when_done is not None else None

    return made


def fail_at(number: int) -> Any:
    def when_done(event: Any) -> None:
        if event["n"] == number:
            raise ValueError("not that one")

    return when_done


def commands(random: Random) -> Command:
    return Command("Count", {"name": random.choice("ab")})


def failure(registry: Registry, *, schedules: int = 30, **options: Any) -> SimulationFailed:
    with pytest.raises(SimulationFailed) as failed:
        simulate(registry, commands, schedules=schedules, **options)
    return failed.value


def test_an_application_that_is_right_passes() -> None:
    simulate(counting(), commands, schedules=20)


def test_commands_may_come_from_a_strategy_of_hypothesis() -> None:
    names = st.sampled_from("abc")
    seen: set[str] = set()

    def check(app: App) -> None:
        seen.update(change.pk for change in app.store.changes("events", 0, 1000))

    strategy = st.builds(lambda name: Command("Count", {"name": name}), names)
    simulate(counting(), strategy, schedules=20, check=check)
    assert seen == {"Counter#a", "Counter#b", "Counter#c"}


def test_commands_may_be_several_or_none() -> None:
    def some(random: Random) -> list[Command] | None:
        return [commands(random) for _ in range(2)] if random.random() < 0.5 else None

    simulate(counting(), some, schedules=10)


def test_the_same_seed_makes_the_same_schedules() -> None:
    def events(seed: int) -> list[list[tuple[str, Any]]]:
        found: list[list[tuple[str, Any]]] = []

        def check(app: App) -> None:
            found.append([(change.pk, change.sk) for change in app.store.changes("events", 0, 1000)])

        simulate(counting(), commands, schedules=15, seed=seed, check=check)
        return found

    assert events(3) == events(3) != events(4)


def test_nothing_depends_on_the_process() -> None:
    """A failure that is found on one machine is found on another: Python salts the hashes of strings."""
    code = (
        "from tests.testing.test_simulation import counting, fail_at, failure; "
        "print(failure(counting(when_done=fail_at(3)), seed=5, shrink=False))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1] != ""


def test_a_failure_is_shown_with_its_seed_its_script_and_its_story() -> None:
    failed = failure(counting(when_done=fail_at(2)), seed=11, shrink=False)
    assert "stays parked for after at commit 2: ValueError: not that one" in failed.what
    assert str(failed).startswith(failed.what)
    assert "seed=11" in str(failed)
    assert f"script={failed.script!r}" in str(failed)
    assert failed.story[0] in str(failed)


def test_a_script_is_as_short_as_it_gets() -> None:
    failed = failure(counting(when_done=fail_at(2)))
    assert [step.do for step in Script.read(failed.script).steps] == ["command", "command"]


def test_a_script_fails_again() -> None:
    registry = counting(when_done=fail_at(2))
    failed = failure(registry, shrink=False)
    again = failure(registry, script=failed.script)
    assert (again.what, again.script, again.story) == (failed.what, failed.script, failed.story)


def test_a_script_with_commands_of_a_strategy_fails_again() -> None:
    registry = counting(when_done=fail_at(1))
    strategy = st.builds(lambda name: Command("Count", {"name": name}, id=f"id-{name}"), st.sampled_from("abc"))
    with pytest.raises(SimulationFailed) as failed:
        simulate(registry, strategy, schedules=10, shrink=False)
    with pytest.raises(SimulationFailed) as again:
        simulate(registry, strategy, script=failed.value.script)
    assert again.value.story == failed.value.story


def test_a_script_is_plain_text() -> None:
    script = Script(1, (7,), (Step("command", x=3), Step("deliver", 2, 4, calls=5, ending="crash")))
    assert script.text() == '[1,[7],["command",0,3],["deliver",2,4,0,0,5,"crash"]]'
    assert Script.read(script.text()) == script


@pytest.mark.parametrize("text", ["", "[]", "no", '[0,[],["dance"]]', '[0,[],["command",0,0,0,0,0,"sneeze"]]'])
def test_what_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(CqrslessError, match="this is no script of a simulation"):
        simulate(counting(), commands, script=text)


def test_the_application_may_leave_letters_where_that_is_said() -> None:
    simulate(counting(when_done=fail_at(2)), commands, schedules=15, may_park=True)


def test_what_the_user_checks_is_a_promise_too() -> None:
    def check(app: App) -> None:
        for name in "ab":
            row = app.compiled.reactions.views.get("Counts", name)
            assert row is None or row["n"] < 3, f"{name} was counted {row['n']} times"

    assert "was counted " in failure(counting(), check=check, shrink=False).what


def test_a_bug_in_a_command_handler_is_a_failure() -> None:
    made = Registry("buggy")

    @made.command_handler("Count", aggregate=made.aggregate("Counter", id_field="name"), creation="if_missing")
    def count(command: Any, counter: Any) -> Any:
        return {"n": 1 / 0}

    assert "ZeroDivisionError" in failure(made, shrink=False).what


def test_events_that_cause_each_other_for_ever_are_a_failure() -> None:
    made = Registry("endless")

    @made.command_handler("Count", aggregate=made.aggregate("Counter", id_field="name"), creation="if_missing")
    def count(command: Any, counter: Any) -> Any:
        return {"n": (counter or {"n": 0})["n"] + 1}, Event("Counted", {"name": command["name"]})

    @made.event_handler("Counted")
    def again(event: Any) -> Any:
        return Command("Count", {"name": event["name"]})

    assert "come to rest" in failure(made, schedules=2, shrink=False).what


def test_external_events_that_nobody_can_handle_are_a_failure() -> None:
    made = counting()

    @made.event_handler("Told", processor="outside", source="others")
    def told(event: Any) -> Any:
        raise ValueError("not mine")

    made.processor("outside")
    given: dict[str, Any] = {"external": lambda random: {"name": "Told", "payload": {}, "source": "others"}}
    assert "cannot be handled" in failure(made, shrink=False, **given).what
    simulate(made, commands, schedules=10, may_park=True, **given)


def test_without_commands_it_says_what_to_give() -> None:
    with pytest.raises(TypeError, match=r"commands=: a function that makes a Command out of a random\.Random"):
        simulate(counting())


def test_only_a_strategy_needs_hypothesis_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = st.builds(lambda name: Command("Count", {"name": name}), st.sampled_from("abc"))
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    simulate(counting(), commands, schedules=3)
    with pytest.raises(CqrslessError, match="pip install hypothesis"):
        simulate(counting(), strategy)


def test_what_makes_no_commands_is_refused() -> None:
    with pytest.raises(TypeError, match="neither a function that makes a Command"):
        simulate(counting(), [Command("Count", {"name": "a"})])  # type: ignore[arg-type]


def test_a_longer_campaign_begins_with_a_shorter_one() -> None:
    def scripts(schedules: int) -> list[Any]:
        made: list[Any] = []

        def noted(random: Random) -> Command:
            made.append(random.getstate())
            return commands(random)

        simulate(counting(), noted, schedules=schedules, seed=3)
        return made

    shorter = scripts(4)
    assert scripts(8)[: len(shorter)] == shorter


def test_it_says_how_often_each_thing_happened() -> None:
    done = simulate(counting(), commands, schedules=60)

    assert done.schedules == 60
    assert {
        "a command is carried out", "a command is refused", "a record comes again", "a batch is out of order",
        "is throttled", "dies before a call", "dies after a write", "sleeps before a call", "sleeps before a write",
        "an answer comes late, and the write is tried again", "a write is applied, and counts as failed",
        "is throttled at a write", "a handler fails", "go on", "expire", "clock", "replay", "rebuild", "retry",
        "give up", "read", "deploy",
    } <= {what for what, times in done.happened.items() if times}  # fmt: skip
    assert str(done).startswith("60 schedules\n")


def test_importing_it_does_not_import_hypothesis() -> None:
    code = "import sys, cqrsless.testing; print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_it_leaves_everything_as_it_was() -> None:
    from cqrsless.log import pages

    before = pages.PER_PAGE, os.environ.get("CQRSLESS_PROCESSOR")
    simulate(counting(), commands, schedules=5)
    assert (pages.PER_PAGE, os.environ.get("CQRSLESS_PROCESSOR")) == before
