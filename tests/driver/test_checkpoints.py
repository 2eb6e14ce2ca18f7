"""How far a mapping got, kept in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cqrsless.driver import MemoryCheckpoints, StoreCheckpoints
from cqrsless.driver.positions import END
from cqrsless.messages import Cost
from cqrsless.store import Item, Store
from cqrsless.stores import open_store
from tests.driver.bench import Bench, Function, error_on, position


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db")
    yield store
    store.close()


def test_another_process_goes_on_from_the_checkpoint(store: Store) -> None:
    StoreCheckpoints(store).save("views", "shard-1", "100")
    assert StoreCheckpoints(store).load("views", "shard-1") == "100"
    assert StoreCheckpoints(store).load("views", "shard-2") is None
    assert StoreCheckpoints(store).load("mailer", "shard-1") is None


def test_a_checkpoint_is_one_item_of_the_views_table(store: Store) -> None:
    StoreCheckpoints(store).save("views", "shard-1", "100")
    item = store.get("views", "m#views", "shard-1", Cost())
    assert item is not None
    assert item["at"] == "100"


def test_a_checkpoint_only_moves_on(store: Store) -> None:
    """Two processes at once: the slower one learns how far the other got, and takes nothing back."""
    slow, fast = StoreCheckpoints(store), StoreCheckpoints(store)
    assert slow.load("views", "s") is None
    assert fast.save("views", "s", "999") == "999"
    assert slow.save("views", "s", "100") == "999"
    assert slow.save("views", "s", "1000") == "1000"
    assert fast.save("views", "s", "1001") == "1001"
    assert slow.save("views", "s", END) == END
    assert fast.save("views", "s", "1002") == END


def test_memory_keeps_the_same_rule() -> None:
    kept = MemoryCheckpoints()
    assert kept.load("views", "s") is None
    assert kept.save("views", "s", "99") == "99"
    assert kept.save("views", "s", "100") == "100"
    assert kept.save("views", "s", "99") == "100"
    assert kept.load("views", "s") == "100"


def test_a_lost_answer_is_not_another_process(store: Store) -> None:
    class Forgetful:
        """Applies a write and says that its condition failed, as a retried put does."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def put(self, table: Any, item: Item, cost: Cost, *, condition: Any = None) -> None:
            store.put(table, item, cost, condition=condition)
            store.put(table, item, cost, condition=condition)

    kept = StoreCheckpoints(Forgetful())
    assert kept.save("views", "s", "100") == "100"
    assert kept.save("views", "s", "101") == "101"


def test_a_driver_that_starts_again_repeats_only_what_was_not_done(store: Store) -> None:
    bench = Bench(store=store, checkpoints=StoreCheckpoints(store))
    bench.put(10)
    bench.map(Function(error_on(7)), batch_size=3)
    bench.steps(8)
    after = Bench(store=store, checkpoints=StoreCheckpoints(store))
    function = after.map(Function(), batch_size=3)
    after.driver.run()
    assert function.batches == [[7, 8, 9], [10]]


def test_finished_shards_are_not_read_again(store: Store) -> None:
    kept = StoreCheckpoints(store)
    bench = Bench(store=store, checkpoints=kept)
    bench.put(3)
    parent = bench.feed.shards()[0].id
    bench.feed.split(parent)
    bench.map(Function())
    bench.driver.run()
    assert StoreCheckpoints(store).load("mapping", parent) == END


def test_what_another_process_has_done_is_skipped(store: Store) -> None:
    bench = Bench(store=store, checkpoints=StoreCheckpoints(store))
    bench.put(9)
    shard = bench.feed.shards()[0].id

    def overtaken(given: list[int]) -> None:
        if given == [1, 2]:
            other = StoreCheckpoints(store)
            other.save("mapping", shard, str(10**20 + 7))

    function = bench.map(Function(overtaken), batch_size=2)
    bench.driver.run()
    assert function.batches == [[1, 2], [8, 9]]
    saved = StoreCheckpoints(store).load("mapping", shard)
    assert saved is not None
    assert position(saved) == 9
