"""Removing the generations of the log from before a rebuild, a few pages at a time, once nobody reads them.

A token that is left in a removed generation, of a processor that nobody runs for the time being, starts again at the
base of the one that is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds
from ..messages import Cost
from ..store import Delete, Store
from . import control, pages
from .tokens import Token

__all__ = ["KEPT_FOR", "remove_old"]

#: Microseconds after a rebuild before what it replaced is removed: past any worker that began before, by far.
KEPT_FOR: Final = 24 * 60 * 60 * 1_000_000
#: Pages that are removed at a time.
SLICE: Final = 25


def remove_old(store: Store, tokens: Iterable[Token], now: datetime, cost: Cost) -> bool:
    """Remove a slice of the oldest generation, if it is not written, not read, and behind all these tokens.

    It is unlisted first, so that whoever still stands in it can tell. Says whether there was anything to remove.
    """
    found = control.read(store, cost)
    if found.removing is None:
        oldest = min(generation for generation, _ in found.segments)
        if oldest >= found.reads or oldest in found.writes or microseconds(now) - found.rebuilt < KEPT_FOR:
            return False
        if any(token.generation <= oldest for token in tokens):
            return False
        left = tuple(one for one in found.segments if one[0] != oldest)
        gone = replace(found, segments=left, removing=(oldest, found.segments_of(oldest)))
        return control.write(store, found, gone, cost) is not None
    if not _remove_pages(store, *found.removing, cost):
        control.write(store, found, replace(found, removing=None), cost)
    return True


def _remove_pages(store: Store, generation: int, segments: int, cost: Cost) -> bool:
    """Remove some pages, the first ones first; `False` where there are none."""
    for part in (pages.base(generation), pages.live(generation)):
        for segment in range(segments):
            items = store.query("log", pages.partition(part, segment), cost, limit=SLICE).items
            if items:
                store.write([Delete("log", item["pk"], item["n"]) for item in items], cost)
                return True
    return False
