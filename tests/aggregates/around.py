"""A store with something in front of it: other writers, lost answers, and a count of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cqrsless.errors import StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.store import Change, Condition, Item, Page, SortKey, Store, Table, Write
from cqrsless.stores.memory import MemoryStore


class Around:
    """Hands every call on; `before_put` and `before_query` hold what happens, once each, just before the next ones."""

    def __init__(self, inner: Store | None = None) -> None:
        self.inner: Store = inner if inner is not None else MemoryStore()
        self.url = self.inner.url
        self.calls: list[str] = []
        self.before_put: list[Callable[[], object]] = []
        self.before_query: list[Callable[[], object]] = []
        #: How many of the next writes are applied and then answered as the store's own retry would be.
        self.lose_answers = 0
        #: How many of the next writes are applied and then not answered at all.
        self.vanish = 0

    def get(self, table: Table, pk: str, sk: SortKey, cost: Cost) -> Item | None:
        self.calls.append("get")
        return self.inner.get(table, pk, sk, cost)

    def query(self, table: Table, pk: str, cost: Cost, **bounds: Any) -> Page:
        if self.before_query:
            self.before_query.pop(0)()
        self.calls.append("query")
        return self.inner.query(table, pk, cost, **bounds)

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        if self.before_put:
            self.before_put.pop(0)()
        self.calls.append("put")
        self.inner.put(table, item, cost, condition=condition)
        if self.vanish:
            self.vanish -= 1
            raise StoreUnavailable("the store does not answer")
        if self.lose_answers:
            self.lose_answers -= 1
            self.calls.append("put")
            self.inner.put(table, item, cost, condition=condition)

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        self.calls.append("write")
        self.inner.write(writes, cost)

    def scan(self, table: Table, cost: Cost, **bounds: Any) -> Page:
        self.calls.append("scan")
        return self.inner.scan(table, cost, **bounds)

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        return self.inner.changes(table, after, limit)

    def create_tables(self) -> None:
        self.inner.create_tables()

    def check_origin(self, table: Table) -> None:
        self.inner.check_origin(table)

    def close(self) -> None:
        self.inner.close()

    def taken(self) -> list[str]:
        """Give the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


def commits(store: Store, pk: str) -> list[Item]:
    """Read all commits of an aggregate as they are stored."""
    items: list[Item] = []
    while True:
        page = store.query("events", pk, Cost(), after=items[-1]["c"] if items else None)
        items += page.items
        if not page.more:
            return items
