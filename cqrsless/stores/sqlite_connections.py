"""One connection for each thread, and none that a fork would copy.

SQLite remembers per process, and not per connection, which locks it holds on a file. A child that inherits that
memory believes to hold locks that only its parent has: the parent may then remove the write-ahead log while the child
still writes to it, and commits are lost, even where the child opened a connection of its own. So all connections are
closed before a fork, and each side opens what it needs again.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from typing import Final
from weakref import WeakSet, finalize

from .sqlite_file import open_file


class Connection:
    """A connection that is closed with its thread or its store; whoever uses it holds its lock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db: sqlite3.Connection | None = db
        self.lock = threading.Lock()
        self._pid = os.getpid()
        # And not `__del__`: where both are garbage of one cycle, the database may be finalised first, with a warning.
        self._let_go = finalize(self, _close, db, self._pid)
        self._let_go.atexit = False

    def is_usable(self) -> bool:
        return self.db is not None and self._pid == os.getpid()

    def close(self) -> None:
        self.db = None
        self._let_go()


def _close(db: sqlite3.Connection, pid: int) -> None:
    if pid == os.getpid():
        db.close()
    else:
        _INHERITED.append(db)


class ThreadConnection(threading.local):
    """The connection of the thread that asks."""

    connection: Connection | None = None


_OPEN: Final[WeakSet[Connection]] = WeakSet()
_OPENING: Final = threading.Lock()
_STOPPED: Final[list[Connection]] = []
#: What a fork unseen by Python has copied: SQLite forbids even to close it here, so it is kept from the collector.
_INHERITED: Final[list[sqlite3.Connection]] = []


def connect(path: str, timeout: float) -> Connection:
    """Open a connection that the next fork will find."""
    with _OPENING:
        connection = Connection(open_file(path, timeout))
        _OPEN.add(connection)
        return connection


def _before_fork() -> None:
    _OPENING.acquire()
    for connection in list(_OPEN):
        connection.lock.acquire()  # waits for what is under way
        connection.close()
        _STOPPED.append(connection)


def _after_fork() -> None:
    while _STOPPED:
        _STOPPED.pop().lock.release()
    _OPENING.release()


def _at_exit() -> None:
    for connection in list(_OPEN):
        if connection.lock.acquire(timeout=1):  # a thread that never ends must not keep the process
            connection.close()
            connection.lock.release()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
