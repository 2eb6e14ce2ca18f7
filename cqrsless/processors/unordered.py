"""A processor with `ordered=False`: at least once, in no order, and nothing is written unless it has to wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds, moment
from ..delivery.commit import Commit, Decoder
from ..delivery.counting import Counts
from ..delivery.parking import Letter
from ..delivery.places import dropped, letter
from ..delivery.reasons import told, trace
from ..errors import CqrslessError, NotFound, RetryLater
from ..messages import Cost
from ..registry import ProcessorRecord
from ..store import Delete, Item, Put, Store
from .failing import Course, course
from .handlers import Handlers
from .scheduling import Retry, Scheduling

__all__ = ["UnorderedProcessor"]

log = logging.getLogger("cqrsless")


class UnorderedProcessor:
    """One run of an unordered processor. A commit that fails comes again until Lambda gives it up.

    Where no Lambda does, as `gives_up` says, it is parked after the processor's `retries`, counted in this process.
    What it parks, by `GiveUp`, `RetryLater`, an exception outside `retry_on`, or from the on-failure destination, is
    single commits, each with a letter of its own. In a replay, which nothing delivers again, it parks what fails.
    """

    #: A commit that fails holds back no later one of its aggregate.
    ordered: Final = False

    def __init__(
        self,
        record: ProcessorRecord,
        handlers: Handlers,
        store: Store,
        decoder: Decoder,
        scheduling: Scheduling,
        now: Callable[[], datetime],
        *,
        run: int = 1,
        since: int = 0,
        replays: bool = False,
        counts: Counts | None = None,
        gives_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.record = record
        self.name = record.name
        self.handlers = handlers
        self.run = run
        self.since = since
        self.replays = replays
        self._store = store
        self._decoder = decoder
        self._scheduling = scheduling
        self._now = now
        self._counts = counts or Counts()
        self._gives_up = gives_up
        #: How often each commit that comes again has failed.
        self._failures: dict[tuple[str, int], int] = {}
        self._names = handlers.stored_names
        self._handle = handlers.handle

    def take(self, commit: Commit, cost: Cost) -> None:
        time = commit.item["time"]
        if time < self.since or self._names.isdisjoint(commit.names):
            return
        try:
            self._handle(commit, 1, self.replays)
        except Exception as error:
            if not self._parks(commit, error, 1, cost) and not self._parks_in_the_end(commit, error, cost):
                self._counts.add(time, retried=1)
                raise
        else:
            self._counts.applied(time)
            if self._failures:
                self._failures.pop((commit.pk, commit.number), None)

    def _parks_in_the_end(self, commit: Commit, error: Exception, cost: Cost) -> bool:
        """Park a commit that has used up its attempts, in the place of a Lambda that gives it up; `False` before."""
        if self.record.on_failure == "stop" or not self._gives_up():
            return False
        key = commit.pk, commit.number
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        if failures <= self.record.retries:
            return False
        self._park(commit, error, cost, failures)
        del self._failures[key]
        return True

    def _parks(self, commit: Commit, error: Exception, attempt: int, cost: Cost, *, parked: bool = False) -> bool:
        """Park a commit whose handlers failed; `False` where it only comes again. One that is parked stays so."""
        follows = course(error, self.record, attempt)
        if follows is Course.WAIT and isinstance(error, RetryLater) and not self.replays:
            self._wait(commit, attempt, error, cost)
        elif parked or follows is Course.PARK or self.replays:
            self._park(commit, error, cost, attempt)
        else:
            return False
        return True

    def _wait(self, commit: Commit, attempt: int, error: RetryLater, cost: Cost) -> None:
        """Park a commit for a while. The letter comes first: a retry that finds none has nothing to do."""
        until = self._now() + error.after
        self._park(commit, error, cost, attempt, until)
        try:
            self._scheduling.retry(Retry(self.name, self.run, commit.pk, commit.number), until, attempt)
        except CqrslessError as other:  # nobody can be asked to wake it: its letter says so
            self._park(commit, other, cost, attempt)

    def _park(
        self, commit: Commit, why: BaseException | str, cost: Cost, tried: int, until: datetime | None = None
    ) -> None:
        pk, sk = letter(self.name, self.run, f"{commit.pk}@{commit.number}")
        text = told(why)
        note: Item = {
            "pk": pk, "sk": sk, "key": commit.pk, "commit": commit.number, "why": text, "tries": tried,
            "time": microseconds(self._now()),
        }  # fmt: skip
        if until is not None:
            note["until"] = microseconds(until)
        self._store.put("views", note, cost)
        self._counts.add(commit.microseconds, retried=until is not None, parked=until is None)
        log.log(
            logging.ERROR if until is None else logging.INFO,
            "%s %s commit %s of %s: %s",
            self.name, "parked" if until is None else f"waits until {until} with", commit.number, commit.pk, text,
            exc_info=trace(why) if until is None else None,
        )  # fmt: skip

    # -- what is parked

    def letters(self, cost: Cost) -> Iterator[Letter]:
        for note in self._notes(cost):
            until = moment(note["until"]) if "until" in note else None
            number, tried, since = note["commit"], note["tries"], moment(note["time"])
            yield Letter(self.name, note["key"], number, number, tried, note["why"], since, until)

    def retry(self, key: str, cost: Cost) -> bool:
        return self._retry_all(self._of(key, cost), cost)

    def drop(self, key: str, cost: Cost) -> bool:
        self._step_past(min(self._of(key, cost), key=lambda note: int(note["commit"])), cost)
        return self._retry_all([note for note in self._notes(cost) if note["key"] == key], cost)

    def resume(self, key: str, number: int, cost: Cost) -> None:
        for note in self._notes(cost):
            if note["key"] == key and note["commit"] == number:
                self._retry(note, cost)

    def give_up(self, commit: Commit, why: str, cost: Cost) -> None:
        if commit.microseconds >= self.since and not self._names.isdisjoint(commit.names):
            self._park(commit, why, cost, 0)

    def _retry_all(self, notes: list[Item], cost: Cost) -> bool:
        failed = [note for note in notes if not self._retry(note, cost)]
        return not failed

    def _retry(self, note: Item, cost: Cost) -> bool:
        item = self._store.get("events", note["key"], note["commit"], cost)
        if item is None:
            raise NotFound(f"commit {note['commit']} of {note['key']} is not in {self._store.url}")
        commit, attempt = Commit(item, self._decoder), note["tries"] + 1
        try:
            self._handle(commit, attempt, self.replays)
        except Exception as error:
            self._parks(commit, error, attempt, cost, parked=True)
        else:
            self._counts.applied(commit.microseconds)
            self._store.write([Delete("views", note["pk"], note["sk"])], cost)
            return True
        pk, sk = dropped(self.name, note["key"], note["commit"])
        if self._store.get("views", pk, sk, cost) is None:
            return False
        self._step_past(note, cost)  # as somebody did in another run
        return True

    def _step_past(self, note: Item, cost: Cost) -> None:
        log.warning("%s was told to drop commit %s of %s", self.name, note["commit"], note["key"])
        pk, sk = dropped(self.name, note["key"], note["commit"])
        self._store.write([Delete("views", note["pk"], note["sk"]), Put("views", {"pk": pk, "sk": sk})], cost)

    def _of(self, key: str, cost: Cost) -> list[Item]:
        notes = [note for note in self._notes(cost) if note["key"] == key]
        if not notes:
            raise NotFound(f"{key} is not parked for {self.name}; app.letters.list({self.name!r}) says what is")
        return notes

    def _notes(self, cost: Cost) -> Iterator[Item]:
        partition, after = letter(self.name, self.run, "-")[0], None
        while True:
            page = self._store.query("views", partition, cost, after=after)
            yield from page.items
            if not page.more or not page.items:
                return
            after = page.items[-1]["sk"]
