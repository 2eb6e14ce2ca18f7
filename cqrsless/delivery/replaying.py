"""Filling a new run from the events table itself, beside the live one; and removing the one that was live before.

Once `next` is listed, live commits go to both runs; a strong scan that begins after that sees everything older. The
marks of the new run make it exactly once and in order, whatever meets what. A replay that is killed goes on from its
cursor, and a worker that was paused past its claim changes nothing. Both the scan and the removal go in slices.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds, moment
from ..errors import ConcurrencyConflict, CqrslessError, NotFound
from ..messages import Cost
from ..store import Delete, SortKey, Store
from .batches import Taker
from .codes import begun, stayed, switched
from .commit import Commit, Decoder
from .consuming import Failed
from .letters import Parked
from .parking import Letter
from .places import revision
from .runs import KEPT_FOR, Control, Runs

#: Items read between two notes of the cursor, and the seconds after which it is noted whatever was read.
SLICE: Final = 500
SLICE_SECONDS: Final = 5.0
#: Microseconds after which a worker that says nothing counts as dead.
CLAIM: Final = 60_000_000
#: How often a commit is offered in a row: in the end its consumer parks it.
OFFERS: Final = 100
#: How much of what is tried again at the end may fail before the rest is let be: the run is lost anyway.
LOST: Final = 25
#: Items that one transaction deletes.
_DELETED: Final = 100
#: What the keys of what belongs to a run begin with; its number and the consumer's name follow.
_KINDS: Final = frozenset("pwvid")
Progress = Callable[[int], None]


class Replay:
    """One worker's replay of one consumer. `make` gives the taker of a run, and what that has parked.

    What the new run has parked is tried again at its end: its handler may have been mended since. A view `switches`:
    readers go over to the new run, unless that keeps parked what the live one has not. A processor has no readers: its
    handlers are called again for what is stored, in a run that is then removed, and what it handles live is none of the
    replay's business. `code` tells the code of the projectors: what other code has begun is given up, and begun anew.
    `owner` tells this worker from others; by default no other is the same.
    """

    def __init__(
        self,
        runs: Runs,
        consumer: str,
        make: Callable[[int], tuple[Taker, Parked]],
        decoder: Decoder,
        now: Callable[[], datetime],
        *,
        switches: bool = True,
        code: str = "",
        owner: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._switches = switches
        self.cost = Cost()
        self.consumer = consumer
        self._runs = runs
        self._store: Store = runs.store
        self._make = make
        self._decoder = decoder
        self._now = now
        self._code = code
        self._owner = owner or revision()
        self._clock = clock
        self._held: Control | None = None
        self._taker: Taker | None = None
        self._parked: Parked | None = None

    def run(self, progress: Progress | None = None) -> int:
        """Begin, or take over what a dead worker began, and go to the end; give the run that is live now."""
        self.begin()
        try:
            while True:
                done = self.slice()
                if progress is not None:
                    progress(self.done)
                if done is not None:
                    return done
        except KeyboardInterrupt:
            self.pause()  # whoever goes on need not wait until the claim has ended
            raise

    @property
    def done(self) -> int:
        """The commits that were seen so far."""
        return 0 if self._held is None else self._held.done

    def listed(self) -> Control:
        """List the new run, unless this code's is listed already, and leave it to whoever begins."""

        def wanted(found: Control) -> Control:
            return found if self._is_ours(found) else begun(found, self._code, microseconds(self._now()))

        return self._runs.update(self.consumer, wanted, self.cost)

    def begin(self) -> None:
        """List the new run, or take over; raise `ConcurrencyConflict` while another worker is at it."""

        def claimed(found: Control) -> Control:
            if found.next is not None and _is_held(found, microseconds(self._now())):
                until = moment(found.until).isoformat(timespec="seconds")
                raise ConcurrencyConflict(
                    f"another worker is replaying {self.consumer} and has read {found.done} commits; it goes on by "
                    f"itself. If it is gone, replay again after {until}, to go on from there"
                )
            at = microseconds(self._now())
            return self._claim(found if self._is_ours(found) else begun(found, self._code, at))

        self._hold(self._runs.update(self.consumer, claimed, self.cost))

    def join(self, run: int) -> bool:
        """Go on with a run, unless another worker does; `False` where there is nothing to do.

        Raises `ConcurrencyConflict` where it has to be tried again later: the run is of other code, or this worker's
        own earlier attempt holds it, which may be dead or not.
        """

        def claimed(found: Control) -> Control:
            if found.next != run:
                return found
            if not self._is_ours(found):
                raise ConcurrencyConflict(
                    f"run {run} of {self.consumer} is built with other code than is deployed here"
                )
            if not _is_held(found, microseconds(self._now())):
                return self._claim(found)
            if found.owner == self._owner:
                raise ConcurrencyConflict(
                    f"run {run} of {self.consumer} is held by an earlier attempt of this worker's"
                )
            return found

        found = self._runs.update(self.consumer, claimed, self.cost)
        if found.next != run or found.owner != self._owner:
            return False
        self._hold(found)
        return True

    def pause(self, called: bool = False) -> None:
        """Let another worker go on at once; where one was `called`, nobody else is for a while."""
        self._move(lambda held: called_for(held, microseconds(self._now())) if called else replace(held, until=0))

    def slice(self, seconds: float = SLICE_SECONDS) -> int | None:
        """Apply one slice of the events table; once all is done, switch and give the run that is live now.

        Raises `CqrslessError` where commits could not be applied: a view's live run stays, then.
        """
        held, taker = self._held, self._taker
        assert held is not None and taker is not None and held.next is not None, "begin() first"
        page = self._store.scan("events", self.cost, after=held.cursor, limit=SLICE)
        ends = self._clock() + seconds
        cursor, done = held.cursor, held.done
        for item in page.items:
            try:
                self._offer(taker, Commit(item, self._decoder))
            except Exception:
                self._reach(cursor, done, until=0)
                raise
            cursor, done = (item["pk"], item["c"]), done + 1
            if self._clock() > ends:
                break
        if page.more or done - held.done < len(page.items):
            self._reach(cursor, done)
            return None
        try:
            failed = self._still_parked(held)
        except Exception:
            self._reach(held.cursor, held.done, until=0)
            raise
        return self._end(failed, done)

    def _reach(self, cursor: tuple[str, SortKey] | None, done: int, until: int | None = None) -> None:
        """Note how far the scan is, and hold on to it, or let it go."""
        until = microseconds(self._now()) + CLAIM if until is None else until
        self._move(lambda held: replace(held, cursor=cursor, done=done, until=until))

    def _end(self, failed: list[Letter], done: int) -> int | None:
        at = microseconds(self._now())

        def ended(held: Control) -> Control:
            reached = replace(held, done=done)
            if not self._switches:
                return replace(stayed(reached, at), refused="")
            if held.behind:  # what other code was given meanwhile is in the table by now
                return replace(reached, behind=False, cursor=None, done=0, until=at + CLAIM)
            return stayed(reached, at) if failed else switched(reached, at)

        after = self._move(ended)
        if after.next is not None:
            return None
        if not failed:
            return after.live
        told = ", ".join(f"{letter.key} at commit {letter.commit} ({letter.why})" for letter in failed[:3])
        more = f", and {len(failed) - 3} more" if len(failed) > 3 else ""
        if self._switches:
            what, mend = "the live run stays, for the new one cannot fold what that could", "projector"
        else:
            what, mend = "from these commits on, nothing was replayed of their aggregates", "handler"
        raise CqrslessError(
            f"the replay of {self.consumer} has failures; {what}: {told}{more}; mend the {mend} and replay again"
        )

    def _still_parked(self, held: Control) -> list[Letter]:
        """Try again what the new run has parked, and give what stays so; of a view, where the live run got further.

        Where so much fails again that the run is lost, the rest is not tried.
        """
        assert self._parked is not None
        live = self._make(held.live)[1].letters(self.cost) if self._switches else ()
        before = {one.key: one.commit for one in live}
        lost = 0
        ends = self._clock() + SLICE_SECONDS
        for key in dict.fromkeys(one.key for one in self._newly_parked(before)):
            with suppress(NotFound):  # somebody else has let it go since
                lost += not self._parked.retry(key, self.cost)
            if lost == LOST:
                break
            if self._clock() > ends:
                self._reach(held.cursor, held.done)
                ends = self._clock() + SLICE_SECONDS
        return list(self._newly_parked(before))

    def _newly_parked(self, before: Mapping[str, int]) -> Iterator[Letter]:
        assert self._parked is not None
        for one in self._parked.letters(self.cost):
            if one.key not in before or one.commit < before[one.key]:
                yield one

    def _offer(self, taker: Taker, commit: Commit) -> None:
        for offer in range(OFFERS):
            try:
                taker.take(commit, self.cost)
                return
            except Failed:  # attempts are counted on its place: in the end it takes or parks the commit
                if offer == OFFERS - 1:
                    raise

    def _is_ours(self, found: Control) -> bool:
        """Say whether the run that is listed, if one is, is built with this code."""
        return found.next is not None and found.code == self._code

    def _claim(self, control: Control) -> Control:
        return replace(control, owner=self._owner, until=microseconds(self._now()) + CLAIM)

    def _hold(self, control: Control) -> None:
        assert control.next is not None
        self._held = control
        self._taker, self._parked = self._make(control.next)

    def _move(self, change: Callable[[Control], Control]) -> Control:
        """Change the control item, while this worker holds it; what others have changed of it meanwhile stays."""
        while True:
            held = self._held
            assert held is not None
            wanted = change(held)
            written = self._runs.change(
                self.consumer, held, replace(wanted, asked=0, answered=self._answered(held)), self.cost
            )
            if written is not None:
                self._held = written
                return written
            found = self._runs.read(self.consumer, self.cost)
            if found.owner != held.owner or found.next != held.next:
                raise ConcurrencyConflict(f"another worker took the replay of {self.consumer} over; it goes on there")
            self._held = found

    def _answered(self, held: Control) -> int:
        return microseconds(self._now()) if held.asked else held.answered


def called_for(control: Control, at: int) -> Control:
    """Give the control item with a worker called for the run: until it comes, nobody calls another for a while."""
    return replace(control, owner="", until=at + CLAIM)


def _is_held(control: Control, at: int) -> bool:
    """Say whether a worker is at it. One that was called, and has not come yet, is none."""
    return control.until > at and control.owner != ""


def tidy(runs: Runs, consumer: str, control: Control, now: datetime, cost: Cost) -> None:
    """Remove a slice of the runs that are not live any more, once nobody can be reading them.

    One worker does so at a time, and a little with each batch: the table may be large.
    """
    at = microseconds(now)
    if control.old is None or control.next is not None or at - control.switched < KEPT_FOR or control.until > at:
        return
    claimed = runs.change(consumer, control, replace(control, owner=revision(), until=at + CLAIM), cost)
    if claimed is None:
        return
    page = runs.store.scan("views", cost, after=claimed.cursor, limit=SLICE)
    gone = [item for item in page.items if _is_over(item["pk"], consumer, claimed)]
    for first in range(0, len(gone), _DELETED):
        runs.store.write([Delete("views", item["pk"], item["sk"]) for item in gone[first : first + _DELETED]], cost)
    cursor = (page.items[-1]["pk"], page.items[-1]["sk"]) if page.more and page.items else None
    left = replace(claimed, cursor=cursor, until=0, old=control.old if cursor is not None else None)
    runs.change(consumer, claimed, left, cost)


def _is_over(pk: str, consumer: str, control: Control) -> bool:
    """Tell a row, index entry, place or letter of a run that is not live any more, nor begun since."""
    kind, number, name, *_ = [*pk.split("#", 3), "", "", ""]
    if kind not in _KINDS or name != consumer or not number.isdecimal():
        return False
    return int(number) != control.live and int(number) <= control.newest
