"""Random calls on the embedded stores, against a plain dict that keeps its own account of costs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless.messages import Cost
from cqrsless.store import (
    KEYS,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Put,
    SortKey,
    Store,
    Table,
    item_size,
)
from cqrsless.stores.memory import MemoryStore
from cqrsless.stores.sqlite import SQLiteStore

Key = tuple[Table, str, SortKey]


class Model:
    """What a store holds, and what it should have charged."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.written: dict[Key, int] = {}
        self.clock = 0
        self.cost = Cost()

    def get(self, key: Key) -> Item | None:
        found = self.items.get(key)
        self._read([found] if found else [])
        return found

    def query(
        self, table: Table, pk: str, first: Any, last: Any, after: Any, descending: bool, limit: int | None
    ) -> list[Item]:
        possible = [sk for t, p, sk in self.items if (t, p) == (table, pk)]
        keys = sorted(sk for sk in possible if (first is None or sk >= first) and (last is None or sk <= last))
        if descending:
            keys.reverse()
        if after is not None:
            keys = [sk for sk in keys if (sk < after if descending else sk > after)]
        low, high = (last, first) if descending else (first, last)
        beyond = (lambda a, b: a <= b) if descending else (lambda a, b: a >= b)
        crossed = low is not None and high is not None and low != high and beyond(low, high)
        if not crossed and not (after is not None and high is not None and beyond(after, high)):
            self._read([self.items[table, pk, sk] for sk in keys[:limit]])
        return [self.items[table, pk, sk] for sk in keys[:limit]]

    def scan(self, table: Table) -> list[Item]:
        found = [item for key, item in sorted(self.items.items(), key=lambda kv: kv[0]) if key[0] == table]
        self._read(found)
        return found

    def changes(self, table: Table) -> list[Item]:
        keys = [key for key in sorted(self.written, key=self.written.__getitem__) if key[0] == table]
        return [self.items[key] for key in keys]

    def put(self, table: Table, item: Item, condition: Condition) -> tuple[int, Item | None] | None:
        key = key_of(table, item)
        old = self.items.get(key)
        self.cost.requests += 1
        if not holds(condition, old):
            self.cost.write_units += units(old)
            return 0, old
        self.cost.write_units += max(units(old), units(item))
        self._put(key, item)
        return None

    def write(self, writes: list[Any]) -> tuple[int, Item | None] | None:
        self.cost.requests += 1
        failed = None
        for index, write in enumerate(writes):
            key = key_of(write.table, write.item) if isinstance(write, Put) else (write.table, write.pk, write.sk)
            old = self.items.get(key)
            self.cost.write_units += 2 * max(units(old), units(write.item) if isinstance(write, Put) else 1)
            if failed is None and not holds(write.condition, old):
                failed = index, old
        if failed is None:
            for write in writes:
                if isinstance(write, Put):
                    self._put(key_of(write.table, write.item), write.item)
                elif isinstance(write, Delete):
                    self.items.pop((write.table, write.pk, write.sk), None)
                    self.written.pop((write.table, write.pk, write.sk), None)
        return failed

    def _put(self, key: Key, item: Item) -> None:
        self.clock += 1
        self.items[key] = item
        self.written[key] = self.clock

    def _read(self, items: list[Item]) -> None:
        self.cost.requests += 1
        self.cost.read_units += max(1, ceil(sum(map(size, items)) / 4096))


def key_of(table: Table, item: Item) -> Key:
    pk, sk = KEYS[table]
    return table, item[pk], item[sk]


def holds(condition: Condition, old: Item | None) -> bool:
    if condition is None:
        return True
    if condition == "absent":
        return old is None
    found = None if old is None else old.get(condition.attribute)
    return type(found) is type(condition.value) and found == condition.value


def units(item: Item | None) -> int:
    return max(1, ceil(size(item) / 1024)) if item else 1


def size(value: Any) -> int:
    """Count bytes from the rules of the developer guide, without the short cuts of `item_size`."""
    if isinstance(value, dict) and "pk" in value:
        return sum(len(name.encode()) + size(inner) for name, inner in value.items())
    if isinstance(value, dict):
        return 3 + sum(len(name.encode()) + size(inner) + 1 for name, inner in value.items())
    if isinstance(value, bool):
        return 1
    if isinstance(value, int):
        digits = str(abs(value)).rstrip("0")
        return max(ceil(len(digits) / 2), 0 if digits else 1) + 1 + (1 if value < 0 else 0)
    return len(value.encode() if isinstance(value, str) else value)


texts = st.text(st.characters(codec="utf-8"), max_size=6)
names = texts.filter(lambda name: name not in ("", "pk", "c", "n", "sk"))
scalars = st.one_of(texts, st.integers(-(10**37), 10**37), st.binary(max_size=9), st.booleans())
values = st.one_of(
    scalars,
    st.dictionaries(names, st.one_of(scalars, st.dictionaries(names, scalars, max_size=2)), max_size=3),
    st.integers(0, 6000).map(bytes),
)
tables = st.sampled_from(["events", "log", "views"])
partitions = st.sampled_from(["a", "a#b", "ä", "😀\x00"])
sort_keys: dict[str, st.SearchStrategy[Any]] = {
    "events": st.integers(-1, 5),
    "log": st.one_of(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1)),
    "views": st.sampled_from(["a", "aa", "b", "\uffee", "😀"]),
}
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.none(),
    st.just("absent"),
    st.builds(Equals, st.sampled_from(["v", "w"]), st.one_of(st.integers(0, 2), st.sampled_from(["0", "1"]))),
)


@st.composite
def items(draw: st.DrawFn, table: str) -> Item:
    pk, sk = KEYS[table]  # type: ignore[index]
    item = {pk: draw(partitions), sk: draw(sort_keys[table]), "v": draw(st.one_of(st.integers(0, 2), st.booleans()))}
    return {**draw(st.dictionaries(names, values, max_size=3)), **item}


@st.composite
def writes(draw: st.DrawFn) -> Any:
    table: Any = draw(tables)
    kind = draw(st.sampled_from(["put", "put", "delete", "check"]))
    if kind == "put":
        return Put(table, draw(items(table)), draw(conditions))
    key = draw(partitions), draw(sort_keys[table])
    if kind == "delete":
        return Delete(table, *key, draw(conditions))
    return Check(table, *key, draw(conditions.filter(lambda condition: condition is not None)))


def write_key(write: Any) -> Key:
    return key_of(write.table, write.item) if isinstance(write, Put) else (write.table, write.pk, write.sk)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Any, ...]:
    table: Any = draw(tables)
    keys = sort_keys[table]
    kind = draw(st.sampled_from(["put", "put", "put", "write", "get", "query", "scan", "changes"]))
    if kind == "put":
        return kind, table, draw(items(table)), draw(conditions)
    if kind == "write":
        return kind, draw(st.lists(writes(), min_size=1, max_size=4, unique_by=write_key))
    if kind == "get":
        return kind, (table, draw(partitions), draw(keys))
    if kind == "query":
        bounds = [draw(st.one_of(st.none(), keys)) for _ in range(3)]
        return kind, table, draw(partitions), *bounds, draw(st.booleans()), draw(st.sampled_from([None, 1, 2, 50]))
    return kind, table if kind == "scan" or table != "views" else "events"


def failure(call: Callable[[], None]) -> tuple[int, Item | None] | None:
    try:
        call()
    except ConditionFailed as failed:
        return failed.index, failed.item
    return None


def perform(store: Store, model: Model, cost: Cost, call: tuple[Any, ...]) -> None:
    kind, *arguments = call
    if kind == "put":
        table, item, condition = arguments
        expected = model.put(table, item, condition)
        assert failure(lambda: store.put(table, item, cost, condition=condition)) == expected
    elif kind == "write":
        expected = model.write(arguments[0])
        assert failure(lambda: store.write(arguments[0], cost)) == expected
    elif kind == "get":
        assert store.get(*arguments[0], cost) == model.get(arguments[0])
    elif kind == "query":
        table, pk, first, last, after, descending, limit = arguments
        page = store.query(table, pk, cost, first=first, last=last, after=after, descending=descending, limit=limit)
        assert page.items == model.query(*arguments)
        assert page.more == (len(page.items) == limit)
    elif kind == "scan":
        page = store.scan(arguments[0], cost)
        assert page.items == model.scan(arguments[0])
        assert not page.more
    else:
        changes = store.changes(arguments[0], 0, 1000)
        assert [change.item for change in changes] == model.changes(arguments[0])
    assert cost == model.cost


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@settings(max_examples=150, deadline=None)
@given(script=st.lists(calls(), min_size=1, max_size=25))
def test_a_store_answers_and_charges_as_a_dict_would(kind: str, script: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore() if kind == "memory" else SQLiteStore(f"{folder}/store.db")
        model, cost = Model(), Cost()
        for call in script:
            perform(store, model, cost, call)
        store.close()


@given(item=st.sampled_from(["events", "log", "views"]).flatmap(items))
def test_the_size_of_an_item_follows_the_developer_guide(item: Item) -> None:
    assert item_size(item) == size(item)
