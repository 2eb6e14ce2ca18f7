"""What every store does for several callers at once."""

from __future__ import annotations

import threading

import pytest

from cqrsless.messages import Cost
from cqrsless.store import (
    ConditionFailed,
    Equals,
    Put,
    Store,
)
from tests.stores.conftest import Engine
from tests.stores.items import ORDER, commit, fill, pages, row


def test_sixteen_racing_writers_share_a_dense_sequence(store: Store, engine: Engine) -> None:
    if not engine.threads:
        pytest.skip("moto is not safe for threads: its races have more winners than slots")
    each, writers = 12, 16
    written: list[tuple[int, str]] = []
    problems: list[BaseException] = []
    start = threading.Barrier(writers)

    def append(writer: int) -> None:
        try:
            start.wait()
            number = 1
            for mine in range(each):
                while True:
                    item = commit(number, by=f"{writer}/{mine}")
                    try:
                        store.put("events", item, Cost(), condition="absent")
                    except ConditionFailed as failed:
                        assert failed.item is not None
                        assert failed.item["c"] == number
                        number += 1
                    else:
                        written.append((number, item["by"]))
                        break
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=append, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(number for number, _ in written) == list(range(1, each * writers + 1))
    stored = [(item["c"], item["by"]) for page in pages(store) for item in page.items]
    assert stored == sorted(written)


def test_racing_transactions_are_all_or_nothing(store: Store, engine: Engine) -> None:
    if not engine.threads:
        pytest.skip("moto is not safe for threads")
    store.put("views", row("account", "a", balance=100), Cost())
    store.put("views", row("account", "b", balance=100), Cost())
    problems: list[BaseException] = []

    def move(amount: int) -> None:
        try:
            for _ in range(5):
                while True:
                    a = store.get("views", "account", "a", Cost())
                    b = store.get("views", "account", "b", Cost())
                    assert a and b
                    changed = [
                        Put("views", {**a, "balance": a["balance"] - amount}, Equals("balance", a["balance"])),
                        Put("views", {**b, "balance": b["balance"] + amount}, Equals("balance", b["balance"])),
                    ]
                    try:
                        store.write(changed, Cost())
                    except ConditionFailed:
                        continue
                    break
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=move, args=(amount,)) for amount in (1, 2, 3, -4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    balances = [item["balance"] for item in store.query("views", "account", Cost()).items]
    assert balances == [100 - 5 * (1 + 2 + 3 - 4), 100 + 5 * (1 + 2 + 3 - 4)]


def test_tables_can_be_created_again_and_by_several_at_once(store: Store, engine: Engine) -> None:
    fill(store, range(1, 2))
    store.create_tables()
    if engine.threads:
        threads = [threading.Thread(target=store.create_tables) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert store.get("events", ORDER, 1, Cost()) == commit(1)


def test_a_closed_store_opens_what_it_needs_again(store: Store) -> None:
    fill(store, range(1, 2))
    store.close()
    store.close()
    assert store.get("events", ORDER, 1, Cost()) == commit(1)
    store.put("events", commit(2), Cost(), condition="absent")
