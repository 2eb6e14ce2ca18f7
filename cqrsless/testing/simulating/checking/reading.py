"""Readers see rows of a run that is live, or was a moment ago: none that is half built, and none being removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ....delivery.runs import READ_FOR
from ....projections.rows import text_of
from ..errands import Errands, Read
from ..world import World

__all__ = ["violations"]

#: A reader that sleeps for longer than any invocation may find what it looks for removed.
_INVOCATION: Final = timedelta(minutes=15)


def violations(world: World, errands: Errands) -> Iterator[str]:
    for read in errands.reads:
        since = world.times[read.began] - timedelta(microseconds=READ_FOR)
        if world.times[read.ended] - since < _INVOCATION:
            allowed = _rows(world, read, _live(world, read, since))
            if read.text not in allowed:
                told = " or ".join(sorted(str(text) for text in allowed))
                yield f"the row {read.row[0]} of the view {read.view} was read as {read.text}, and was {told}"


def _live(world: World, read: Read, since: datetime) -> set[int]:
    """Give the runs that were live between a moment and the end of a read."""
    live, found = 1, set[int]()
    for entry in world.guard.entries:
        if entry.at > read.ended:
            break
        if entry.pk == f"c#{read.view}":
            if world.times[entry.at] > since:
                found.add(live)
            live = (entry.after or {}).get("run", 1)
    return {*found, live}


def _rows(world: World, read: Read, runs: set[int]) -> set[str | None]:
    """Give what a row was in these runs during a read. What is removed from a former run counts as still there."""
    live = 1
    rows: dict[int, str | None] = dict.fromkeys(runs)
    keys = {f"v#{run}#{read.view}#{read.row[0]}": run for run in runs}
    found: set[str | None] = set()
    is_begun = False
    for entry in world.guard.entries:
        if entry.at > read.ended:
            break
        if not is_begun and entry.at > read.began:
            found, is_begun = set(rows.values()), True
        if entry.pk == f"c#{read.view}":
            live = (entry.after or {}).get("run", 1)
        run = keys.get(entry.pk)
        if run is not None and entry.sk == read.row[1] and (entry.after is not None or run >= live):
            rows[run] = text_of(entry.after)
            if is_begun:
                found.add(rows[run])
    return {*found, *rows.values()}
