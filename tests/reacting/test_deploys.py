"""Deploys with other projectors: noticed, built beside the live run, by whoever holds it, and by nobody twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import Event, Registry, invocation
from cqrsless.app import App
from cqrsless.delivery.batches import Delivery
from cqrsless.delivery.codes import QUIET
from cqrsless.delivery.replaying import CLAIM
from cqrsless.delivery.runs import Control, Runs
from cqrsless.errors import ConcurrencyConflict, CqrslessError, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.reacting.replays import Replays
from cqrsless.store import Item
from cqrsless.stores import open_store

Project = Callable[[Any, Any], Any]


def one(row: Any, event: Any) -> Any:
    return {"seen": [*(row or {"seen": []})["seen"], event["n"]], "code": [*(row or {"code": []})["code"], 1]}


def two(row: Any, event: Any) -> Any:
    return {"seen": [*(row or {"seen": []})["seen"], event["n"]], "code": [*(row or {"code": []})["code"], 2]}


def three(row: Any, event: Any) -> Any:
    if event["n"] == 1:
        raise ValueError("three cannot")
    return {"seen": [*(row or {"seen": []})["seen"], event["n"]], "code": [*(row or {"code": []})["code"], 3]}


CODES: dict[int, Project] = {1: one, 2: two, 3: three}


class Fleet:
    """Containers of several deploys on one store, as on Lambda: what one function calls, another one runs."""

    def __init__(self, patch: pytest.MonkeyPatch, slice_: int = 2) -> None:
        patch.setattr(Replays, "_elsewhere", lambda replays: "arn:function")
        patch.setattr(Replays, "_invoke", lambda replays, member, run: self.called.append((member.name, run)))
        patch.setattr(invocation, "seconds_left", lambda: 0.0)
        patch.setattr(invocation, "request", lambda: self.request)
        patch.setattr("cqrsless.delivery.replaying.SLICE", slice_)
        self.store = open_store("memory://")
        self.time = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.called: list[tuple[str, int]] = []
        self.request = "r-1"
        self.waiting: list[Item] = []
        self.apps: dict[int, App] = {}
        self.counts: dict[str, int] = {}
        self.apps[1] = self.app(1)

    def app(self, code: int) -> App:
        made = Registry("shop")
        Counter = made.aggregate("Counter", id_field="id")

        @made.command_handler("Count", aggregate=Counter, creation="if_missing")
        def count(command: Any, counter: Any) -> Any:
            n = (counter or {"n": 0})["n"] + 1
            return {"n": n}, Event("Counted", {"n": n})

        made.projector("Counted", view=made.view("Counts", key="id"))(CODES[code])
        return App(self.store, registry=made, clock=lambda: self.time)

    def deploy(self, code: int) -> App:
        """Give a container with a code; starting it takes no notice of anything, as on Lambda."""
        if code not in self.apps:
            start, self.apps[code] = "cqrsless.reacting.reactions.Reactions.start", None  # type: ignore[assignment]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(start, lambda reactions: None)
                self.apps[code] = self.app(code)
        return self.apps[code]

    def commit(self, id_: str) -> None:
        version = self.apps[1].execute("Count", {"id": id_}).version
        item = self.store.get("events", f"Counter#{id_}", version or 0, Cost())
        assert item is not None
        self.counts[id_] = version or 0
        self.waiting.append(item)

    def deliver(self, code: int, items: list[Item] | None = None) -> None:
        if items is None:
            items, self.waiting = self.waiting, []
        self.waiting += [items[int(at)] for at in self.deploy(code).consume(
            [Delivery(str(at), item) for at, item in enumerate(items)]
        )]  # fmt: skip

    def work(self, code: int, *, twice: bool = False) -> None:
        """Run the oldest call; one that fails is run again a minute later, as Lambda does."""
        name, run = self.called.pop(0)
        self.request += "+"
        for _ in range(2 if twice else 1):
            try:
                self.deploy(code).answer_replay(name, run)
            except ConcurrencyConflict:
                self.called.append((name, run))

    def settle(self, code: int, minutes: int) -> None:
        """Let only one code be there from now on, with a little traffic."""
        for minute in range(minutes):
            self.time += timedelta(minutes=1)
            if minute % 3 == 0:
                self.commit("k-0")
            self.deliver(code)
            for _ in range(10):
                if self.called:
                    self.work(code)

    @property
    def control(self) -> Control:
        return Runs(self.store, lambda: self.time).read("Counts", Cost())

    def rows(self) -> dict[str, Any]:
        reactions = self.apps[1].compiled.reactions
        self.time += timedelta(seconds=3)
        return {id_: reactions.views.get("Counts", id_) for id_ in self.counts}

    def check(self, code: int) -> None:
        assert self.rows() == {
            id_: {"seen": list(range(1, n + 1)), "code": [code] * n} for id_, n in self.counts.items()
        }


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made = Fleet(monkeypatch)
    for n in range(7):
        made.commit(f"k-{n % 3}")
    made.deliver(1)
    return made


def test_other_projectors_begin_a_run_which_readers_see_once_it_is_whole(fleet: Fleet) -> None:
    assert fleet.control.next is None
    fleet.check(1)
    fleet.commit("k-1")
    fleet.deliver(2)
    assert (fleet.control.live, fleet.control.next, fleet.called) == (1, 2, [("Counts", 2)])
    while fleet.called:
        assert fleet.rows()["k-0"]["code"] == [1, 1, 1]
        fleet.work(2)
    fleet.check(2)
    assert (fleet.control.live, fleet.control.next) == (2, None)
    fleet.settle(2, 60)
    assert fleet.control.newest == 2


def test_the_same_code_in_another_container_begins_nothing(fleet: Fleet) -> None:
    fleet.apps[4] = fleet.app(1)
    fleet.commit("k-0")
    fleet.deliver(4)
    assert (fleet.control.newest, fleet.called) == (1, [])


def test_old_containers_of_a_deploy_stop_nothing_and_spoil_nothing(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)
    for n in range(4):
        fleet.work(2)
        fleet.commit(f"k-{n % 3}")
        fleet.deliver(1)  # which keeps away from the new run
    assert fleet.rows()["k-0"]["seen"] == list(range(1, fleet.counts["k-0"] + 1)), "readers are not behind"
    fleet.settle(2, 10)
    fleet.check(2)
    assert fleet.control.newest == 2


def test_an_old_container_cannot_build_the_new_run(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)
    fleet.work(1)
    assert fleet.called == [("Counts", 2)]
    assert fleet.control.done == 0


def test_a_deploy_that_is_taken_back_gives_up_its_run(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)
    fleet.called.clear()
    fleet.settle(1, 60)
    fleet.check(1)


def test_a_deploy_that_is_taken_back_after_its_switch_is_built_again(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)
    fleet.settle(2, 5)
    fleet.check(2)
    fleet.settle(1, 14)
    assert fleet.control.newest == 2, "it may be an old container"
    fleet.settle(1, 60)
    fleet.check(1)


def test_two_codes_side_by_side_do_not_take_turns(fleet: Fleet) -> None:
    """As in a canary deployment, where a part of all batches goes to the new version for an hour."""
    fleet.commit("k-0")
    fleet.deliver(2)
    for minute in range(120):
        fleet.time += timedelta(minutes=1)
        fleet.commit(f"k-{minute % 3}")
        fleet.deliver(2 if minute % 5 == 0 else 1)
        if fleet.called:
            fleet.work(2)
    assert fleet.control.newest <= 2 + 120 * 60_000_000 // QUIET
    assert fleet.control.code == fleet.deploy(2).compiled.reactions.members["Counts"].code
    fleet.settle(2, 40)
    fleet.check(2)


def test_an_old_container_that_goes_on_after_the_switch_takes_nothing_back(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)
    fleet.settle(2, 5)
    for minute in range(60):
        fleet.time += timedelta(minutes=1)
        fleet.commit(f"k-{minute % 3}")
        fleet.deliver(1 if minute % 2 else 2)
    assert (fleet.control.live, fleet.control.newest) == (2, 2)
    fleet.settle(2, 40)
    fleet.check(2)


def test_code_that_cannot_fold_what_the_live_one_could_is_not_tried_again(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.commit("k-0")
    fleet.deliver(3)
    with pytest.raises(CqrslessError, match="the replay of Counts has failures; the live run stays"):
        for _ in range(20):
            fleet.work(3)
    assert (fleet.control.live, fleet.control.next) == (1, None)
    fleet.settle(3, 30)
    assert fleet.control.newest == 2
    fleet.settle(2, 5)
    fleet.check(2)


def test_after_a_failed_deploy_is_taken_back_the_rows_are_of_one_code_again(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(3)
    with pytest.raises(CqrslessError):
        for _ in range(20):
            fleet.work(3)
    fleet.settle(3, 3)
    fleet.settle(1, 40)
    fleet.check(1)


def test_a_call_that_comes_twice_and_one_that_is_late_do_nothing_twice(fleet: Fleet) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)
    while fleet.called:
        call = fleet.called[0]
        fleet.work(2, twice=True)
        assert len(fleet.called) <= 2
        fleet.called = fleet.called[:1] or []
    fleet.check(2)
    before = fleet.control
    assert fleet.deploy(2).answer_replay(*call) == {"replay": "Counts", "runs": {"Counts": {
        "run": 2, "done": before.done, "ended": True,
    }}}  # fmt: skip
    assert fleet.control == before


def test_a_worker_that_died_is_followed_by_another(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.commit("k-0")
    fleet.deliver(2)

    class Died(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cqrsless.delivery.replaying.Replay._reach", die)
        with pytest.raises(Died):
            fleet.work(2)
    fleet.commit("k-1")
    fleet.deliver(2)
    assert fleet.called == [], "its claim holds"
    again = ("Counts", 2)
    with pytest.raises(ConcurrencyConflict, match="held by an earlier attempt"):
        fleet.deploy(2).answer_replay(*again)  # Lambda runs the very same call again
    fleet.time += timedelta(microseconds=CLAIM)
    fleet.commit("k-1")
    fleet.deliver(2)
    assert fleet.called == [again]
    fleet.settle(2, 3)
    fleet.check(2)


def test_a_function_that_may_not_invoke_itself_says_so_and_fails_no_batch(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(Replays, "_elsewhere", lambda replays: "arn:function")

    class Client:
        def invoke(self, **params: Any) -> None:
            raise RuntimeError("AccessDenied")

    monkeypatch.setattr("cqrsless.reacting.replays.aws_client", lambda service: Client())
    fleet.commit("k-0")
    with caplog.at_level(logging.ERROR):
        fleet.deliver(2)
    assert fleet.waiting == []
    assert "its role needs lambda:InvokeFunction on it" in caplog.text.lower().replace(
        "invokefunction", "InvokeFunction"
    )


def test_a_view_that_is_new_on_an_old_store_is_built_from_it(fleet: Fleet) -> None:
    for item in [item for item in fleet.store.scan("views", Cost()).items if item["pk"] == "c#Counts"]:
        fleet.store.write([_delete(item)], Cost())
    fleet.time += timedelta(hours=1)
    fleet.commit("k-9")
    fleet.deliver(2)
    fleet.settle(2, 3)
    fleet.check(2)


def test_a_new_view_that_may_not_look_at_history_goes_on_and_says_so(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for item in [item for item in fleet.store.scan("views", Cost()).items if item["pk"] == "c#Counts"]:
        fleet.store.write([_delete(item)], Cost())
    fleet.time += timedelta(hours=1)

    def refuse(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("AWS does not allow dynamodb:Scan on orders-events")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet.store, "scan", refuse)
        fleet.commit("k-9")
        fleet.deliver(1)
    assert fleet.waiting == []
    assert fleet.rows()["k-9"] == {"seen": [1], "code": [1]}
    assert "the new view Counts is to be built from what is stored cannot be told: AWS does not allow" in caplog.text
    fleet.settle(1, 5)
    assert fleet.control.live == 2
    fleet.check(1)


def _delete(item: Item) -> Any:
    from cqrsless.store import Delete

    return Delete("views", item["pk"], item["sk"])


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2]), st.integers(1, 5))
def test_whatever_a_deploy_meets_the_rows_are_of_the_deployed_code_in_the_end(
    seed: int, last: int, slice_: int
) -> None:
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        fleet = Fleet(patch, slice_)
        for n in range(random.randint(1, 9)):
            fleet.commit(f"k-{n % 3}")
        fleet.deliver(1)
        for _ in range(random.randint(1, 30)):
            code = random.choice([1, 2])
            act = random.randrange(6)
            if act <= 1:
                fleet.commit(f"k-{random.randrange(4)}")
            elif act == 2:
                count = random.randint(0, len(fleet.waiting))
                items, fleet.waiting = fleet.waiting[:count], fleet.waiting[count:]
                if random.random() < 0.3:
                    items += random.sample(items, min(len(items), 2))
                fleet.deliver(code, items)
            elif act == 3 and fleet.called:
                fleet.work(code, twice=random.random() < 0.2)
            elif act == 4 and fleet.called and random.random() < 0.2:
                fleet.called.pop(0)  # lost with its container
            else:
                fleet.time += timedelta(minutes=random.choice([0, 0, 1, 5, 20]))
        fleet.settle(last, 90)
        fleet.check(last)
