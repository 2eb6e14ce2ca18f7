"""One SQLite file under several threads and processes, and the files that are no store."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from cqrsless.errors import AppLoadError, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.store import Change
from cqrsless.stores import open_store
from cqrsless.stores.sqlite import SQLiteStore
from cqrsless.stores.sqlite_file import LAYOUT
from tests.stores.writers import append, append_to, everything, write_pairs

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


def check_dense(path: Path, count: int) -> None:
    store = SQLiteStore(str(path))
    items = everything(store)
    store.close()
    assert [item["c"] for item in items] == list(range(1, count + 1))
    assert len({item["by"] for item in items}) == count


# -- several processes ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("start", ["spawn", pytest.param("fork", marks=forks)])
def test_processes_share_a_dense_sequence_from_the_first_opening_on(path: Path, start: str) -> None:
    context = multiprocessing.get_context(start)
    processes = [context.Process(target=append, args=(f"sqlite:///{path}", str(n), 50)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    check_dense(path, 200)


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_may_be_used_on_both_sides_of_a_fork(path: Path) -> None:
    store = SQLiteStore(str(path))
    append_to(store, "before", 10)
    children: list[int] = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                append_to(store, f"child {number}", 30)
                store.close()
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    append_to(store, "parent", 30)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    append_to(store, "after", 10)
    store.close()
    check_dense(path, 140)


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_among_busy_threads_stops_nobody(path: Path) -> None:
    store = SQLiteStore(str(path))
    threads = [threading.Thread(target=append_to, args=(store, str(number), 40)) for number in range(3)]
    for thread in threads:
        thread.start()
    children: list[int] = []
    for number in range(5):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                append_to(store, f"child {number}", 5)
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    for thread in threads:
        thread.join()
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 5
    store.close()
    check_dense(path, 3 * 40 + 5 * 5)


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_keeps_its_commits_when_the_parent_closes_the_file(path: Path) -> None:
    # SQLite removes the log with what it takes for the last connection: a child must not have inherited its locks.
    store = SQLiteStore(str(path))
    append_to(store, "parent", 1)
    to_parent, to_child = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            append_to(store, "child", 1)
            os.write(to_parent[1], b"x")
            os.read(to_child[0], 1)
            append_to(store, "child again", 1)
            code = 0
        finally:
            os._exit(code)
    os.read(to_parent[0], 1)
    store.close()
    append_to(store, "parent again", 1)
    os.write(to_child[1], b"x")
    assert os.waitpid(pid, 0)[1] == 0
    store.close()
    for pipe in (*to_parent, *to_child):
        os.close(pipe)
    check_dense(path, 4)


def test_a_killed_writer_leaves_a_good_file(path: Path) -> None:
    url = f"sqlite:///{path}"
    context = multiprocessing.get_context("spawn")
    before = 0
    for _ in range(3):
        process = context.Process(target=write_pairs, args=(url,))
        process.start()
        store = open_store(url)
        deadline = time.monotonic() + 30
        while count(store) < before + 20:
            assert time.monotonic() < deadline
            assert process.is_alive()
            time.sleep(0.002)
        process.kill()
        process.join()
        before = count(store)
        assert [item["c"] for item in everything(store)] == list(range(1, before + 1))
        store.close()
        db = sqlite3.connect(path)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()


def count(store: SQLiteStore | object) -> int:
    assert isinstance(store, SQLiteStore)
    row = store.get("views", "a", "count", Cost())
    return row["n"] if row else 0


# -- several threads --------------------------------------------------------------------------------------------------


def test_many_openings_at_once_make_one_file(path: Path) -> None:
    stores: list[SQLiteStore] = []
    start = threading.Barrier(12)

    def open_it() -> None:
        start.wait()
        stores.append(SQLiteStore(str(path)))

    threads = [threading.Thread(target=open_it) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 12
    for number, store in enumerate(stores):
        append_to(store, str(number), 1)
        store.close()
    check_dense(path, 12)


def test_a_thread_takes_its_connection_with_it(path: Path) -> None:
    store = SQLiteStore(str(path))
    for number in range(5):
        thread = threading.Thread(target=append_to, args=(store, str(number), 1))
        thread.start()
        thread.join()
    gc.collect()
    assert len(store._open) == 1
    store.close()


def test_a_store_that_is_garbage_of_a_cycle_is_closed_without_a_warning(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(str(path))
    append_to(store, "one", 1)
    (connection,) = store._open
    connection.itself = connection
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del store, connection
        gc.collect()
    assert said == []
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_process_that_ends_leaves_one_file(path: Path) -> None:
    script = (
        "from cqrsless.stores.sqlite import SQLiteStore\n"
        "from tests.stores.writers import append_to\n"
        f"store = SQLiteStore({str(path)!r})\n"
        "append_to(store, 'one', 3)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_feed_shows_no_position_behind_one_that_was_read(path: Path) -> None:
    store = SQLiteStore(str(path))
    threads = [threading.Thread(target=append_to, args=(store, str(number), 60)) for number in range(4)]
    for thread in threads:
        thread.start()
    read: list[Change] = []
    while any(thread.is_alive() for thread in threads):
        read += store.changes("events", read[-1].position if read else 0, 7)
    while more := store.changes("events", read[-1].position, 100):
        read += more
    assert sorted(change.sk for change in read) == list(range(1, 241))
    assert [change.position for change in read] == sorted({change.position for change in read})
    store.close()


def test_a_reader_does_not_wait_for_a_writer(path: Path) -> None:
    store = SQLiteStore(str(path), timeout=0.1)
    append_to(store, "me", 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.get("events", "a", 1, Cost()) == {"pk": "a", "c": 1, "by": "me/0"}
    other.execute("ROLLBACK")
    other.close()
    store.close()


def test_a_file_that_stays_locked_is_unavailable(path: Path) -> None:
    store = SQLiteStore(str(path), timeout=0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"another process kept .*orders\.db locked for 0\.1 seconds"):
        append_to(store, "me", 1)
    other.execute("ROLLBACK")
    other.close()
    append_to(store, "me", 1)
    store.close()
    check_dense(path, 1)


# -- files ------------------------------------------------------------------------------------------------------------


def test_what_was_written_is_there_when_the_file_is_opened_again(path: Path) -> None:
    for number in range(2):
        store = open_store(f"sqlite:///{path}")
        append_to(store, str(number), 3)
        store.close()
    check_dense(path, 6)
    assert sorted(os.listdir(path.parent)) == ["orders.db"]


def test_a_relative_path_is_taken_where_the_store_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///orders.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.close()
    append_to(store, "me", 1)
    store.close()
    assert os.listdir(tmp_path / "elsewhere") == []
    check_dense(tmp_path / "orders.db", 1)


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppLoadError, match=r"there is no directory .*/nowhere; create it first"):
        SQLiteStore(str(tmp_path / "nowhere" / "orders.db"))
    assert os.listdir(tmp_path) == []


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(
        StoreUnavailable, match=r"SQLite cannot open .*: unable to open database file; may this process"
    ):
        SQLiteStore(str(tmp_path))


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    text = b"order,total\n" * 1000
    path.write_bytes(text)
    with pytest.raises(AppLoadError, match=r"orders\.db is not an SQLite database .*; name another file"):
        SQLiteStore(str(path))
    assert path.read_bytes() == text


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE events (id)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_the_database_of_another_program_is_left_alone(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(AppLoadError, match="is the SQLite database of another program; name another file"):
        SQLiteStore(str(path))
    assert path.read_bytes() == before


def test_a_newer_layout_asks_for_a_newer_cqrsless(path: Path) -> None:
    SQLiteStore(str(path)).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    db.close()
    with pytest.raises(
        AppLoadError, match=f"has layout {LAYOUT + 1} and this version of cqrsless knows up to {LAYOUT}"
    ):
        SQLiteStore(str(path))


def test_a_file_that_turns_bad_is_unavailable_and_named(path: Path) -> None:
    store = SQLiteStore(str(path))
    append_to(store, "me", 200)
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"SQLite cannot use .*orders\.db: database disk image is malformed"):
        append_to(store, "me", 1)
    store.close()
