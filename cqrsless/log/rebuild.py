"""Rebuilding the log while writers run: a new generation, filled from the events table itself.

First generation g+1 is listed, and from then on indexers write to both. Then a strong scan fills its base: what was
delivered before it was listed existed before the scan began. At last g is unlisted and sealed, and tokens leave it at
its seal. A rebuild that is killed goes on from its cursor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds
from ..errors import ConcurrencyConflict
from ..messages import Cost
from ..store import ConditionFailed, Page, Store
from . import control, pages
from .control import Control
from .indexer import Sealed, Tail

log: Final = logging.getLogger("cqrsless")
#: Commits read from the events table between two notes of the cursor.
SLICE: Final = 1_000
#: Microseconds after which a rebuild that says nothing counts as dead.
CLAIM: Final = 60_000_000
Progress = Callable[[int], None]


class Rebuild:
    """One worker's rebuild. `run()` goes to the end; `slice()` takes one bounded step."""

    def __init__(self, store: Store, now: Callable[[], datetime], *, segments: int | None = None) -> None:
        self.store = store
        self.cost = Cost()
        self._now = now
        self._segments = segments
        self._held: Control | None = None
        self._tails: dict[int, Tail] = {}

    def run(self, progress: Progress | None = None) -> Control:
        """Begin, or take over what a dead worker began, and go to the end."""
        self.begin()
        while True:
            done = self.slice()
            if progress is not None and self._held is not None:
                progress(self._held.filled)
            if done is not None:
                return done

    def begin(self) -> None:
        """List the new generation, or take over; raise `ConcurrencyConflict` while another worker is at it."""
        while True:
            found = control.read(self.store, self.cost)
            now = microseconds(self._now())
            if found.fills is not None and found.until > now:
                raise ConcurrencyConflict("another worker is rebuilding the log; it goes on by itself")
            claimed = replace(found, epoch=found.epoch + 1, until=now + CLAIM)
            if found.fills is None:
                generation = max(found.writes) + 1
                count = self._segments or found.segments_of(found.reads)
                claimed = replace(
                    claimed,
                    writes=(*found.writes, generation),
                    segments=(*found.segments, (generation, count)),
                    fills=generation,
                    cursor=None,
                    filled=0,
                    asked=0,
                )
            written = control.write(self.store, found, claimed, self.cost)
            if written is not None:
                self._held = written
                return

    def slice(self) -> Control | None:
        """Index one slice of the events table; give the new control once all is done."""
        held = self._held
        assert held is not None and held.fills is not None, "begin() first"
        page: Page = self.store.scan("events", self.cost, after=held.cursor, limit=SLICE)
        ended = not (page.more and page.items)
        try:
            for segment, refs in pages.by_segment(map(pages.ref_of, page.items), held.segments_of(held.fills)).items():
                self._tail(held.fills, segment).append(refs, self.cost)
        except Sealed:  # by a worker that had come to the end of the scan, and died before it could say so
            ended = True
        if not ended:
            newest = page.items[-1]
            self._move(replace(held, cursor=(newest["pk"], newest["c"]), filled=held.filled + len(page.items)))
            return None
        for segment in range(held.segments_of(held.fills)):
            seal(self.store, pages.base(held.fills), segment, self.cost)
        old = [generation for generation in held.writes if generation != held.fills]
        done = self._move(
            replace(
                held, writes=(held.fills,), reads=held.fills, fills=None, cursor=None, until=0,
                rebuilt=microseconds(self._now()),
                filled=held.filled + len(page.items),
            )
        )  # fmt: skip
        for generation in old:
            for segment in range(done.segments_of(generation)):
                seal(self.store, pages.live(generation), segment, self.cost)
        return done

    def _tail(self, generation: int, segment: int) -> Tail:
        found = self._tails.get(segment)
        if found is None:
            found = self._tails[segment] = Tail(self.store, pages.base(generation), segment, self.cost)
        return found

    def _move(self, after: Control) -> Control:
        held = self._held
        assert held is not None
        after = replace(after, until=after.until and microseconds(self._now()) + CLAIM)
        written = control.write(self.store, held, after, self.cost)
        while written is None:
            found = control.read(self.store, self.cost)
            if (found.fills, found.epoch) != (held.fills, held.epoch):
                raise ConcurrencyConflict("another worker took this rebuild over; it goes on there")
            # Another one is asked for, or an old generation is being removed: both may happen meanwhile.
            after = replace(after, asked=found.asked, segments=found.segments, removing=found.removing)
            written = control.write(self.store, found, after, self.cost)
        self._held = written
        return written


def ask(store: Store, now: datetime, why: str, cost: Cost) -> None:
    """Note that a rebuild is needed, and say so once; one that begins later answers it."""
    while True:
        found = control.read(store, cost)
        if found.asked:
            return
        if control.write(store, found, replace(found, asked=microseconds(now)), cost) is not None:
            log.error("the log of %s needs a rebuild: %s. Call app.rebuild()", store.url, why)
            return


def seal(store: Store, part: str, segment: int, cost: Cost) -> None:
    """End a part's segment, however many writers are at it; a part that has ended stays as it is."""
    tail = Tail(store, part, segment, cost)
    while not tail.sealed:
        item = pages.seal(part, segment, tail.number + 1)
        try:
            store.put("log", item, cost, condition="absent")
            return
        except ConditionFailed as failed:
            assert failed.item is not None
            tail.saw(failed.item)
