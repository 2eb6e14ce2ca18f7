"""Where a consumer notes how far it got with each aggregate.

A *place* is an item of the views table that holds, for one (consumer, aggregate): `mark`, the last commit applied;
`fail` and `tries`, the commit that keeps failing and how often it did; `parked`, `seen` and `why`, once it is parked.
A view row that belongs to one aggregate is its own place, and says of which type of aggregate (`of`). Every write of a
place is conditional on `rev`, which is different each time, so two workers never both move it on.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import Final

from ..messages import Cost
from ..store import KEY_LIMIT, SORT_KEY_LIMIT, Condition, Equals, Item, Store

Key = tuple[str, str]
KEPT: Final = 10_000
KEPT_BYTES: Final = 64 * 1024 * 1024
#: What an item takes in memory beside a view's row, roughly.
_OVERHEAD: Final = 1000


def processor_place(processor: str, run: int, pk: str) -> Key:
    """Give the key of an ordered processor's place for an aggregate.

    >>> processor_place("mailer", 1, "Order#o-1")
    ('p#1#mailer#Order#o-1', '-')
    """
    return _partition(f"p#{run}#{processor}#", pk), "-"


def view_place(view: str, run: int, pk: str) -> Key:
    """Give the key of a view's place for an aggregate whose events change rows that are not its own."""
    return _partition(f"w#{run}#{view}#", pk), "-"


def beside(row: Key, pk: str) -> Key:
    """Give the key of a view's place for an aggregate whose row is the place of another type of aggregate.

    >>> beside(("v#1#Summary#so-1", "-"), "Payment#o-1")
    ('w#1#Summary#Payment#o-1', '-')
    """
    _, run, view, _ = row[0].split("#", 3)
    return view_place(view, int(run), pk)


def letter(consumer: str, run: int, pk: str) -> Key:
    """Give the key of what is noted of a parked aggregate: a consumer's letters share a partition."""
    return f"d#{run}#{consumer}", pk if len(pk.encode()) <= SORT_KEY_LIMIT else _digest(pk)


def dropped(consumer: str, pk: str, number: int) -> Key:
    """Give the key of the note that somebody had a consumer step past a commit, which is of no run."""
    return _partition(f"x#{consumer}#", pk), str(number)


def _partition(prefix: str, pk: str) -> str:
    key = prefix + pk
    return key if len(key.encode()) <= KEY_LIMIT else prefix + _digest(pk)


def _digest(pk: str) -> str:
    """Give what stands for a key too long to be part of another; the name of a type never begins with `#`."""
    return "#" + blake2b(pk.encode(), digest_size=32).hexdigest()


def revision() -> str:
    """Give a value that no write had before."""
    return secrets.token_hex(6)


def applied(item: Item | None) -> int:
    """Give the last commit that a place has applied; 0 where there is none yet."""
    mark: int = 0 if item is None else item.get("mark", 0)
    return mark


def unchanged(item: Item | None) -> Condition:
    """Give the condition that a place, or a row, is still as it was read; one not yet written has no `rev`."""
    return "absent" if item is None or "rev" not in item else Equals("rev", item["rev"])


class Places:
    """Items of the views table as this container last saw them. A stale one only costs a failed condition."""

    def __init__(self, store: Store, kept: int = KEPT, kept_bytes: int = KEPT_BYTES) -> None:
        self.store = store
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._seen: OrderedDict[Key, Item | None] = OrderedDict()
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
            self._drop(key)
            self._seen[key] = item
            self._bytes += _weight(item)
            while len(self._seen) > self._kept or self._bytes > self._kept_bytes:
                self._drop(next(iter(self._seen)))

    def forget(self, *keys: Key) -> None:
        with self._lock:
            for key in keys:
                self._drop(key)

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()
            self._bytes = 0

    def _drop(self, key: Key) -> None:
        if key in self._seen:
            self._bytes -= _weight(self._seen.pop(key))


def _weight(item: Item | None) -> int:
    return _OVERHEAD + (0 if item is None else len(item.get("row", "")))
