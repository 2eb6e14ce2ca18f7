"""Readers see rows of a run that is live, or was a moment ago: none that is half built, and none being removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from ....delivery.runs import READ_FOR
from ....projections.rows import text_of
from ..errands import Errands, Read
from ..world import World

__all__ = ["violations"]

#: A reader that sleeps for longer than any invocation may find what it looks for removed.
_INVOCATION: Final = timedelta(minutes=15)


def violations(world: World, errands: Errands) -> Iterator[str]:
    for read in errands.reads:
        since = read.began - timedelta(microseconds=READ_FOR)
        if world.times[read.ended] - since < _INVOCATION:
            allowed = _between(world, read, since)
            if read.text not in allowed:
                told = " or ".join(sorted(str(text) for text in allowed))
                yield f"the row {read.row[0]} of the view {read.view} was read as {read.text}, and was {told}"


def _between(world: World, read: Read, since: Any) -> set[str | None]:
    """Give what a row was, in the runs that were live, between a moment and the end of a read."""
    live = 1
    rows: dict[int, str | None] = {}
    found: set[str | None] = set()
    keys = {f"v#{run}#{read.view}#{read.row[0]}": run for run in range(1, 100)}
    for entry in world.guard.entries:
        if entry.at > read.ended:
            break
        if world.times[entry.at] > since:
            found.add(rows.get(live))
        if entry.pk == f"c#{read.view}":
            live = (entry.after or {}).get("run", 1)
        run = keys.get(entry.pk)
        if run is not None and entry.sk == read.row[1]:
            rows[run] = text_of(entry.after)
            if run != live and rows[run] is not None and world.times[entry.at] > since and run < live:
                found.add(rows[run])  # by a worker that had slept, for a reader that has not looked again
    return {*found, rows.get(live)}
