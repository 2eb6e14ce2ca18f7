from __future__ import annotations

import itertools

import pytest

from cqrsless.errors import ConcurrencyConflict
from cqrsless.log import control
from cqrsless.log.indexer import Indexer
from cqrsless.log.rebuild import CLAIM, Rebuild, ask
from cqrsless.messages import Cost

from .conftest import Killed, Mortal, World


def test_a_rebuild_finds_what_the_stream_never_delivered(world: World) -> None:
    lost = world.commit("A#lost")
    Indexer(world.store).index(world.commit("A#1"), Cost())

    Rebuild(world.store, world.clock).run()

    assert sorted(world.indexed("2.base")) == [("A#1", 1), ("A#lost", 1)]
    assert lost
    assert sorted(world.read()) == sorted(world.all)


def test_writers_go_on_while_it_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.log.rebuild.SLICE", 3)
    stale = Indexer(world.store)
    stale.index(world.commit(*(f"old#{i}" for i in range(20))), Cost())
    rebuild = Rebuild(world.store, world.clock)
    rebuild.begin()
    for step in itertools.count():
        stale.index(world.commit(f"A#{step}", "B#hot"), Cost())
        if rebuild.slice() is not None:
            break
    stale.index(world.commit("C#after"), Cost())

    assert set(world.indexed("2.base")) | set(world.indexed("2")) == set(world.all)
    assert set(world.read()) == set(world.all)


def test_an_indexer_that_read_the_control_item_before_is_stopped_by_the_seal(world: World) -> None:
    slow = Indexer(world.store)
    slow.index(world.commit("A#1"), Cost())
    delivered = world.commit("A#2")  # read by `slow` before the rebuild, written by it after
    before = control.read(world.store, Cost())
    Rebuild(world.store, world.clock).run()

    reads = iter([before])
    real = control.read
    control.read = lambda store, cost: next(reads, None) or real(store, cost)
    try:
        slow.index(delivered, Cost())
    finally:
        control.read = real

    assert ("A#2", 1) not in world.indexed("1")
    assert set(world.read()) == set(world.all)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 12))
def test_killed_between_any_two_writes_it_is_taken_over(
    world: World, monkeypatch: pytest.MonkeyPatch, dies_at: int, after: bool
) -> None:
    monkeypatch.setattr("cqrsless.log.rebuild.SLICE", 4)
    indexer = Indexer(world.store)
    indexer.index(world.commit(*(f"A#{i % 5}" for i in range(12))), Cost())
    assert len(world.read(7)) == 12, "a token in the old generation, at its end"
    mortal = Mortal(world.store)
    mortal.dies_at, mortal.after = dies_at, after
    try:
        Rebuild(mortal, world.clock).run()
    except Killed:
        if control.read(world.store, Cost()).fills is not None:
            with pytest.raises(ConcurrencyConflict, match="another worker is rebuilding"):
                Rebuild(world.store, world.clock).run()
            world.clock.advance(CLAIM / 1_000_000 + 1)
            Rebuild(world.store, world.clock).run()
    indexer.index(world.commit("A#new"), Cost())

    assert control.read(world.store, Cost()).fills is None
    assert set(world.read(1)) == set(world.all)
    assert ("A#new", 1) in world.read(7), "the token of before left the old generation"


@pytest.mark.parametrize("dies_at", range(1, 12))
def test_whoever_takes_over_behind_a_seal_finds_newer_commits_and_is_not_held_up(
    world: World, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    for name, value in (("rebuild.SLICE", 4), ("indexer.RECENT_PAGES", 1), ("pages.PER_PAGE", 2)):
        monkeypatch.setattr(f"cqrsless.log.{name}", value)
    indexer = Indexer(world.store)
    indexer.index(world.commit(*(f"A#{i}" for i in range(6))), Cost())
    mortal = Mortal(world.store)
    mortal.dies_at = dies_at
    try:
        Rebuild(mortal, world.clock).run()
    except Killed:
        indexer.index(world.commit(*(f"A#{i}new" for i in range(6))), Cost())
        world.clock.advance(CLAIM / 1_000_000 + 1)
        Rebuild(world.store, world.clock).run()

    assert control.read(world.store, Cost()).fills is None
    assert set(world.read()) == set(world.all)


def test_a_zombie_rebuild_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.log.rebuild.SLICE", 2)
    world.commit(*(f"A#{i}" for i in range(7)))
    paused = Rebuild(world.store, world.clock)
    paused.begin()
    paused.slice()
    world.clock.advance(CLAIM / 1_000_000 + 1)
    done = Rebuild(world.store, world.clock).run()

    with pytest.raises(ConcurrencyConflict, match="took this rebuild over"):
        while paused.slice() is None:
            pass

    assert control.read(world.store, Cost()) == done
    assert set(world.read()) == set(world.all)


def test_a_rebuild_goes_on_where_another_one_is_asked_for_meanwhile_and_leaves_that_asked_for(world: World) -> None:
    Indexer(world.store).index(world.commit("A#1"), Cost())
    rebuild = Rebuild(world.store, world.clock)
    rebuild.begin()
    ask(world.store, world.clock(), "the indexer was 21 hours behind", Cost())

    done = rebuild.slice()

    assert done is not None
    assert done.asked
    assert control.read(world.store, Cost()) == done
