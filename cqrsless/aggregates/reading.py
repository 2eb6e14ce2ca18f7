"""The one read path: a backward query that ends at the newest commit with a usable state."""

from __future__ import annotations

from collections.abc import Iterator

from ..messages import Cost, RecordedEvent
from ..store import Item, Store
from .kind import Kind
from .loaded import Loaded, fold


def load(store: Store, kind: Kind, pk: str, cost: Cost, version: int | None = None) -> Loaded:
    """Read an aggregate up to its newest commit, or as of a version: one request, however long its history.

    It takes more only where the last `snapshot_every` commits bear no state that this code reads: after a raised
    `state_version`, or where a snapshot did not fit; and once where the container had always seen the newest commit
    bear it (see `Reach`).
    """
    if version is not None:
        return _load(store, kind, pk, cost, None, version, kind.every)
    loaded = _load(store, kind, pk, cost, None, None, kind.reach.commits)
    if loaded.number:
        kind.reach.saw(loaded.gap)
    return loaded


def catch_up(store: Store, kind: Kind, pk: str, loaded: Loaded, cost: Cost) -> Loaded:
    """Bring what a container knows up to the tip, by one strong read; the very same object if nothing is newer."""
    return _load(store, kind, pk, cost, loaded, None, kind.every)


def _load(
    store: Store, kind: Kind, pk: str, cost: Cost, known: Loaded | None, version: int | None, limit: int | None
) -> Loaded:
    """Read backwards to a commit with a usable state, or to what is known already, and fold from there."""
    first = None if known is None else known.number + 1
    newest_first: list[Item] = []
    while True:
        after = newest_first[-1]["c"] if newest_first else None
        page = store.query("events", pk, cost, first=first, last=version, after=after, descending=True, limit=limit)
        for item in page.items:
            newest_first.append(item)
            if kind.usable(item) or item["c"] == (first or 1):
                return fold(kind, known, reversed(newest_first))
        if not page.more:
            return fold(kind, known, reversed(newest_first))
        limit = kind.every if limit != kind.every and limit is not None else None


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
