"""Replaying a view: a new run beside the live one, and the switch to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import Message, Registry
from cqrsless.delivery.batches import Taker, feeding
from cqrsless.delivery.commit import Commit
from cqrsless.delivery.letters import Parked, ParkedAggregates
from cqrsless.delivery.replaying import SLICE, Replay, tidy
from cqrsless.delivery.runs import KEPT_FOR, Control, Runs
from cqrsless.errors import ConcurrencyConflict, CqrslessError
from cqrsless.messages import Cost
from cqrsless.projections.reading import Views
from cqrsless.store import Item
from tests.projections.harness import NOON, Bench, Died, Interfering, order, registry

SECONDS = timedelta(seconds=1)


class Shop(Bench):
    """A bench with one view whose projector's code can change, a clock, and live consumers that follow the runs."""

    def __init__(self, store: str = "memory://") -> None:
        self.code = 1
        self.poison: set[int] = set()
        super().__init__(self._registry(), store)
        self.time = NOON
        self.runs = Runs(self.store, lambda: self.time)
        self.told: list[int] = []
        self.fed = 0

    def _registry(self) -> Registry:
        made = registry()
        Listed = made.view("Listed", key=("shop", "order_id"), indexes={"by_code": "code"})

        @made.projector("Added", view=Listed)
        def added(row: Any, event: Any, *, message: Message) -> Any:
            self.fed += 1
            if event["n"] in self.poison:
                raise RuntimeError("poison")
            row = row or {"seen": []}
            return {**event, "seen": [*row["seen"], event["n"]], "code": self.code}

        made.projector("Added", view=made.view("Other", key="order_id"))(lambda row, event: event)
        return made

    def add(self, n: int, name: str = "o-1") -> Item:
        return self.commit(f"Order:{name}", ("Added", order(name, shop="s", n=n)))

    def made(self, run: int, store: Any = None) -> tuple[Taker, Parked]:
        container = self.container(run=run, store=store)
        view = container.views["Listed"]
        taker = feeding(lambda commit, cost: container.feeder.feed(view, commit, cost), view.name)
        return taker, ParkedAggregates(container.feeder, view)

    def taker(self, run: int) -> Taker:
        return self.made(run)[0]

    def deliver(self, *items: Item, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Take a batch as a stream consumer does: the runs are read before it."""
        control = self.runs.read("Listed", Cost())
        meanwhile()
        for run in {control.live, control.next} - {None}:
            assert run is not None
            for item in items:
                for _ in range(10):
                    try:
                        self.taker(run).take(Commit(item, self.container().decoder), Cost())
                        break
                    except Exception:
                        continue

    def replay(self, store: Any = None, code: str = "") -> Replay:
        runs = self.runs if store is None else Runs(store, lambda: self.time)
        return Replay(
            runs, "Listed", lambda run: self.made(run, store), self.container().decoder, lambda: self.time, code=code
        )

    def control(self) -> Control:
        return self.runs.read("Listed", Cost())

    def live(self) -> dict[str, Any]:
        """Give what readers see."""
        run = self.control().live
        return {key[1]: (row["seen"], row["code"]) for key, row in self.rows("Listed", run).items()}

    def later(self, microseconds: int) -> None:
        self.time += timedelta(microseconds=microseconds)

    def sweep(self) -> None:
        for _ in range(1000):
            tidy(self.runs, "Listed", self.control(), self.time, Cost())


def test_a_replay_builds_a_new_run_with_the_present_code_and_switches() -> None:
    shop = Shop()
    shop.deliver(*(shop.add(n, f"o-{n % 3}") for n in range(9)))
    shop.code = 2
    assert shop.live()["so-1"] == ([1, 4, 7], 1)
    told: list[int] = []
    assert shop.replay().run(told.append) == 2
    assert shop.live() == {"so-0": ([0, 3, 6], 2), "so-1": ([1, 4, 7], 2), "so-2": ([2, 5, 8], 2)}
    assert told == [9]
    assert shop.replay().run() == 3


def test_a_replay_of_nothing_ends_at_once() -> None:
    assert Shop().replay().run() == 2


def test_progress_is_told_after_each_slice() -> None:
    shop = Shop()
    for n in range(2):
        shop.add(n)
    template = shop.commits()[1]
    for number in range(3, SLICE * 2 + 8):
        shop.store.put("events", {**template, "c": number}, Cost())
    told: list[int] = []
    shop.replay().run(told.append)
    assert told == [SLICE, SLICE * 2, SLICE * 2 + 7]


def test_what_is_delivered_meanwhile_goes_to_both_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 2)
    shop = Shop()
    shop.deliver(*(shop.add(n) for n in range(3)))
    late = shop.add(3)
    replay = shop.replay()
    replay.begin()
    shop.deliver(late, shop.add(4))
    assert shop.live()["so-1"][0] == [0, 1, 2, 3, 4]
    while replay.slice() is None:
        shop.deliver(shop.add(shop.fed))
    seen = shop.live()["so-1"][0]
    assert seen[:5] == [0, 1, 2, 3, 4]
    assert len(seen) == len(shop.commits())


def test_a_replay_finds_what_a_batch_holds_that_began_before_it() -> None:
    shop = Shop()
    shop.deliver(shop.add(1), meanwhile=lambda: shop.replay().run())
    assert shop.control().live == 2
    assert shop.live()["so-1"] == ([1], 1)


def test_readers_see_the_old_rows_until_all_the_new_ones_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 3)
    shop = Shop()
    shop.deliver(*(shop.add(n, f"o-{n}") for n in range(20)))
    views = Views(shop.app.model.views, shop.store, shop.runs.live)
    cursor = views.list("Listed", "s", limit=5).cursor
    shop.code = 2

    def codes() -> set[tuple[int, int]]:
        rows = views.list("Listed", "s").rows
        by_code = [len(views.list("Listed", code, index="by_code").rows) for code in (1, 2)]
        assert sum(by_code) == len(rows) == 20
        return {(row["code"], by_code[row["code"] - 1]) for row in rows}

    replay = shop.replay()
    replay.begin()
    while replay.slice() is None:
        assert codes() == {(1, 20)}
    assert codes() == {(2, 20)}
    assert len(views.list("Listed", "s", limit=20, cursor=cursor).rows) == 15
    shop.later(KEPT_FOR)
    shop.sweep()
    assert codes() == {(2, 20)}


def test_a_reader_elsewhere_follows_within_moments() -> None:
    shop = Shop()
    elsewhere = Runs(shop.store, lambda: shop.time)
    assert elsewhere.live("Listed", Cost()) == 1
    asked = Cost()
    for _ in range(5):
        assert elsewhere.live("Listed", asked) == 1
    assert asked == Cost()
    shop.replay().run()
    assert elsewhere.live("Listed", asked) == 1  # whose rows are all there still
    shop.later(2_000_000)
    assert elsewhere.live("Listed", asked) == 2
    assert asked == Cost(1, 1, 0)


def test_two_replays_at_once_are_refused_and_a_dead_one_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 4)
    shop = Shop()
    for n in range(10):
        shop.add(n)
    first, second = shop.replay(), shop.replay()
    first.begin()
    assert first.slice() is None
    with pytest.raises(ConcurrencyConflict) as caught:
        second.run()
    assert str(caught.value) == (
        "another worker is replaying Listed and has read 4 commits; it goes on by itself. If it is gone, replay again "
        "after 2026-03-01T12:01:00+00:00, to go on from there"
    )
    shop.later(61_000_000)
    before = shop.fed
    second.begin()
    assert second.slice() is None
    with pytest.raises(ConcurrencyConflict, match="another worker took the replay of Listed over; it goes on there"):
        first.slice()
    assert second.slice() == 2
    assert shop.fed - before == 7  # one of them in vain, by the worker that had been paused
    with pytest.raises(ConcurrencyConflict, match="took the replay of Listed over"):
        first.slice()
    assert shop.live()["so-1"][0] == list(range(10))


def test_a_replay_that_pauses_is_continued_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 4)
    shop = Shop()
    for n in range(6):
        shop.add(n)
    first = shop.replay()
    first.begin()
    first.slice()
    first.pause()
    assert shop.replay().run() == 2
    assert shop.fed == 6


def test_what_other_code_has_begun_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 4)
    shop = Shop()
    for n in range(6):
        shop.add(n, f"o-{n}")
    first = shop.replay(code="old")
    first.begin()
    first.slice()
    shop.code = 2
    shop.later(61_000_000)
    assert shop.replay(code="new").run() == 3
    assert {code for _, code in shop.live().values()} == {2}
    with pytest.raises(ConcurrencyConflict):
        first.slice()
    shop.later(KEPT_FOR)
    shop.sweep()
    assert shop.rows("Listed", 2) == {}
    assert len(shop.live()) == 6


def test_a_run_that_cannot_fold_what_the_live_one_could_is_not_switched_to() -> None:
    shop = Shop()
    shop.poison = {0}
    items = [shop.add(n, f"o-{n}") for n in range(6)]
    shop.deliver(*items)
    shop.poison = {0, 1, 2, 3, 4}
    with pytest.raises(CqrslessError) as caught:
        shop.replay().run()
    assert re.sub(r" in added \(tests/projections/test_replaying.py:\d+\)", "", str(caught.value)) == (
        "the replay of Listed has failures; the live run stays, for the new one cannot fold what that could: Order#o-1 "
        "at commit 1 (RuntimeError: poison), Order#o-2 at commit 1 (RuntimeError: poison), Order#o-3 at commit 1 "
        "(RuntimeError: poison), and 1 more; mend the projector and replay again"
    )
    assert (shop.control().live, shop.control().next) == (1, None)
    assert len(shop.live()) == 5
    shop.poison = {0}
    assert shop.replay().run() == 3  # what the live run has parked, too, is in nobody's way
    shop.later(KEPT_FOR)
    shop.sweep()
    assert {item["pk"].split("#")[1] for item in shop.items() if "#Listed" in item["pk"][1:]} == {"3"}


def test_a_replay_stops_where_a_commit_cannot_be_taken_and_goes_on_from_there() -> None:
    shop = Shop()
    for n in range(3):
        shop.add(n)
    replay = shop.replay()
    replay.begin()

    class Unavailable(Exception):
        pass

    def fail(commit: Commit, cost: Cost) -> None:
        if commit.number == 2:
            raise Unavailable

    replay._taker = feeding(fail, "x")
    with pytest.raises(Unavailable):
        replay.slice()
    assert shop.control().done == 1
    assert shop.replay().run() == 2


def test_the_old_run_is_removed_in_slices_once_nobody_can_be_reading_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    items = [shop.add(n, f"o-{n}") for n in range(30)]
    shop.container().feed(*items)  # the other view as well
    others = shop.rows("Other")
    shop.replay().run()
    tidy(shop.runs, "Listed", shop.control(), shop.time, Cost())
    assert len(shop.rows("Listed", 1)) == 30
    shop.later(KEPT_FOR)
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 20)
    spent = Cost()
    tidy(shop.runs, "Listed", shop.control(), shop.time, spent)
    assert spent.requests <= 5
    shop.sweep()
    assert shop.control().old is None
    assert len(shop.rows("Listed", 2)) == 30
    assert shop.rows("Other") == others
    assert [item for item in shop.items() if item["pk"].split("#")[1] == "1" and "#Listed" in item["pk"]] == []


def test_a_replay_may_begin_while_an_old_run_is_removed() -> None:
    shop = Shop()
    shop.deliver(*(shop.add(n, f"o-{n}") for n in range(5)))
    shop.replay().run()
    shop.later(KEPT_FOR)
    replay = shop.replay()

    class Scanned(Interfering):
        def scan(self, *arguments: Any, **options: Any) -> Any:
            replay.begin()
            replay.slice()
            return self._store.scan(*arguments, **options)

    tidy(Runs(Scanned(shop.store), lambda: shop.time), "Listed", shop.control(), shop.time, Cost())  # type: ignore[arg-type]
    assert shop.control().live == 3
    assert len(shop.live()) == 5


@pytest.mark.long
def test_a_hundred_thousand_commits_are_replayed_in_bounded_memory(tmp_path: Any) -> None:
    import tracemalloc

    shop = Shop(f"sqlite:///{tmp_path}/shop.db")
    template = shop.add(0)
    for number in range(2, 100_001):
        pk = f"Order#o-{number % 500}"
        item = {**template, "pk": pk, "c": number // 500 + 1, "seq": number // 500 + 1}
        item["events"] = f'[["Added",{{"order_id":"o-{number % 500}","shop":"s","n":1}}]]'
        shop.store.put("events", item, Cost())
    shop.code = 2
    told: list[int] = []
    replay = shop.replay()
    replay.begin()
    while replay.done < 50_000:
        replay.slice()
    shop.later(61_000_000)
    tracemalloc.start()
    shop.replay().run(told.append)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    assert told[-1] == 100_000
    assert sum(len(row["seen"]) for row in shop.rows("Listed", 2).values()) == 100_000


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(1, 40), st.booleans(), st.lists(st.sampled_from(["o-1", "o-2"]), min_size=1, max_size=8), st.data())
def test_a_replay_beside_live_traffic_may_die_anywhere(
    dies_at: int, after: bool, names: list[str], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cqrsless.delivery.replaying.SLICE", data.draw(st.integers(1, 3)))
        shop = Shop()
        items = [shop.add(n, name) for n, name in enumerate(names)]
        shop.deliver(*data.draw(st.lists(st.sampled_from(items), max_size=3)))
        shop.code = 2
        store = Interfering(shop.store)
        store.dies_at, store.dies_after = dies_at, after
        for rest in data.draw(st.lists(st.lists(st.sampled_from(items), max_size=2), max_size=12)):
            store.before.append(lambda rest=rest: shop.deliver(*rest))  # type: ignore[misc]
        try:
            shop.replay(store).run()
        except Died:
            shop.later(61_000_000)
            shop.deliver(*data.draw(st.lists(st.sampled_from(items), max_size=2)))
            if shop.control().live == 1:
                shop.replay().run()
        shop.deliver(*items)
        assert shop.live() == {
            f"s{name}": ([n for n, other in enumerate(names) if other == name], 2) for name in set(names)
        }
        shop.later(KEPT_FOR)
        shop.sweep()
        run = shop.control().live
        assert all(item["pk"].split("#")[1] in (str(run), "Listed") for item in shop.items())
        assert len(shop.entries("Listed", "by_code", run)) == len(set(names))
