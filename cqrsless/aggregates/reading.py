"""The one read path: a backward query that ends at the newest commit with a usable state."""

from __future__ import annotations

from collections.abc import Iterator

from ..messages import Cost, RecordedEvent
from ..store import Item, Store
from .kind import Kind
from .loaded import Loaded, fold, nothing


def load(store: Store, kind: Kind, pk: str, cost: Cost, version: int | None = None) -> Loaded:
    """Read an aggregate up to its newest commit, or as of a version: one request, however long its history.

    It takes more only where the last `snapshot_every` commits bear no state that this code reads: after a raised
    `state_version`, or where a snapshot did not fit.
    """
    newest_first: list[Item] = []
    limit: int | None = kind.every
    while True:
        after = newest_first[-1]["c"] if newest_first else None
        page = store.query("events", pk, cost, last=version, after=after, descending=True, limit=limit)
        for item in page.items:
            newest_first.append(item)
            if kind.usable(item) or item["c"] == 1:
                return fold(kind, nothing(kind), reversed(newest_first))
        if not page.more:
            return fold(kind, nothing(kind), reversed(newest_first))
        limit = None


def catch_up(store: Store, kind: Kind, pk: str, loaded: Loaded, cost: Cost) -> Loaded:
    """Bring what a container knows up to the tip, by one strong read; the very same object if nothing is newer."""
    if loaded.number <= 1:  # not read before, or so long ago that the tip may be anywhere
        found = load(store, kind, pk, cost)
        return loaded if found.number == loaded.number else found
    page = store.query("events", pk, cost, first=loaded.number + 1, limit=kind.every + 1)
    if page.more or len(page.items) > kind.every:
        return load(store, kind, pk, cost)
    return fold(kind, loaded, page.items)


def commits(store: Store, pk: str, cost: Cost, first: int = 1, last: int | None = None) -> Iterator[Item]:
    """Read an aggregate's commits in order, a page at a time."""
    while True:
        page = store.query("events", pk, cost, first=first, last=last)
        yield from page.items
        if not page.more or not page.items:
            return
        first = page.items[-1]["c"] + 1


def history(store: Store, kind: Kind, pk: str, cost: Cost) -> Iterator[RecordedEvent]:
    """Read all events of an aggregate, oldest first, brought up to date."""
    for item in commits(store, pk, cost):
        yield from kind.recorded(item)
