"""The interface of a store: items with a partition and a sort key, written under a condition.

It is DynamoDB's own shape, made small. `stores/memory` and `stores/sqlite` implement it whole, `stores/dynamodb`
translates it. Everything above is written once, against this page.

An item is a flat dict of attribute name to `str`, `int`, `bytes`, `bool` or a dict of the same; it always holds the
two key attributes of its table. Costs are added to the `Cost` that each call is given: one request a call, read
units of 4 KB (strongly consistent) and write units of 1 KB, as DynamoDB bills them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from .messages import Cost

Table = Literal["events", "log", "views"]
Item: TypeAlias = dict[str, Any]
SortKey: TypeAlias = "int | str"

#: Partition and sort key attribute of each table; `events` and `log` sort by number, `views` by string.
KEYS: Final[Mapping[Table, tuple[str, str]]] = {"events": ("pk", "c"), "log": ("pk", "n"), "views": ("pk", "sk")}

#: DynamoDB's own limits, the same on every store.
ITEM_LIMIT: Final = 400 * 1024
PAGE_LIMIT: Final = 1024 * 1024
KEY_LIMIT: Final = 2048
SORT_KEY_LIMIT: Final = 1024
TRANSACTION_LIMIT: Final = 100
TRANSACTION_SIZE_LIMIT: Final = 4 * 1024 * 1024
#: Bytes of one write unit.
WRITE_UNIT: Final = 1024
_NUMBERS: Final = 10**38


class Equals(NamedTuple):
    """The item exists and its attribute has this value."""

    attribute: str
    value: str | int


#: `"absent"`: no item has this key; `Equals`: optimistic locking; `None`: anything goes.
Condition: TypeAlias = "Literal['absent'] | Equals | None"


class ConditionFailed(Exception):
    """A condition did not hold; nothing was written. `item` is what stands in the way (`None` if nothing does)."""

    def __init__(self, item: Item | None, index: int = 0) -> None:
        super().__init__(f"the condition of write {index} did not hold")
        self.item = item
        self.index = index


class Put(NamedTuple):
    table: Table
    item: Item
    condition: Condition = None


class Delete(NamedTuple):
    table: Table
    pk: str
    sk: SortKey
    condition: Condition = None


class Check(NamedTuple):
    """A condition in a transaction on an item that it does not write."""

    table: Table
    pk: str
    sk: SortKey
    condition: Condition


Write: TypeAlias = "Put | Delete | Check"


class Page(NamedTuple):
    """Items in key order, and whether more may follow: a page ends at its limit, behind 1 MB, or with the last item.

    As DynamoDB does, a page that reaches its limit says `more` without looking: the next one may be empty.
    """

    items: list[Item]
    more: bool


class Change(NamedTuple):
    """One write, as a change feed tells it: `item` is the new image, `None` where it was deleted.

    The embedded stores never give `None`: their feeds hold what stands in a table now, each item at its last write.
    """

    position: int
    table: Table
    pk: str
    sk: SortKey
    item: Item | None


class Store(Protocol):
    """Where items live. Every read is strongly consistent; every method is safe to call from several threads."""

    url: str

    def get(self, table: Table, pk: str, sk: SortKey, cost: Cost) -> Item | None: ...

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
        """Read a partition in key order: sort keys from `first` to `last` (both included), continuing behind `after`.

        `first` is the lowest key and `last` the highest, also where `descending` reads from `last` down.
        """
        ...

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        """Write one item, or raise `ConditionFailed` with the item in the way.

        A lost answer is retried inside, so the item in the way may be the very one that was put.
        """
        ...

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        """Write up to 100 items or none, at twice the units; raise `ConditionFailed` for the first that fails."""
        ...

    def scan(
        self, table: Table, cost: Cost, *, after: tuple[str, SortKey] | None = None, limit: int | None = None
    ) -> Page:
        """Read a whole table in no particular order, continuing behind the key `after`."""
        ...

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        """Give what was written behind a position of the change feed, oldest first. Embedded stores only.

        The tables `events` and `log` have a feed. Positions only grow; a gap between two is never filled later.
        """
        ...

    def create_tables(self) -> None:
        """Create what is missing; refuse a table of the wrong shape, and a replicated one."""
        ...

    def check_origin(self, table: Table) -> None:
        """Refuse a log, or views, that were made of other events than the store's, as after a restore.

        Whoever begins to work with one asks; what that takes is spent once in a process, and never for a command.
        """
        ...

    def close(self) -> None:
        """Give back connections and files, once no call is under way; a store used again opens what it needs."""
        ...


class SizedItem(dict[str, Any]):
    """An item whose bytes were counted when it was made, and that is changed no more: it can be shared."""

    __slots__ = ("size",)
    size: int


def sized(item: Item, size: int) -> SizedItem:
    made = SizedItem(item)
    made.size = size
    return made


def item_size(item: Mapping[str, Any]) -> int:
    """Count an item's bytes as DynamoDB does: attribute names and values, UTF-8, numbers by their digits.

    Source: DynamoDB developer guide, "Item sizes and formats".

    >>> item_size({"pk": "Order#o-1", "c": 7})
    14
    """
    if type(item) is SizedItem:
        return item.size
    text = "".join(item)
    size = len(text) if text.isascii() else len(text.encode())
    for value in item.values():  # the common types inline: this runs for every item written
        kind = type(value)
        if kind is str and value.isascii():
            size += len(value)
        elif kind is int and 0 <= value < 100:
            size += 2
        elif kind is bytes:
            size += len(value)
        else:
            size += value_size(value)
    return size


def value_size(value: Any) -> int:
    """Count a value's bytes; `TypeError` for a type that no item holds, `ValueError` for more than 38 digits."""
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(value.encode())
    if kind is bytes:
        return len(value)
    if kind is int:
        return number_size(value)
    if kind is dict:
        return 3 + len(value) + item_size(value)
    if value is None or kind is bool:
        return 1
    raise TypeError(f"an item holds str, int, bytes, bool and dicts of them, not {kind.__name__}")


def number_size(value: int) -> int:
    """Count a number's bytes: one for two significant digits, one more, and one for a sign."""
    if 0 <= value < 100:
        return 2
    if not -_NUMBERS < value < _NUMBERS:
        raise ValueError("a number in an item has at most 38 digits")
    if value < 0:
        return number_size(-value) + 1
    return (len(str(value).rstrip("0")) + 1) // 2 + 1


def write_units(size: int) -> int:
    return max(1, -(-size // WRITE_UNIT))


def read_units(size: int) -> int:
    return max(1, -(-size // 4096))


def total_size(items: Iterable[Item]) -> int:
    return sum(item_size(item) for item in items)
