"""The store in one SQLite file, safe with several threads and processes on it.

WAL mode and immediate transactions: a writer waits for its turn, a reader never does. A commit outlives a killed
process; a power cut may take back the newest ones, never a part of one (`synchronous=NORMAL`). A fork is safe, too.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from ..errors import AppLoadError, CqrslessError, StoreUnavailable
from ..messages import Cost
from ..store import (
    PAGE_LIMIT,
    Change,
    Check,
    Condition,
    ConditionFailed,
    Item,
    Page,
    Put,
    SortKey,
    Table,
    Write,
    read_units,
    write_units,
)
from .rules import check_key, check_limit, check_query, holds, is_empty, measure, measure_all, write_key
from .sqlite_connections import Connection, ThreadConnection, connect
from .sqlite_file import BUSY_TIMEOUT, is_busy


class SQLiteStore:
    """A store in one file. A path is taken from where the process stands when the store is made.

    `timeout` is how many seconds a call waits for its turn among processes before it is `StoreUnavailable`. Raises
    `AppLoadError` at once for a file that it cannot use.
    """

    def __init__(self, path: str, *, url: str | None = None, timeout: float = BUSY_TIMEOUT) -> None:
        self.path = os.path.abspath(path)
        self.timeout = timeout
        self.url = url or f"sqlite:///{self.path}"
        self._mine = ThreadConnection()
        self._open: WeakSet[Connection] = WeakSet()
        # Threads queue here and not in SQLite's busy handler, which sleeps. Nothing but speed hangs on this lock.
        self._turn = threading.Lock()
        with self._using():
            pass

    def get(self, table: Table, pk: str, sk: SortKey, cost: Cost) -> Item | None:
        check_key(table, pk, sk)
        with self._using() as db:
            found = _find(db, table, pk, sk)
        cost.requests += 1
        cost.read_units += read_units(found[0]) if found else 1
        return _decode(found[1], found[2]) if found else None

    def query(
        self,
        table: Table,
        pk: str,
        cost: Cost,
        *,
        first: SortKey | None = None,
        last: SortKey | None = None,
        after: SortKey | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Page:
        check_query(table, pk, first, last, after, limit)
        if is_empty(first, last, after, descending):
            return Page([], False)
        sql = f"SELECT size, item, body FROM {table} WHERE pk = ?"
        values: list[Any] = [pk]
        for condition, value in (("sk >= ?", first), ("sk <= ?", last), (f"sk {'<' if descending else '>'} ?", after)):
            if value is not None:
                sql += f" AND {condition}"
                values.append(value)
        return self._page(sql, values, "sk DESC" if descending else "sk", limit, cost)

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        pk, sk, size = measure(table, item)
        row = (pk, sk, size, *_encode(item))
        cost.requests += 1
        with self._writing() as db:
            found = _find(db, table, pk, sk)
            old = _decode(found[1], found[2]) if found and condition is not None else None
            before = found[0] if found else 0
            if condition is not None and not holds(condition, old):
                cost.write_units += write_units(before)
                raise ConditionFailed(old)
            db.execute(_insert(table), row)
        cost.write_units += write_units(max(size, before))

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        sizes = measure_all(writes)
        cost.requests += 1
        with self._writing() as db:
            failed: ConditionFailed | None = None
            for index, (write, size) in enumerate(zip(writes, sizes, strict=True)):
                found = _find(db, *write_key(write))
                cost.write_units += 2 * write_units(max(size, found[0] if found else 0))
                old = _decode(found[1], found[2]) if found and write.condition is not None else None
                if failed is None and not holds(write.condition, old):
                    failed = ConditionFailed(old, index)
            if failed is not None:
                raise failed
            for write, size in zip(writes, sizes, strict=True):
                table, pk, sk = write_key(write)
                if isinstance(write, Put):
                    db.execute(_insert(table), (pk, sk, size, *_encode(write.item)))
                elif not isinstance(write, Check):
                    db.execute(f"DELETE FROM {table} WHERE pk = ? AND sk = ?", (pk, sk))

    def scan(
        self, table: Table, cost: Cost, *, after: tuple[str, SortKey] | None = None, limit: int | None = None
    ) -> Page:
        check_limit(limit)
        sql = f"SELECT size, item, body FROM {table}"
        if after is not None:
            check_key(table, *after)
            sql += " WHERE (pk, sk) > (?, ?)"
        return self._page(sql, after or (), "pk, sk", limit, cost)

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        check_limit(limit)
        if table == "views":
            raise CqrslessError("the table views has no change feed; events and log have one")
        sql = f"SELECT position, pk, sk, item, body FROM {table} WHERE position > ? ORDER BY position LIMIT ?"
        with self._using() as db:
            rows = db.execute(sql, (after, limit)).fetchall()
        return [Change(position, table, pk, sk, _decode(item, body)) for position, pk, sk, item, body in rows]

    def create_tables(self) -> None:
        """Do nothing: the file gets its tables when it is first opened."""

    def check_origin(self, table: Table) -> None:
        """Do nothing: the tables of a file belong together."""

    def close(self) -> None:
        for connection in list(self._open):
            with connection.lock:
                connection.close()

    def _page(self, sql: str, values: Iterable[Any], order: str, limit: int | None, cost: Cost) -> Page:
        items: list[Item] = []
        size = 0
        more = False
        with self._using() as db:
            rows = db.execute(f"{sql} ORDER BY {order} LIMIT ?", (*values, limit or -1))
            try:
                for row_size, item, body in rows:
                    items.append(_decode(item, body))
                    size += row_size
                    if size > PAGE_LIMIT or len(items) == limit:
                        more = True
                        break
            finally:
                rows.close()  # ends the read, which would otherwise hold back the checkpoints of the file
        cost.requests += 1
        cost.read_units += read_units(size)
        return Page(items, more)

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._using() as db, self._turn:
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _using(self) -> Generator[sqlite3.Connection, None, None]:
        try:
            while True:
                connection = self._mine.connection
                if connection is None or not connection.is_usable():
                    self._mine.connection = connection = connect(self.path, self.timeout)
                    self._open.add(connection)
                with connection.lock:
                    if connection.db is not None:  # else a fork has closed it in this very moment
                        yield connection.db
                        return
        except sqlite3.Error as error:
            if is_busy(error):
                text = f"another process kept {self.path} locked for {self.timeout:g} seconds"
            else:
                text = f"SQLite cannot use {self.path}: {error}"
            raise StoreUnavailable(text) from error


def open_sqlite(rest: str) -> SQLiteStore:
    """Open `sqlite://` + rest, as SQLAlchemy writes it: three slashes and a relative path, four for an absolute one."""
    path = rest[1:] if rest.startswith("/") else ""
    if not path:
        raise AppLoadError(f"'sqlite://{rest}' names no file; write sqlite:///relative.db or sqlite:////absolute.db")
    if path == ":memory:":
        raise AppLoadError("SQLite in memory cannot be shared by threads; write memory:// instead")
    return SQLiteStore(path, url=f"sqlite://{rest}")


def _find(db: sqlite3.Connection, table: Table, pk: str, sk: SortKey) -> tuple[int, str, bytes | None] | None:
    found: tuple[int, str, bytes | None] | None = db.execute(
        f"SELECT size, item, body FROM {table} WHERE pk = ? AND sk = ?", (pk, sk)
    ).fetchone()
    return found


def _insert(table: Table) -> str:
    return f"INSERT OR REPLACE INTO {table} (pk, sk, size, item, body) VALUES (?, ?, ?, ?, ?)"


def _encode(item: Item) -> tuple[str, bytes | None]:
    """Give an item as JSON, each value of bytes as a pair [from, to] into the body: no item holds a list otherwise."""
    body = bytearray()

    def take(value: bytes) -> list[int]:
        body.extend(value)
        return [len(body) - len(value), len(body)]

    text = json.dumps(item, default=take, ensure_ascii=False, separators=(",", ":"))
    return text, bytes(body) if "[" in text else None


def _decode(text: str, body: bytes | None) -> Item:
    item: Item = json.loads(text)
    if body is not None:
        _fill(item, body)
    return item


def _fill(values: dict[str, Any], body: bytes) -> None:
    for name, value in values.items():
        if type(value) is list:
            values[name] = body[value[0] : value[1]]
        elif type(value) is dict:
            _fill(value, body)
