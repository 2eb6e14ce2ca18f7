"""Many writers on one aggregate: every command is committed, once, in a dense row."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cqrsless import App
from cqrsless.aggregates import executing
from cqrsless.store import Store
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb import DynamoDBStore
from tests.aggregates.around import Around, commits
from tests.aggregates.box import KINDS, KindOfBox, box, numbers

THREADS, COMMANDS = 16, 50


@pytest.fixture(params=["memory", "sqlite", pytest.param("ministack", marks=pytest.mark.server)])
def opening(request: pytest.FixtureRequest, tmp_path: Path, table_prefix: str) -> Iterator[Callable[[], Store]]:
    """Give what opens one store again and again, as many applications do."""
    opened: list[Store] = []

    def open_again() -> Store:
        if request.param == "ministack" and opened:
            return opened[0]  # its client is what costs
        if request.param == "ministack":
            store: Store = DynamoDBStore(table_prefix, endpoint=request.getfixturevalue("ministack_endpoint"))
            store.create_tables()
        else:
            store = open_store(
                f"memory://{table_prefix}" if request.param == "memory" else f"sqlite:///{tmp_path}/b.db"
            )
        opened.append(store)
        return store

    yield open_again
    for store in opened:
        store.close()


def run(apps: list[App]) -> None:
    """Let each application put its numbers into the box from a thread of its own; one again and again."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(apps))

    def put(writer: int, app: App) -> None:
        try:
            start.wait(60)
            for n in range(COMMANDS):
                result = app.execute("Ensure", {"id": "b", "n": writer * 1000 + n}, id=f"{writer}-{n}")
                assert not result.duplicate
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=each) for each in enumerate(apps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def check(store: Store, kind: KindOfBox, writers: int, count: int) -> None:
    """Check that every number is in the box once, in each writer's own order, in a dense row of commits."""
    items = commits(store, "Box#b")
    assert [item["c"] for item in items] == list(range(1, writers * count + 1))
    assert [item["seq"] for item in items] == [item["c"] for item in items]
    times = [item["time"] for item in items]
    assert times == sorted(times)
    app = App(store, registry=box(kind))
    found = numbers(app.load("Box", "b").state)
    assert found == [event.payload["n"] for event in app.history("Box", "b")]
    for writer in range(writers):
        assert [n for n in found if n // 1000 == writer] == [writer * 1000 + n for n in range(count)]


@pytest.mark.parametrize("kind", ["stored", "frozen"])
def test_threads_of_one_application_never_race_each_other(kind: KindOfBox, opening: Callable[[], Store]) -> None:
    around = Around(opening())
    app = App(around, registry=box(kind))
    run([app] * THREADS)
    assert len(around.taken()) == THREADS * COMMANDS + 1  # one read, and no lost race
    check(around.inner, kind, THREADS, COMMANDS)


@pytest.mark.parametrize("kind", ["stored", "frozen"])
def test_applications_on_one_store_lose_nothing_and_repeat_nothing(
    kind: KindOfBox, opening: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executing, "PATIENCE", 120.0)  # the slowest here waits for all others, on any machine
    run([App(opening(), registry=box(kind)) for _ in range(THREADS)])
    check(opening(), kind, THREADS, COMMANDS)


@pytest.mark.parametrize("kind", KINDS)
def test_processes_on_one_file_lose_nothing_and_repeat_nothing(kind: KindOfBox, tmp_path: Path) -> None:
    path = tmp_path / "boxes.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.aggregates.writers", str(path), kind, str(writer), "40"],
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        )
        for writer in range(4)
    ]
    told = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, told
    with contextlib.closing(open_store(f"sqlite:///{path}")) as store:
        check(store, kind, 4, 40)
