"""Items for tests, and short ways to write and read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cqrsless.messages import Cost
from cqrsless.store import (
    Item,
    Page,
    SortKey,
    Store,
    item_size,
)

ORDER = "Order#o-1"


def commit(number: int, *, pk: str = ORDER, size: int = 0, **more: Any) -> Item:
    """Make an item of the events table, of exactly `size` bytes if one is given."""
    item: Item = {"pk": pk, "c": number, **more}
    if size:
        item["body"] = b""
        item["body"] = b"x" * (size - item_size(item))
        assert item_size(item) == size
    return item


def row(pk: str, sk: str, **more: Any) -> Item:
    return {"pk": pk, "sk": sk, **more}


def fill(store: Store, numbers: range, *, pk: str = ORDER, size: int = 0) -> None:
    for number in numbers:
        store.put("events", commit(number, pk=pk, size=size), Cost())


def numbers(page: Page) -> list[int]:
    return [item["c"] for item in page.items]


def pages(store: Store, *, limit: int | None = None, descending: bool = False) -> Iterator[Page]:
    after: SortKey | None = None
    while True:
        page = store.query("events", ORDER, Cost(), after=after, limit=limit, descending=descending)
        yield page
        if not page.more:
            return
        after = page.items[-1]["c"]
