"""A letter retried or dropped in the live run while a replay builds the next one: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cqrsless import CqrslessError, Event, Registry, RetryLater
from cqrsless.app import App
from cqrsless.delivery.replaying import Replay
from cqrsless.messages import Cost

from .conftest import Clock

SLICES = 7
Act = Callable[[App], object]


class Tally:
    """An application with a view of each aggregate's own rows and one of a shared row; numbers can be poison."""

    def __init__(self, clock: Clock) -> None:
        self.poison = {2}
        self.broken: set[int] = set()
        made = Registry("tally")
        Jar = made.aggregate("Jar", id_field="jar")

        @made.command_handler("Put", aggregate=Jar, creation="if_missing")
        def put(command: Any, jar: Any) -> Any:
            return {"n": command["n"]}, Event("WasPut", command)

        def fold(row: Any, event: Any) -> Any:
            if event["n"] in self.poison:
                raise ValueError(f"{event['n']} is poison")
            return {"seen": [*(row or {"seen": []})["seen"], (event["jar"], event["n"])]}

        made.processor("tallies", retries=1)
        made.projector("WasPut", view=made.view("Own", key="jar", processor="tallies"))(fold)
        shared = made.view("Shared", key="all", processor="tallies")
        made.projector("WasPut", view=shared, key=lambda event, message: "all")(fold)
        made.event_handler("WasPut", processor="tallies")(self.look)
        self.looked: list[int] = []
        self.app = App("memory://", registry=made, clock=clock)
        for n in range(4):
            for jar in ("a", "b"):
                self.app.execute("Put", {"jar": jar, "n": n + (0 if jar == "a" else 10)})
        self.app.drain()

    def look(self, event: Any) -> None:
        if event["n"] in self.broken:
            raise ValueError("not yet")
        self.looked.append(event["n"])

    def replay(self, view: str) -> Replay:
        """Begin a replay that goes one commit at a time."""
        reactions = self.app.compiled.reactions
        replay = reactions.replays._replay(reactions.members[view])
        replay.begin()
        return replay

    def seen(self, view: str) -> dict[str, list[int]]:
        views = self.app.compiled.reactions.views
        rows = [views.get(view, key) for key in (("a", "b") if view == "Own" else ("all",))]
        found: dict[str, list[int]] = {"a": [], "b": []}
        for row in rows:
            for jar, n in (row or {"seen": []})["seen"]:
                found[jar].append(n)
        return found

    def live(self, view: str) -> int:
        return self.app.compiled.reactions.runs.read(view, Cost()).live


@pytest.fixture
def tally(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Tally:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 1)
    return Tally(clock)


def play(tally: Tally, view: str, at: int, act: Act) -> None:
    """Replay a view, and do something before its n-th slice."""
    replay = tally.replay(view)
    ended = None
    step = 0
    while ended is None:
        if step == at:
            act(tally.app)
        ended = replay.slice()
        step += 1
        if step < 4:
            tally.app.execute("Put", {"jar": "a", "n": 100 + step})
            tally.app.drain()
    assert tally.live(view) == ended == 2
    assert step > at, "it came to act"


@pytest.mark.parametrize("view", ["Own", "Shared"])
@pytest.mark.parametrize("at", range(SLICES + 1))
def test_what_is_retried_meanwhile_is_in_the_new_run_whole_and_once(tally: Tally, view: str, at: int) -> None:
    def mend(app: App) -> None:
        tally.poison.clear()
        assert app.letters.retry(view) == []

    assert [letter.key for letter in tally.app.letters.list(view)] == ["Jar#a"]
    play(tally, view, at, mend)
    put = [event.payload["n"] for event in tally.app.history("Jar", "a")]
    assert tally.seen(view) == {"a": put, "b": [10, 11, 12, 13]}
    assert tally.app.letters.list(view) == []


@pytest.mark.parametrize("view", ["Own", "Shared"])
@pytest.mark.parametrize("at", range(SLICES + 1))
def test_what_is_dropped_meanwhile_is_dropped_from_the_new_run_and_no_more(tally: Tally, view: str, at: int) -> None:
    play(tally, view, at, lambda app: app.letters.drop(view, "Jar#a"))
    put = [event.payload["n"] for event in tally.app.history("Jar", "a")]
    assert tally.seen(view) == {"a": [n for n in put if n != 2], "b": [10, 11, 12, 13]}
    assert tally.app.letters.list(view) == []


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_a_letter_that_goes_on_between_the_last_look_and_the_switch_is_not_parked_behind_it(
    tally: Tally, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    end = Replay._end

    def late(self: Replay, *given: Any) -> Any:
        if act == "retry":
            tally.poison.clear()
            assert tally.app.letters.retry("Own") == []
        else:
            assert tally.app.letters.drop("Own", "Jar#a") == []
        return end(self, *given)

    monkeypatch.setattr(Replay, "_end", late)
    tally.app.replay("Own")
    assert tally.app.letters.list("Own") == []
    assert tally.seen("Own")["a"] == ([0, 1, 2, 3] if act == "retry" else [0, 1, 3])
    assert tally.live("Own") == 2


def test_what_was_dropped_before_a_replay_stays_out_of_it_while_nobody_can_fold_it(tally: Tally) -> None:
    tally.app.letters.drop("Own", "Jar#a")
    tally.app.replay("Own")
    assert tally.seen("Own")["a"] == [0, 1, 3]
    tally.poison.clear()
    tally.app.replay("Own")
    assert tally.seen("Own")["a"] == [0, 1, 2, 3], "code that can fold it does"


def test_a_run_that_waits_at_an_earlier_commit_than_the_live_one_is_not_as_good(tally: Tally) -> None:
    tally.poison = {3}
    (letter,) = tally.app.letters.retry("Own")
    assert letter.commit == 4
    tally.poison = {1, 3}
    with pytest.raises(CqrslessError, match=r"Jar#a at commit 2"):
        tally.app.replay("Own")
    assert tally.seen("Own")["a"] == [0, 1, 2]
    tally.poison = {3}
    tally.app.replay("Own")
    assert tally.seen("Own")["a"] == [0, 1, 2]
    assert [letter.commit for letter in tally.app.letters.list("Own")] == [4]


def test_what_only_the_new_run_cannot_fold_is_tried_again_before_it_is_given_up(tally: Tally) -> None:
    tally.poison.clear()
    tally.app.letters.retry("Own")
    tally.poison.add(11)
    replay = tally.replay("Own")
    for _ in range(8):
        replay.slice()
    tally.poison.clear()
    assert replay.slice() == 2
    assert tally.seen("Own") == {"a": [0, 1, 2, 3], "b": [10, 11, 12, 13]}


def test_a_run_that_lost_much_is_told_of_without_trying_all_of_it(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.LOST", 1)
    tally.app.letters.drop("Own", "Jar#a")
    tally.poison = {3, 13}
    replay = tally.replay("Own")
    with pytest.raises(CqrslessError, match=r"Jar#a at commit 4 .* Jar#b at commit 4"):
        while replay.slice() is None:
            continue
    assert tally.live("Own") == 1


def test_the_handlers_of_a_processor_that_were_mended_meanwhile_are_tried_again(tally: Tally) -> None:
    tally.broken = {1}
    tally.looked.clear()
    replay = tally.replay("tallies")
    for _ in range(8):
        replay.slice()
    assert tally.looked == [0, 10, 11, 12, 13], "what is parked waits"
    tally.broken.clear()
    replay.slice()
    assert tally.looked == [0, 10, 11, 12, 13, 1, 2, 3]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("error", [ValueError("not yet"), RetryLater("not yet", after=60)])
def test_a_handler_that_fails_in_a_replay_holds_up_no_other_commit_and_schedules_nothing(
    clock: Clock, ordered: bool, error: Exception
) -> None:
    made, seen, failing = Registry("jars"), [], {"b"}
    Jar = made.aggregate("Jar", id_field="jar")
    made.command_handler("Put", aggregate=Jar, creation="if_missing")(
        lambda command, jar: ({"full": True}, Event("WasPut", command))
    )
    made.processor("look", ordered=ordered, retries=2)

    @made.event_handler("WasPut", processor="look")
    def look(event: Any, *, message: Any) -> None:
        if message.replaying and event["jar"] in failing:
            raise error
        seen.append((event["jar"], message.replaying))

    app = App("memory://", registry=made, clock=clock)
    for jar in "abc":
        app.execute("Put", {"jar": jar})
    app.drain()
    seen.clear()
    with pytest.raises(CqrslessError, match=r"the replay of look has failures; .* Jar#b at commit 1"):
        app.replay("look")
    assert seen == [("a", True), ("c", True)]
    assert [item for item in app.store.scan("views", Cost()).items if item["pk"].startswith("s#")] == []
    failing.clear()
    seen.clear()
    app.replay("look")
    assert seen == [(jar, True) for jar in "abc"]
