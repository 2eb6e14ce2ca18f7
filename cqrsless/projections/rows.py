"""A row as an item, and the entries that list it in the view's indexes.

| attribute | holds |
|---|---|
| `pk`, `sk` | `v#run#view#partition` and the sort part, or `-` where the view's key is one field |
| `rev` | different after each write: what every write of the row is conditional on |
| `row` | the row as text, compressed where that saves units; absent where it was deleted |
| `ix` | where its index entries stand: for each index, the entry's partition and sort key |
| `of`, `mark`, ... | the type of the aggregate whose place this row is, and what places hold (`delivery.places`) |

An index entry is a copy of the row at `i#run#view#index#partition`; its sort key ends with the row's own key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import codec
from ..delivery.places import Key
from ..errors import CommitTooLarge, CqrslessError
from ..registry import ViewRecord
from ..store import ITEM_LIMIT, SORT_KEY_LIMIT, Item, item_size, value_size, write_units
from .keys import END, digest, encode, joined, partition, sort_key

#: Bytes that an item has beside its row: keys, and what a place comes to hold later.
_ROOM: Final = 8 * 1024
_WORTH_COMPRESSING: Final = 1024
#: Bytes of a sort key that are left for an index's own field, so that a digest of the row's key fits behind it.
_INDEX_ROOM: Final = SORT_KEY_LIMIT - 66
ALONE: Final = "-"


class Layout:
    """Where the rows of one run of a view stand."""

    def __init__(self, view: ViewRecord, run: int) -> None:
        self.view = view
        self.run = run
        self._rows = f"v#{run}#{view.name}#"
        self._told = [f"{field!r} in the key of the view {view.name}" for field in view.key]

    def key(self, values: Sequence[Any]) -> Key:
        """Give the key of the row with these values in the view's key fields."""
        told = self._told
        sk = sort_key(encode(values[1], told[1]), told[1]) if len(told) > 1 else ALONE
        return partition(self._rows, encode(values[0], told[0]), told[0]), sk

    def partition(self, value: Any, index: str | None = None) -> str:
        """Give the partition that lists the rows with a value in the first key field, of the view or of an index."""
        if index is None:
            return partition(self._rows, encode(value, self._told[0]), self._told[0])
        told = self._told_of(index)[0]
        return partition(self._entries(index), encode(value, told), told)

    def entries(self, row: Mapping[str, Any], key: Key) -> dict[str, str]:
        """Give where a row stands in each index, as `ix` holds it; it is in none of whose fields it lacks one."""
        found: dict[str, str] = {}
        for index, fields in self.view.indexes.items():
            values = [row.get(field) for field in fields]
            if any(value is None for value in values):
                continue
            told = self._told_of(index)
            parts = [encode(value, what) for value, what in zip(values, told, strict=True)]
            partition(self._entries(index), parts[0], told[0])
            own = [part for part in (key[0][len(self._rows) :], key[1]) if part != ALONE]
            if len(parts) > 1:
                sort_key(parts[1], told[1], _INDEX_ROOM)
            sk = joined([*parts[1:], *own])
            if len(sk.encode()) > SORT_KEY_LIMIT:
                sk = joined([*parts[1:], digest(joined(own))])
            found[index] = parts[0] + END + sk
        return found

    def entry(self, index: str, place: str) -> Key:
        """Give the key of an index entry, from what `ix` holds."""
        part, _, sk = place.partition(END)
        return self._entries(index) + part, sk

    def _entries(self, index: str) -> str:
        return f"i#{self.run}#{self.view.name}#{index}#"

    def _told_of(self, index: str) -> list[str]:
        fields = self.view.indexes[index]
        return [f"{field!r} in the key of the index {index} of the view {self.view.name}" for field in fields]


def read(item: Item | None) -> dict[str, Any] | None:
    """Give an item's row, a private copy; `None` where there is none, or it was deleted."""
    body = None if item is None else item.get("row")
    if body is None:
        return None
    row: dict[str, Any] = codec.decode(codec.inflate(body))
    return row


def text_of(item: Item | None) -> str | None:
    """Give an item's row as it is stored, uncompressed."""
    body = None if item is None else item.get("row")
    return None if body is None else codec.inflate(body)


def with_row(item: Item, text: str) -> Item:
    """Give a copy of an item that holds a row, compressed where that saves units.

    Raises `CommitTooLarge` where it does not fit into an item.
    """
    plain: Item = {**item, "row": text}
    size = item_size(plain)
    if size > _WORTH_COMPRESSING:
        length = value_size(text)
        if length > codec.UNCOMPRESSED_LIMIT:
            raise _too_large(item, length, codec.UNCOMPRESSED_LIMIT)
        small: Item = {**item, "row": codec.compress(text)}
        smaller = item_size(small)
        if write_units(smaller) < write_units(size):
            plain, size = small, smaller
        if size > ITEM_LIMIT - _ROOM:
            raise _too_large(item, size, ITEM_LIMIT - _ROOM)
    return plain


def _too_large(item: Item, size: int, limit: int) -> CommitTooLarge:
    return CommitTooLarge(
        f"the row {item['pk']} {item['sk']} takes {size} bytes, and {limit} is the most: keep large values elsewhere, "
        "or spread it over several rows",
        size=size,
        limit=limit,
    )


def parts_of(view: ViewRecord, given: Any, who: str) -> tuple[Any, ...]:
    """Read a row's key as a key function, or a caller, gives it: a value, or a tuple of the right length."""
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if len(values) != len(view.key):
        fields = ", ".join(view.key)
        raise CqrslessError(
            f"{who} gave {len(values)} value{'' if len(values) == 1 else 's'} for the key of the view {view.name}, "
            f"which is ({fields}): give {len(view.key)}"
        )
    return values
