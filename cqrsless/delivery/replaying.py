"""Filling a new run from the events table itself, beside the live one.

Once `next` is listed, live commits go to both runs; a strong scan that begins after that sees everything older. The
marks of the new run make it exactly once and in order, whatever meets what. A replay that is killed goes on from its
cursor, and a worker that was paused past its claim changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds
from ..errors import ConcurrencyConflict
from ..messages import Cost
from ..store import Delete, Store
from .batches import Taker
from .commit import Commit, Decoder
from .consuming import Failed
from .runs import KEPT_FOR, Control, Runs

#: Commits read between two notes of the cursor, and items looked at in one step of a removal.
SLICE: Final = 500
#: Microseconds after which a replay that says nothing counts as dead.
CLAIM: Final = 60_000_000
#: How often a commit is offered in a row: in the end its consumer parks it.
OFFERS: Final = 100
Progress = Callable[[int], None]


class Replay:
    """One worker's replay of one consumer. `make` gives the taker of a run.

    A view `switches`: readers go over to the new run. A processor has no readers: its handlers are called again for
    what is stored, in a run that is then removed, and what it handles live is none of the replay's business.
    """

    def __init__(
        self,
        runs: Runs,
        consumer: str,
        make: Callable[[int], Taker],
        decoder: Decoder,
        now: Callable[[], datetime],
        *,
        switches: bool = True,
    ) -> None:
        self._switches = switches
        self.cost = Cost()
        self.consumer = consumer
        self._runs = runs
        self._store: Store = runs.store
        self._make = make
        self._decoder = decoder
        self._now = now
        self._held: Control | None = None
        self._taker: Taker | None = None

    def run(self, progress: Progress | None = None) -> int:
        """Begin, or take over what a dead worker began, and go to the end; give the run that is live now."""
        self.begin()
        while True:
            done = self.slice()
            if progress is not None:
                progress(self.done)
            if done is not None:
                return done

    @property
    def done(self) -> int:
        """The commits that were seen so far."""
        return 0 if self._held is None else self._held.done

    def begin(self) -> None:
        """List the new run, or take over; raise `ConcurrencyConflict` while another worker is at it."""
        while True:
            found = self._runs.read(self.consumer, self.cost)
            now = microseconds(self._now())
            if found.next is not None and found.until > now:
                raise ConcurrencyConflict(f"another worker is replaying {self.consumer}; it goes on by itself")
            claimed = replace(found, epoch=found.epoch + 1, until=now + CLAIM)
            if found.next is None:
                if found.old is not None:
                    remove_run(self._store, self.consumer, found.old, self.cost)
                number = found.newest + 1
                claimed = replace(claimed, next=number, newest=number, cursor=None, done=0, old=None)
            written = self._runs.change(self.consumer, found, claimed, self.cost)
            if written is not None:
                assert written.next is not None
                self._held, self._taker = written, self._make(written.next)
                return

    def slice(self) -> int | None:
        """Apply one slice of the events table; once all is done, switch and give the run that is live now."""
        held, taker = self._held, self._taker
        assert held is not None and taker is not None and held.next is not None, "begin() first"
        page = self._store.scan("events", self.cost, after=held.cursor, limit=SLICE)
        for item in page.items:
            self._offer(taker, Commit(item, self._decoder))
        done = held.done + len(page.items)
        now = microseconds(self._now())
        if page.more and page.items:
            newest = page.items[-1]
            self._move(replace(held, cursor=(newest["pk"], newest["c"]), done=done, until=now + CLAIM))
            return None
        live, old = (held.next, held.live) if self._switches else (held.live, held.next)
        ended = replace(held, live=live, next=None, cursor=None, done=done, until=0, old=old, switched=now)
        return self._move(ended).live

    def _offer(self, taker: Taker, commit: Commit) -> None:
        for offer in range(OFFERS):
            try:
                taker.take(commit, self.cost)
                return
            except Failed:  # attempts are counted on its place: in the end it takes or parks the commit
                if offer == OFFERS - 1:
                    raise

    def _move(self, after: Control) -> Control:
        held = self._held
        assert held is not None
        written = self._runs.change(self.consumer, held, after, self.cost)
        if written is None:
            found = self._runs.read(self.consumer, self.cost)
            if found.epoch != held.epoch or found.next != held.next:
                raise ConcurrencyConflict(f"another worker took the replay of {self.consumer} over; it goes on there")
            self._held = found  # something else of the item was changed
            return self._move(replace(after, since=found.since))
        self._held = written
        return written


def remove_run(store: Store, consumer: str, run: int, cost: Cost) -> None:
    """Delete all that a run left in the views table: rows, index entries, places and letters."""
    prefixes = tuple(f"{kind}#{run}#{consumer}#" for kind in "pwvi")
    letters = f"d#{run}#{consumer}"
    after = None
    while True:
        page = store.scan("views", cost, after=after, limit=SLICE)
        for item in page.items:
            if item["pk"] == letters or item["pk"].startswith(prefixes):
                store.write([Delete("views", item["pk"], item["sk"])], cost)
        if not page.more or not page.items:
            return
        after = (page.items[-1]["pk"], page.items[-1]["sk"])


def tidy(runs: Runs, consumer: str, control: Control, now: datetime, cost: Cost) -> None:
    """Remove the run that was live before, once nobody can be reading it."""
    if control.old is None or microseconds(now) - control.switched < KEPT_FOR:
        return
    remove_run(runs.store, consumer, control.old, cost)
    runs.change(consumer, control, replace(control, old=None), cost)
