"""A store on which somebody else is always a moment faster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..messages import Cost
from ..store import Condition, Item, Table
from ..stores.memory import MemoryStore

__all__ = ["ContestedStore"]


class ContestedStore(MemoryStore):
    """A store in memory that lets a rival commit right before a commit is put: once for each of `rivals`."""

    def __init__(self) -> None:
        super().__init__()
        self.rivals: deque[Callable[[], object]] = deque()

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        if table == "events" and self.rivals:
            self.rivals.popleft()()
        super().put(table, item, cost, condition=condition)

    def elsewhere(self) -> ContestedStore:
        """Give the same tables as another container has them: not contested, and counted by nobody."""
        other = ContestedStore()
        other._lock, other._tables, other._order, other._feeds = self._lock, self._tables, self._order, self._feeds
        return other
