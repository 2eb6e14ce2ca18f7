"""Opening the file of an SQLite store: whose it is, which layout it has, and who makes its tables first."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Final

from ..errors import AppLoadError, StoreUnavailable

BUSY_TIMEOUT: Final = 30.0
#: "cqrs" in the file's header says whose file it is (PRAGMA application_id).
APPLICATION: Final = int.from_bytes(b"cqrs", "big")
LAYOUT: Final = 1

#: A position is given inside the one write transaction there can be, so none turns up behind a later one.
_SCHEMA: Final = (
    *(
        f"CREATE TABLE {table} (position INTEGER PRIMARY KEY AUTOINCREMENT, pk TEXT NOT NULL, sk INTEGER NOT NULL, "
        "size INTEGER NOT NULL, item TEXT NOT NULL, body BLOB, UNIQUE (pk, sk))"
        for table in ("events", "log")
    ),
    "CREATE TABLE views (pk TEXT NOT NULL, sk TEXT NOT NULL, size INTEGER NOT NULL, item TEXT NOT NULL, body BLOB, "
    "PRIMARY KEY (pk, sk))",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {LAYOUT}",
)


def open_file(path: str, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """Connect to a store's file, made if need be; wait up to `timeout` seconds for other processes, here and later.

    The connection is in autocommit mode and may be closed by any thread.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise AppLoadError(f"the store {path} cannot be opened: there is no directory {folder}; create it first")
    deadline = time.monotonic() + timeout
    while True:
        db: sqlite3.Connection | None = None
        try:
            db = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
            _prepare(db, path)
            return db
        except BaseException as error:
            if db is not None:
                db.close()
            if not isinstance(error, sqlite3.Error):
                raise
            if not is_busy(error):
                raise _unusable(path, error) from error
            # Changing the journal mode and the last close of a file answer "locked" without asking the busy handler.
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"another process kept {path} locked for {timeout:g} seconds") from error
        time.sleep(0.01)


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another connection is in the way (the code itself is known from Python 3.11 only)."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _prepare(db: sqlite3.Connection, path: str) -> None:
    db.execute("BEGIN")  # someone else may be making the file between one question and the next
    made = _is_made(db, path)
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    if not made:
        db.execute("BEGIN IMMEDIATE")
        if not _is_made(db, path):
            for statement in _SCHEMA:
                db.execute(statement)
        db.execute("COMMIT")


def _is_made(db: sqlite3.Connection, path: str) -> bool:
    ((application,), (layout,)) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    if application == APPLICATION:
        if layout > LAYOUT:
            raise AppLoadError(
                f"{path} has layout {layout} and this version of cqrsless knows up to {LAYOUT}; upgrade cqrsless, "
                "or name another file"
            )
        return True
    if application or layout or db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise AppLoadError(f"{path} is the SQLite database of another program; name another file")
    return False


def _unusable(path: str, error: sqlite3.Error) -> AppLoadError | StoreUnavailable:
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable(
            f"SQLite cannot open {path}: {error}; may this process write the file and its directory?"
        )
    return AppLoadError(f"{path} is not an SQLite database ({error}); name another file")
