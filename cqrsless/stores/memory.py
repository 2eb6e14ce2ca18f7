"""The store in memory: plain dicts under one lock, with DynamoDB's conditions, pages and bills."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from ..errors import CqrslessError
from ..messages import Cost
from ..store import (
    PAGE_LIMIT,
    WRITE_UNIT,
    Change,
    Check,
    Condition,
    ConditionFailed,
    Item,
    Page,
    Put,
    SizedItem,
    SortKey,
    Table,
    Write,
    read_units,
    write_units,
)
from .rules import check_key, check_limit, check_query, holds, is_empty, measure, measure_all, write_key

_SHARED: Final[dict[str, MemoryStore]] = {}
_SHARING: Final = threading.Lock()


def open_memory(name: str) -> MemoryStore:
    """Give a new private store, or the one that bears this name in this process for as long as it runs."""
    if not name:
        return MemoryStore()
    with _SHARING:
        store = _SHARED.get(name)
        if store is None:
            store = _SHARED[name] = MemoryStore(f"memory://{name}")
        return store


#: An item, its size, which of its attributes hold a dict (`None`: nobody changes it, so it is not copied), and its
#: position in the feed. A bare tuple: it is made for every item written, and the garbage collector leaves it alone.
_Record: TypeAlias = "tuple[Item, int, tuple[str, ...] | None, int]"


#: Records of which a page takes the sum before it looks whether they fit.
_FEW: Final = 100


class _Partition:
    """The records of one partition key, and their sort keys in order."""

    __slots__ = ("keys", "records")

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.records: dict[SortKey, _Record] = {}

    def span(
        self, first: SortKey | None, last: SortKey | None, after: SortKey | None, descending: bool
    ) -> tuple[int, int]:
        """Give the slice of `keys` that a query reads."""
        keys = self.keys
        low = bisect_left(keys, first) if first is not None else 0
        high = bisect_right(keys, last) if last is not None else len(keys)
        if after is None:
            return low, high
        if descending:
            return low, min(high, bisect_left(keys, after))
        return max(low, bisect_right(keys, after)), high

    def page(self, low: int, high: int, descending: bool) -> tuple[list[_Record], int]:
        """Give the records of a slice of `keys` and their bytes, up to the one with which they pass a page's limit."""
        records, keys = self.records, self.keys
        if high - low <= _FEW:  # nearly always all of them fit, which one look at their sum tells
            found = [records[sk] for sk in keys[low:high]]
            size = sum([record[1] for record in found])
            if size <= PAGE_LIMIT:
                if descending:
                    found.reverse()
                return found, size
        found, size = [], 0
        for at in range(high - 1, low - 1, -1) if descending else range(low, high):
            record = records[keys[at]]
            found.append(record)
            size += record[1]
            if size > PAGE_LIMIT:
                break
        return found, size

    def delete(self, sk: SortKey) -> None:
        if self.records.pop(sk, None) is not None:
            del self.keys[bisect_left(self.keys, sk)]


class MemoryStore:
    """A store in this process's memory; nothing of it outlives the process.

    >>> store = MemoryStore(); cost = Cost()
    >>> store.put("events", {"pk": "Order#o-1", "c": 1}, cost, condition="absent")
    >>> store.get("events", "Order#o-1", 1, cost), cost
    ({'pk': 'Order#o-1', 'c': 1}, Cost(requests=2, read_units=1, write_units=1))
    """

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self._lock = threading.Lock()
        self._tables: dict[Table, dict[str, _Partition]] = {"events": {}, "log": {}, "views": {}}
        self._order: dict[Table, list[str]] = {"events": [], "log": [], "views": []}
        self._feeds: dict[Table, list[tuple[str, SortKey]]] = {"events": [], "log": []}

    def get(self, table: Table, pk: str, sk: SortKey, cost: Cost) -> Item | None:
        check_key(table, pk, sk)
        with self._lock:
            record = self._find(table, pk, sk)
        cost.requests += 1
        cost.read_units += read_units(record[1]) if record else 1
        return _copy(record) if record else None

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
        found: list[_Record] = []
        more = False
        size = 0
        with self._lock:
            partition = self._tables[table].get(pk)
            if partition is not None:
                low, high = partition.span(first, last, after, descending)
                if limit is not None and high - low >= limit:
                    more = True  # as in DynamoDB, also where nothing stands behind the limit
                    low, high = (high - limit, high) if descending else (low, low + limit)
                found, size = partition.page(low, high, descending)
                more = more or size > PAGE_LIMIT
        return _bill_page(found, more, size, cost)

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        pk, sk, size = measure(table, item)
        cost.requests += 1
        with self._lock:
            partition = self._tables[table].get(pk)
            old = None if partition is None else partition.records.get(sk)
            if (condition == "absent" and old is None) or holds(condition, old[0] if old else None):
                if partition is None:
                    partition = self._partition(table, pk)
                self._put(table, partition, pk, sk, item, size)
                if old is not None and old[1] > size:
                    size = old[1]
                cost.write_units += 1 if size <= WRITE_UNIT else write_units(size)
                return
        cost.write_units += write_units(old[1]) if old else 1
        raise ConditionFailed(_copy(old) if old else None)

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        sizes = measure_all(writes)
        failed: ConditionFailed | None = None
        units = 0
        with self._lock:
            for index, (write, size) in enumerate(zip(writes, sizes, strict=True)):
                old = self._find(*write_key(write))
                units += write_units(max(size, old[1] if old else 0))
                if failed is None and not holds(write.condition, old[0] if old else None):
                    failed = ConditionFailed(_copy(old) if old else None, index)
            if failed is None:
                for write, size in zip(writes, sizes, strict=True):
                    table, pk, sk = write_key(write)
                    if isinstance(write, Put):
                        self._put(table, self._partition(table, pk), pk, sk, write.item, size)
                    elif not isinstance(write, Check):
                        self._delete(table, pk, sk)
        cost.requests += 1
        cost.write_units += 2 * units
        if failed is not None:
            raise failed

    def scan(
        self, table: Table, cost: Cost, *, after: tuple[str, SortKey] | None = None, limit: int | None = None
    ) -> Page:
        check_limit(limit)
        if after is not None:
            check_key(table, *after)
        found: list[_Record] = []
        size = 0
        more = False
        with self._lock:
            for record in self._walk(table, after):
                found.append(record)
                size += record[1]
                if size > PAGE_LIMIT or len(found) == limit:
                    more = True
                    break
        return _bill_page(found, more, size, cost)

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        check_limit(limit)
        feed = self._feeds.get(table)
        if feed is None:
            raise CqrslessError(f"the table {table} has no change feed; events and log have one")
        changes: list[Change] = []
        with self._lock:
            for position in range(max(after, 0) + 1, len(feed) + 1):
                pk, sk = feed[position - 1]
                record = self._find(table, pk, sk)
                if record is not None and record[3] == position:
                    changes.append(Change(position, table, pk, sk, _copy(record)))
                    if len(changes) == limit:
                        break
        return changes

    def create_tables(self) -> None:
        """Do nothing: a store in memory is always ready."""

    def check_origin(self, table: Table) -> None:
        """Do nothing: the tables of a store in memory belong together."""

    def close(self) -> None:
        """Do nothing: there is no connection to give back, and the items stay."""

    def _walk(self, table: Table, after: tuple[str, SortKey] | None) -> Iterator[_Record]:
        partitions, order = self._tables[table], self._order[table]
        if len(order) != len(partitions):  # a partition is never taken out again, so this tells
            order[:] = sorted(partitions)
        for at in range(bisect_left(order, after[0]) if after else 0, len(order)):
            partition = partitions[order[at]]
            low = bisect_right(partition.keys, after[1]) if after and order[at] == after[0] else 0
            for index in range(low, len(partition.keys)):
                yield partition.records[partition.keys[index]]

    def _find(self, table: Table, pk: str, sk: SortKey) -> _Record | None:
        partition = self._tables[table].get(pk)
        return partition.records.get(sk) if partition is not None else None

    def _partition(self, table: Table, pk: str) -> _Partition:
        partitions = self._tables[table]
        partition = partitions.get(pk)
        if partition is None:
            partition = partitions[pk] = _Partition()
        return partition

    def _put(self, table: Table, partition: _Partition, pk: str, sk: SortKey, item: Item, size: int) -> None:
        position = 0
        if table != "views":
            feed = self._feeds[table]
            feed.append((pk, sk))
            position = len(feed)
        maps: tuple[str, ...] | None = None
        if type(item) is not SizedItem:
            item, maps = dict(item), ()
            for name, value in item.items():
                if type(value) is dict:
                    item[name] = _copy_map(value)
                    maps += (name,)
        records = partition.records
        if sk not in records:
            keys = partition.keys
            if keys and keys[-1] > sk:
                insort(keys, sk)
            else:
                keys.append(sk)
        records[sk] = item, size, maps, position

    def _delete(self, table: Table, pk: str, sk: SortKey) -> None:
        partition = self._tables[table].get(pk)
        if partition is not None:
            partition.delete(sk)


def _bill_page(found: list[_Record], more: bool, size: int, cost: Cost) -> Page:
    cost.requests += 1
    cost.read_units += read_units(size)
    return Page([record[0] if record[2] is None else _copy(record) for record in found], more)


def _copy(record: _Record) -> Item:
    if record[2] is None:
        return record[0]
    item = dict(record[0])
    for name in record[2]:
        item[name] = _copy_map(item[name])
    return item


def _copy_map(value: dict[str, Any]) -> dict[str, Any]:
    copy = dict(value)
    for name, inner in value.items():
        if type(inner) is dict:
            copy[name] = _copy_map(inner)
    return copy
