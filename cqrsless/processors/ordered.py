"""An ordered processor: each commit's events handled in order, then its place moved on by one write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..delivery.commit import Commit
from ..delivery.consuming import Moved
from ..delivery.counting import Counts
from ..delivery.parking import Parking, settled, tries
from ..delivery.places import Key, Places, applied, processor_place
from ..delivery.writing import commit as write
from ..delivery.writing import replacing
from ..errors import CqrslessError, RetryLater
from ..messages import Cost
from ..registry import ProcessorRecord
from ..store import Item
from .failing import Course, course
from .handlers import Handlers
from .scheduling import Retry, Scheduling

__all__ = ["ProcessorConsumer"]


class ProcessorConsumer:
    """One run of an ordered processor, as a feeder feeds it.

    `since` is the moment (in microseconds) that it starts from; 0 is the beginning. A run that `replays` calls the
    handlers that take part in a replay, carries out no command and waits for nothing; its place moves over all that the
    processor handles.
    """

    def __init__(
        self,
        record: ProcessorRecord,
        handlers: Handlers,
        places: Places,
        scheduling: Scheduling,
        now: Callable[[], datetime],
        *,
        run: int = 1,
        since: int = 0,
        replays: bool = False,
        counts: Counts | None = None,
    ) -> None:
        self.record = record
        self.name = record.name
        self.handlers = handlers
        self.stored_names = handlers.stored_names
        self.run = run
        self.since = since
        self.replays = replays
        self.parking = Parking(places, record.name, run, now, counts)
        self._places = places
        self._scheduling = scheduling
        self._now = now

    def place(self, commit: Commit) -> Key:
        return processor_place(self.name, self.run, commit.pk)

    def owned(self, commit: Commit, place: Item) -> Item:
        return place

    def apply(self, commit: Commit, place: Item | None, cost: Cost) -> Item:
        """Handle a commit's events and move the mark to it.

        A parked place is applied to by a retry: it stays parked, and a failure parks it anew.
        """
        if place is None:
            pk, sk = self.place(commit)
            place = {"pk": pk, "sk": sk}
        attempt = tries(place, commit.number) + 1
        try:
            self.handlers.handle(commit, attempt, self.replays)
        except Exception as error:
            return self._failed(commit, place, attempt, error, cost)
        moved = self._move(commit, place, cost)
        self.parking.applied(commit, place)
        return moved

    def note_parked(self, commit: Commit, place: Item, cost: Cost) -> None:
        self.parking.note_seen(place, commit, cost)

    def _move(self, commit: Commit, place: Item, cost: Cost) -> Item:
        item = settled(place, commit.number)
        try:
            write(self._places, [replacing(place, item)], cost)
        except Moved:
            if "parked" not in place:
                raise
            # A stream may have noted newer commits while this one was handled, which need not be for nothing.
            now = self._places.get(self.place(commit), cost, fresh=True)
            if now is None or now.get("parked") != place["parked"] or applied(now) != applied(place):
                raise
            item = settled(now, commit.number)
            write(self._places, [replacing(now, item)], cost)
        return item

    def _failed(self, commit: Commit, place: Item, attempt: int, error: Exception, cost: Cost) -> Item:
        follows = course(error, self.record, attempt)
        if follows is Course.WAIT and isinstance(error, RetryLater) and not self.replays:
            try:
                return self._wait(commit, place, attempt, error, cost)
            except CqrslessError as other:  # nobody can be asked to wake it: then it is a failure like others
                error = other
        if follows is Course.PARK:
            return self.parking.park(place, commit, error, cost, tried=attempt)
        parks = self.record.on_failure == "park"
        return self.parking.failed(place, commit, error, cost, retries=self.record.retries, parks=parks)

    def _wait(self, commit: Commit, place: Item, attempt: int, error: RetryLater, cost: Cost) -> Item:
        """Park the aggregate for a while. Its retry is scheduled first: parked without one, it would wait forever."""
        until = self._now() + error.after
        self._scheduling.retry(Retry(self.name, self.run, commit.pk, commit.number), until, attempt)
        return self.parking.park(place, commit, error, cost, tried=attempt, until=until)
