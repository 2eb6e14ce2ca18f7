from __future__ import annotations

import itertools
import random

import pytest

from cqrsless.log import pages
from cqrsless.log.indexer import Indexer
from cqrsless.messages import Cost
from cqrsless.store import ConditionFailed

from .conftest import Killed, Mortal, World


def test_every_delivered_commit_is_on_a_page(world: World) -> None:
    Indexer(world.store).index(world.commit("A#1", "A#2", "A#1"), Cost())

    assert world.indexed() == [("A#1", 1), ("A#2", 1), ("A#1", 2)]


def test_a_hundred_commits_a_page_cost_under_a_tenth_of_a_write_unit_each(world: World) -> None:
    indexer, costs = Indexer(world.store), []
    for batch in range(10):
        made = world.commit(*(f"Order#{random.Random(batch * 100 + i).randbytes(16).hex()}" for i in range(100)))
        cost = Cost()
        indexer.index(made, cost)
        costs.append(cost)

    warm = costs[1:]
    assert {(cost.requests, cost.read_units) for cost in warm} == {(2, 1)}, "the control item, and one page"
    assert max(cost.write_units for cost in warm) / 100 < 0.1


def test_a_batch_that_comes_again_is_dropped(world: World) -> None:
    made = world.commit("A#1", "A#2")
    Indexer(world.store).index(made, Cost())
    Indexer(world.store).index(made, Cost())
    Indexer(world.store).index([*made, *world.commit("A#3")], Cost())

    assert world.indexed() == [("A#1", 1), ("A#2", 1), ("A#3", 1)]


def test_two_indexers_at_once_lose_nothing(world: World) -> None:
    one, two = Indexer(world.store), Indexer(world.store)
    for step in range(20):
        both = world.commit(f"A#{step}", f"B#{step}")
        one.index(both, Cost())
        two.index(reversed(both), Cost())
        two.index(world.commit(f"C#{step}"), Cost())

    assert sorted(world.indexed()) == sorted(world.all)


def test_a_batch_that_comes_hours_later_only_repeats(world: World) -> None:
    first = world.commit("A#1")
    indexer = Indexer(world.store)
    indexer.index(first, Cost())
    for step in range(6):
        indexer.index(world.commit(f"B#{step}"), Cost())

    Indexer(world.store).index(first, Cost())

    assert set(world.indexed()) == set(world.all)


def test_a_batch_larger_than_what_is_remembered_is_written_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.log.indexer.REMEMBERED", 5)
    monkeypatch.setattr(pages, "PER_PAGE", 4)
    Indexer(world.store).index(world.commit(*(f"A#{at}" for at in range(12))), Cost())

    assert world.indexed() == world.all


def test_what_was_seen_again_is_remembered_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.log.indexer.REMEMBERED", 3)
    indexer = Indexer(world.store)
    first = world.commit("A#1")
    for made in (first, world.commit("B#1"), world.commit("C#1")):
        indexer.index(made, Cost())
    again = pages.page(pages.live(1), 0, 4, [pages.ref_of(item) for item in first], 0)
    world.store.put("log", again, Cost(), condition="absent")  # by an indexer that had started since

    indexer.index(world.commit("D#1"), Cost())
    indexer.index(first, Cost())

    assert world.indexed() == [("A#1", 1), ("B#1", 1), ("C#1", 1), ("A#1", 1), ("D#1", 1)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 8))
def test_killed_at_any_write_nothing_delivered_is_missing(world: World, dies_at: int, after: bool) -> None:
    mortal = Mortal(world.store)
    mortal.dies_at, mortal.after = dies_at, after
    batches = [world.commit(*(f"A#{batch}{i}" for i in range(3))) for batch in range(5)]
    indexer = Indexer(mortal)
    for batch in batches:
        try:
            indexer.index(batch, Cost())
        except Killed:
            indexer = Indexer(world.store)  # a new container, to which the same batch comes again
            indexer.index(batch, Cost())

    assert set(world.indexed()) == set(world.all)
    assert len(world.indexed()) == len(world.all)


def test_a_page_whose_answer_was_lost_is_not_written_twice(world: World) -> None:
    class Deaf:
        lost = 0

        def put(self, table, item, cost, *, condition=None):  # type: ignore[no-untyped-def]
            world.store.put(table, item, cost, condition=condition)
            self.lost += 1
            raise ConditionFailed(dict(item))

        def __getattr__(self, name):  # type: ignore[no-untyped-def]
            return getattr(world.store, name)

    Indexer(Deaf()).index(world.commit("A#1", "A#2"), Cost())  # type: ignore[arg-type]

    assert world.indexed() == [("A#1", 1), ("A#2", 1)]


def test_a_shard_split_delivers_to_two_indexers_in_any_order(world: World) -> None:
    made = world.commit(*(f"A#{i % 4}" for i in range(40)))
    parent, left, right = made[:10], made[10:25], made[25:]
    workers = [Indexer(world.store), Indexer(world.store)]
    for indexer, batch in zip(itertools.cycle(workers), (right, parent, left, parent, right), strict=False):
        indexer.index(batch, Cost())

    assert sorted(world.indexed()) == sorted(world.all)


def test_pages_are_cut_where_they_would_not_fit() -> None:
    refs = [pages.Ref(f"Order#{'x' * 2000}{i}", i, ("OrderCreated",)) for i in range(1000)]

    cut = list(pages.split(refs))

    assert [ref for some in cut for ref in some] == refs
    assert max(len(some) for some in cut) <= pages.PER_PAGE
    assert max(sum(len(ref.pk) for ref in some) for some in cut) <= pages.PAGE_BYTES


def test_a_page_gives_back_what_it_was_made_of() -> None:
    refs = [pages.Ref("Order#ö", 7, ("A", "B")), pages.Ref("Order#b", 1, ())]

    assert pages.refs_in(pages.page("1", 0, 1, refs)) == refs
