"""Tables on DynamoDB as the console reads them: up to a bound, and put in order here, as a scan has none."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...messages import Cost
from ...store import KEYS, Change, Item, Store, Table

__all__ = ["MOST", "Recounted", "Swept", "swept"]

#: Items that one request reads at most; what a table holds beyond is not shown.
MOST: Final = 4_000


class Swept(NamedTuple):
    """What was found, and whether that is all there is."""

    items: list[Item]
    whole: bool

    @property
    def why(self) -> str | None:
        """Say what is missing, in words for the page."""
        if self.whole:
            return None
        return f"The table holds more than {MOST:,} items, in no order; this is what {MOST:,} of them show."


def swept(store: Store, table: Table, prefix: str = "") -> Swept:
    """Read the items of a table whose partition begins with a prefix."""
    found: list[Item] = []
    read, after = 0, None
    while True:
        page = store.scan(table, Cost(), after=after, limit=MOST - read)
        read += len(page.items)
        found += (item for item in page.items if item["pk"].startswith(prefix))
        if not page.more or not page.items:
            return Swept(found, True)
        if read >= MOST:
            return Swept(found, False)
        pk, sk = KEYS[table]
        after = (page.items[-1][pk], page.items[-1][sk])


class Recounted:
    """Commits as a feed gives them, in the order of their times."""

    def __init__(self, items: list[Item]) -> None:
        in_order = sorted(items, key=lambda item: (item["time"], item["pk"], item["c"]))
        self._changes = [Change(at, "events", item["pk"], item["c"], item) for at, item in enumerate(in_order, 1)]

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        return self._changes[after : after + limit]

    @property
    def tail(self) -> int:
        return len(self._changes)
