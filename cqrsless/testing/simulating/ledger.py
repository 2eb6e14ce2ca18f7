"""A store in memory that remembers every write: what stood there before, what after, and who did it when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...messages import Cost
from ...store import Condition, Item, SortKey, Table, Write
from ...stores.memory import MemoryStore
from .tables import Tables

__all__ = ["Entry", "Ledger", "Noting"]


class Entry(NamedTuple):
    """One item written. `at` counts calls of the store, so what one transaction wrote shares it; `who` did it."""

    at: int
    who: int
    table: Table
    pk: str
    sk: SortKey
    before: Item | None
    after: Item | None


#: What looks at the writes of one call, as they are made.
Noting = Callable[[Sequence[Entry]], None]


class Ledger(MemoryStore):
    """A store in memory that tells `noting` of every write. One thread at a time uses it."""

    def __init__(self, noting: Noting) -> None:
        super().__init__()
        self.at = 0
        self.who = 0
        self.tables = Tables()
        self._noting = noting
        self._fresh: list[Entry] = []

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        super().put(table, item, cost, condition=condition)
        self._note()

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        super().write(writes, cost)
        self._note()

    def _note(self) -> None:
        fresh, self._fresh = self._fresh, []
        if fresh:
            self._noting(fresh)

    def _put(self, table: Table, partition: Any, pk: str, sk: SortKey, item: Item, size: int) -> None:
        before = self._find(table, pk, sk)
        super()._put(table, partition, pk, sk, item, size)
        after: Any = self._find(table, pk, sk)
        # The store keeps a record as it is until it puts another in its place, so nothing has to be copied.
        self._fresh.append(Entry(self.at, self.who, table, pk, sk, before[0] if before else None, after[0]))

    def _delete(self, table: Table, pk: str, sk: SortKey) -> None:
        before = self._find(table, pk, sk)
        super()._delete(table, pk, sk)
        if before is not None:
            self._fresh.append(Entry(self.at, self.who, table, pk, sk, before[0], None))
