"""What a rebuild replaced is removed once nobody can be reading it."""

from __future__ import annotations

import pytest

from cqrsless.log import control, removing
from cqrsless.log.indexer import Indexer
from cqrsless.log.rebuild import Rebuild
from cqrsless.log.removing import KEPT_FOR, remove_old
from cqrsless.log.tokens import Token, Tokens
from cqrsless.messages import Cost

from .conftest import World

DAY = KEPT_FOR / 1_000_000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "SLICE", 2)


def index(world: World, *pks: str) -> None:
    for pk in pks:
        Indexer(world.store).index(world.commit(pk), Cost())


def tokens(world: World) -> list[Token]:
    return Tokens(world.store, "statements", 1, 1, world.clock).all(Cost())


def sweep(world: World) -> int:
    for times in range(100):
        if not remove_old(world.store, tokens(world), world.clock(), Cost()):
            return times
    raise AssertionError("it does not end")


def rebuilt(world: World) -> None:
    index(world, "A#1", "A#2", "A#3", "A#1")
    world.read()
    Rebuild(world.store, world.clock).run()
    index(world, "A#4")


def test_an_old_generation_is_removed_a_little_at_a_time(world: World) -> None:
    rebuilt(world)
    world.read()
    assert sweep(world) == 0, "a worker that began before may still read it"
    world.clock.advance(DAY)
    assert sweep(world) == 5, "it is unlisted; five pages, its seal among them, two at a time"
    assert world.indexed("1") == []
    assert [generation for generation, _ in control.read(world.store, Cost()).segments] == [2]
    index(world, "A#5")
    assert world.read() == [("A#5", 1)]
    assert sorted(world.read(2)) == sorted(world.all)


def test_a_generation_that_a_token_stands_in_stays(world: World) -> None:
    rebuilt(world)
    world.clock.advance(DAY)
    assert sweep(world) == 0
    assert world.read() == [("A#4", 1)]
    assert sweep(world) == 5


@pytest.mark.parametrize("removed", range(1, 7))
def test_a_processor_that_was_away_reads_everything_rather_than_missing_something(world: World, removed: int) -> None:
    """Its token stands in what is being removed: nobody knew of it."""
    index(world, "A#1", "A#2")
    got = set(world.read())
    index(world, *(f"A#{n}" for n in range(3, 8)))
    Rebuild(world.store, world.clock).run()
    index(world, "A#4")
    world.clock.advance(DAY)
    for _ in range(removed):
        remove_old(world.store, [], world.clock(), Cost())
    got.update(world.read())
    assert sorted(got) == sorted(world.all)


def test_two_generations_behind_it_is_no_other(world: World) -> None:
    rebuilt(world)
    Rebuild(world.store, world.clock).run()
    index(world, "A#6")
    world.clock.advance(DAY)
    while remove_old(world.store, [], world.clock(), Cost()):
        pass
    assert [generation for generation, _ in control.read(world.store, Cost()).segments] == [3]
    assert sorted(world.read()) == sorted(world.all), "from the base of the third"


def test_what_is_written_or_read_is_never_removed(world: World) -> None:
    index(world, "A#1")
    world.clock.advance(DAY)
    assert sweep(world) == 0
    rebuild = Rebuild(world.store, world.clock)
    rebuild.begin()
    world.clock.advance(DAY)
    assert not remove_old(world.store, [], world.clock(), Cost())


def test_a_zombie_that_writes_to_what_was_removed_loses_no_commit(world: World) -> None:
    """It read the control item before the rebuild began; what it was given was in the table by then."""
    index(world, "A#1")
    indexer = Indexer(world.store)
    indexer.tail("1", 0, Cost())
    late = world.commit("A#2")
    before = control.read(world.store, Cost())
    Rebuild(world.store, world.clock).run()
    world.clock.advance(DAY)
    while remove_old(world.store, [], world.clock(), Cost()):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control, "read", lambda store, cost: before)
        indexer.index(late, Cost())
    assert sorted(world.read()) == sorted(world.all)
