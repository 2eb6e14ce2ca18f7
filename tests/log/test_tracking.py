from __future__ import annotations

from typing import Any

import pytest

from cqrsless.delivery.commit import Commit
from cqrsless.delivery.consuming import Failed
from cqrsless.log.indexer import Indexer
from cqrsless.log.rebuild import Rebuild
from cqrsless.log.tokens import CLAIM, Lost, Position, Token, Tokens
from cqrsless.log.tracking import Stuck
from cqrsless.messages import Cost

from .conftest import Killed, Mortal, Reader, World


def index(world: World, *pks: str) -> None:
    Indexer(world.store).index(world.commit(*pks), Cost())


def test_a_tracking_reader_sees_every_commit_once_and_in_each_aggregates_order(world: World) -> None:
    for step in range(30):
        index(world, f"A#{step % 3}", "B#1")

    assert world.read() == [
        pair for step in range(30) for pair in ((f"A#{step % 3}", step // 3 + 1), ("B#1", step + 1))
    ]
    assert world.read() == []
    index(world, "A#0")
    assert world.read() == [("A#0", 11)]


def test_slices_share_the_log_by_aggregate(world: World) -> None:
    index(world, *(f"A#{i % 10}" for i in range(50)))

    got = world.read(slices=3)

    assert sorted(got) == sorted(world.all)


def test_more_slices_than_before_go_on_where_the_others_were(world: World) -> None:
    index(world, *(f"A#{i}" for i in range(20)))
    world.read(slices=1)
    index(world, *(f"A#{i}" for i in range(20)))

    assert sorted(world.read(slices=4)) == sorted((f"A#{i}", 2) for i in range(20))


def test_a_new_reader_from_now_sees_nothing_older(world: World) -> None:
    index(world, "A#1", "A#2")
    assert world.read(since=2_000_000) == []
    index(world, "A#1")
    assert world.read(since=2_000_000) == [("A#1", 2)]


def test_a_new_reader_sees_what_was_logged_since_its_start_and_before_it_first_came(world: World) -> None:
    index(world, "A#1", "A#2")
    index(world, "A#1")
    index(world, "B#1")  # of an older time, as a stream that is late delivers it
    index(world, "A#1")
    assert world.read(since=2_000_000) == [("A#1", 2), ("B#1", 1), ("A#1", 3)]


def test_a_new_reader_behind_a_rebuild_begins_in_the_base_where_that_may_hold_something(world: World) -> None:
    index(world, "A#1", "A#2")
    index(world, "A#1")
    Rebuild(world.store, world.clock).run()
    assert ("A#1", 2) in world.read(since=2_000_000)
    index(world, "A#1")
    assert world.read(2, since=2_000_000)[-1] == ("A#1", 3)
    index(world, "A#1")
    assert world.read(3, since=4_000_000) == [("A#1", 4)]


def test_what_is_delivered_again_after_a_rebuild_does_not_hide_the_base(world: World) -> None:
    old = world.commit("A#1")
    Indexer(world.store).index([*old, *world.commit("A#1")], Cost())
    Rebuild(world.store, world.clock).run()
    Indexer(world.store).index(old, Cost())
    assert ("A#1", 2) in world.read(since=2_000_000)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 7))
def test_killed_at_any_write_of_its_token_it_repeats_and_misses_nothing(
    world: World, dies_at: int, after: bool
) -> None:
    for step in range(4):
        index(world, f"A#{step}", f"B#{step}")
    mortal, reader = Mortal(world.store), Reader()
    mortal.dies_at, mortal.after = dies_at, after
    try:
        world.worker(1, [reader], store=mortal).run(0)
    except Killed:
        world.clock.advance(CLAIM / 1_000_000 + 1)
        assert world.worker(1, [reader]).run(0) is True

    assert list(dict.fromkeys(reader.got)) == [
        pair for step in range(4) for pair in ((f"A#{step}", 1), (f"B#{step}", 1))
    ]


def test_one_worker_a_slice(world: World) -> None:
    index(world, "A#1")

    class Slow(Reader):
        def take(self, commit: Commit, cost: Cost) -> None:
            assert world.worker(1, [Reader()]).run(0) is False
            super().take(commit, cost)

    slow = Slow()
    assert world.worker(1, [slow]).run(0) is True
    assert slow.got == [("A#1", 1)]


def test_a_worker_that_takes_long_renews_its_claim_within_a_page(world: World) -> None:
    index(world, *(f"A#{i}" for i in range(10)))
    others: list[bool] = []

    class Slow(Reader):
        def take(self, commit: Commit, cost: Cost) -> None:
            world.clock.advance(25)
            others.append(world.worker(1, [Reader()]).run(0))
            super().take(commit, cost)

    slow = Slow()
    assert world.worker(1, [slow]).run(0) is True
    assert len(slow.got) == 10
    assert not any(others)


def test_a_zombie_moves_no_token(world: World) -> None:
    tokens = Tokens(world.store, "p", 1, 1, world.clock)
    old = tokens.claim(0, lambda: Token(1, {0: Position("1")}), Cost())
    assert old is not None
    world.clock.advance(CLAIM / 1_000_000 + 1)
    new = tokens.claim(0, lambda: Token(1), Cost())
    assert new is not None and new.epoch == old.epoch + 1
    moved = tokens.move(new, Token(1, {0: Position("1", 5, 2)}), Cost())

    with pytest.raises(Lost):
        tokens.move(old, Token(1, {0: Position("1", 9, 9)}), Cost())
    tokens.release(old, Cost())

    assert tokens.read(Cost()) == {0: moved.token}
    assert tokens.claim(0, lambda: Token(1), Cost()) is None, "the zombie released nothing"


def test_a_taker_that_always_fails_holds_its_slice_and_loses_nothing(world: World) -> None:
    index(world, "A#1", "A#2", "A#3")

    class Stubborn(Reader):
        fails = True

        def take(self, commit: Commit, cost: Cost) -> None:
            if self.fails and commit.pk == "A#2":
                raise Failed("not yet")
            super().take(commit, cost)

    stubborn: Any = Stubborn()
    with pytest.raises(Stuck, match=r"reader does not take A#2@1"):
        world.worker(1, [stubborn]).run(0)
    stubborn.fails = False
    world.worker(1, [stubborn]).run(0)

    assert stubborn.got == [("A#1", 1), ("A#2", 1), ("A#3", 1)]


def test_a_token_leaves_a_generation_at_its_seal_and_enters_the_live_part_of_the_next(world: World) -> None:
    index(world, "A#1")
    assert world.read() == [("A#1", 1)]
    index(world, "A#2")
    Rebuild(world.store, world.clock).run()
    index(world, "A#3")

    assert world.read() == [("A#2", 1), ("A#3", 1)]
    assert sorted(world.read(2)) == sorted(world.all), "a new run reads the base, then the live part"


def test_more_segments_after_a_rebuild_lose_nothing(world: World) -> None:
    index(world, *(f"A#{i}" for i in range(30)))
    world.read()
    Rebuild(world.store, world.clock, segments=4).run()
    index(world, *(f"A#{i}" for i in range(30)))

    assert sorted(world.read()) == sorted((f"A#{i}", 2) for i in range(30))
    assert sorted(world.read(2)) == sorted(world.all)
