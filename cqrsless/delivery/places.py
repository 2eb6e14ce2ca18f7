"""Where a consumer notes how far it got with each aggregate.

A *place* is an item of the views table that holds, for one (consumer, aggregate): `mark`, the last commit applied;
`fail` and `tries`, the commit that keeps failing and how often it did; `parked`, `seen` and `why`, once it is parked.
A view row that belongs to one aggregate is its own place. Every write of a place is conditional on `rev`, which is
different each time, so two workers never both move it on.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock
from typing import Final

from ..messages import Cost
from ..store import Condition, Equals, Item, SortKey, Store

Key = tuple[str, str]
KEPT: Final = 10_000


def processor_place(processor: str, run: int, pk: str) -> Key:
    """Give the key of an ordered processor's place for an aggregate.

    >>> processor_place("mailer", 1, "Order#o-1")
    ('p#1#mailer#Order#o-1', '-')
    """
    return f"p#{run}#{processor}#{pk}", "-"


def view_place(view: str, run: int, pk: str) -> Key:
    """Give the key of a view's place for an aggregate whose events change rows that are not its own."""
    return f"w#{run}#{view}#{pk}", "-"


def letters_of(consumer: str) -> str:
    """Give the partition of a consumer's parked aggregates; the sort key is the aggregate's key."""
    return f"d#{consumer}"


def revision() -> str:
    """Give a value that no write had before."""
    return secrets.token_hex(6)


def applied(item: Item | None) -> int:
    """Give the last commit that a place has applied; 0 where there is none yet."""
    mark: int = 0 if item is None else item.get("mark", 0)
    return mark


def unchanged(item: Item | None) -> Condition:
    """Give the condition that a place, or a row, is still as it was read."""
    return "absent" if item is None else Equals("rev", item["rev"])


class Places:
    """Items of the views table as this container last saw them. A stale one only costs a failed condition."""

    def __init__(self, store: Store, kept: int = KEPT) -> None:
        self.store = store
        self._kept = kept
        self._seen: OrderedDict[tuple[str, SortKey], Item | None] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, cost: Cost, *, fresh: bool = False) -> Item | None:
        """Give an item, from memory unless it is asked for fresh; `None` where there is none."""
        if not fresh:
            with self._lock:
                if key in self._seen:
                    self._seen.move_to_end(key)
                    return self._seen[key]
        item = self.store.get("views", key[0], key[1], cost)
        self.saw(key, item)
        return item

    def saw(self, key: Key, item: Item | None) -> None:
        with self._lock:
            self._seen[key] = item
            self._seen.move_to_end(key)
            while len(self._seen) > self._kept:
                self._seen.popitem(last=False)

    def forget(self, *keys: Key) -> None:
        with self._lock:
            for key in keys:
                self._seen.pop(key, None)
