"""Parking: an aggregate whose commit keeps failing waits apart, for one consumer, and the others go on.

The parked place keeps the failing commit and the highest one seen since; a *letter* beside it, written in the same
transaction, is what lists it. The commits themselves are the letters' content: nothing is copied.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol

from ..aggregates.commits import microseconds, moment
from ..errors import ConcurrencyConflict, NotFound
from ..messages import Cost
from ..store import Delete, Item, Put
from .commit import Commit
from .consuming import ATTEMPTS, Consumer, Failed, Feeder, Moved
from .counting import Counts
from .places import Places, applied, dropped, letter
from .reasons import told, trace
from .writing import commit as write
from .writing import replacing, revised, without

log = logging.getLogger("cqrsless")


class Letter(NamedTuple):
    """A parked aggregate: at which of its commits it waits for one consumer, since when, and why.

    `seen` is its newest commit that waits; `tries` are the attempts that failed; `until` is when it is tried again by
    itself, where its handler asked for that.
    """

    consumer: str
    key: str
    commit: int
    seen: int
    tries: int
    why: str
    since: datetime
    until: datetime | None = None

    @property
    def aggregate(self) -> str:
        return self.key.partition("#")[0]

    @property
    def id(self) -> str:
        return self.key.partition("#")[2]


def tries(place: Item | None, number: int) -> int:
    """Say how many attempts at a commit have failed."""
    return 0 if place is None or place.get("fail") != number else int(place["tries"])


def settled(place: Item, number: int) -> Item:
    """Give a place as it stands once a commit is applied; a parked one stays parked until a retry has caught up."""
    return revised(without(place, "fail", "tries", "until"), mark=number)


class Parking:
    """What one consumer, in one run, notes of its failures.

    A place given to these methods is the item as it was read, or one with its key alone where there is none yet.
    Each gives the place as it now stands, or raises `Moved`.
    """

    def __init__(
        self, places: Places, consumer: str, run: int, now: Callable[[], datetime], counts: Counts | None = None
    ) -> None:
        self.places = places
        self.consumer = consumer
        self.run = run
        self._now = now
        self._counts = counts or Counts()

    def applied(self, commit: Commit, place: Item) -> None:
        """Count a commit that was applied to a place; one that was parked is late for reasons of its own."""
        self._counts.add(None if "parked" in place else commit.microseconds, applied=1)

    def failed(
        self, place: Item, commit: Commit, error: BaseException, cost: Cost, *, retries: int, parks: bool = True
    ) -> Item:
        """Count a failed attempt: raise `Failed` while attempts remain, park behind the last one.

        Only a retry applies to a place that is parked already; its failure parks it anew.
        """
        count = tries(place, commit.number) + 1
        if "parked" in place or (parks and count > retries):
            return self.park(place, commit, error, cost, tried=count)
        write(self.places, [replacing(place, revised(place, fail=commit.number, tries=count))], cost)
        self._counts.add(commit.microseconds, retried=1)
        most = f" of {retries + 1}" if parks else ""
        raise Failed(f"attempt {count}{most} failed with {told(error)}") from error

    def park(
        self,
        place: Item,
        commit: Commit,
        why: BaseException | str,
        cost: Cost,
        *,
        tried: int | None = None,
        until: datetime | None = None,
    ) -> Item:
        """Park an aggregate at a commit; all its later ones wait behind it.

        `tried` is how many attempts have failed, if this makes one more; `until` is noted alone.
        """
        count = tries(place, commit.number) if tried is None else tried
        text = told(why)
        seen = max(commit.number, place.get("seen", 0))
        since = place["since"] if place.get("parked") == commit.number else microseconds(self._now())
        item = revised(
            without(place, "until"),
            parked=commit.number, seen=seen, why=text, since=since, fail=commit.number, tries=count,
        )  # fmt: skip
        pk, sk = letter(self.consumer, self.run, commit.pk)
        note: Item = {
            "pk": pk, "sk": sk, "key": commit.pk, "commit": commit.number, "why": text,
            "time": since, "at": item["pk"], "at_sk": item["sk"],
        }  # fmt: skip
        if until is not None:
            item["until"] = note["until"] = microseconds(until)
        write(self.places, [replacing(place, item), Put("views", note)], cost)
        self._counts.add(commit.microseconds, retried=until is not None, parked=until is None)
        if until is not None:
            log.info("%s waits with commit %s of %s until %s: %s", self.consumer, commit.number, commit.pk, until, text)
            return item
        log.error(
            "%s parked %s at commit %s: %s; mend the handler, then app.letters.retry(%r, %r)",
            self.consumer, commit.pk, commit.number, text, self.consumer, commit.pk, exc_info=trace(why),
        )  # fmt: skip
        return item

    def step_past(self, place: Item, commit: Commit, cost: Cost) -> Item:
        """Move past a commit without applying it, and note that, for the runs that come to it later."""
        item = settled(place, commit.number)
        pk, sk = dropped(self.consumer, commit.pk, commit.number)
        write(self.places, [replacing(place, item), Put("views", {"pk": pk, "sk": sk})], cost)
        return item

    def was_dropped(self, commit: Commit, cost: Cost) -> bool:
        """Say whether a commit was stepped past, in whichever run."""
        pk, sk = dropped(self.consumer, commit.pk, commit.number)
        return self.places.store.get("views", pk, sk, cost) is not None

    def note_seen(self, place: Item, commit: Commit, cost: Cost) -> Item:
        """Note on a parked place that a later commit waits, too."""
        if commit.number <= place["seen"]:
            return place
        item = revised(place, seen=commit.number)
        write(self.places, [replacing(place, item)], cost)
        return item

    def unpark(self, place: Item, pk: str, cost: Cost) -> Item:
        """Let an aggregate go on whose commits have been applied up to the last one seen."""
        bare = without(place, "fail", "tries", "until", "parked", "seen", "why", "since")
        item = revised(bare, mark=max(applied(place), place["seen"]))
        write(self.places, [replacing(place, item), Delete("views", *letter(self.consumer, self.run, pk))], cost)
        return item

    def letters(self, cost: Cost) -> Iterator[Letter]:
        """Give what is parked, by key, a page at a time."""
        partition, after = letter(self.consumer, self.run, "-")[0], None
        while True:
            page = self.places.store.query("views", partition, cost, after=after)
            for note in page.items:
                place = self.places.get((note["at"], note["at_sk"]), cost, fresh=True)
                if place is not None and "parked" in place:
                    yield self._letter(note, place)
                after = note["sk"]
            if not page.more or not page.items:
                return

    def _letter(self, note: Item, place: Item) -> Letter:
        until = moment(note["until"]) if "until" in note else None
        number, since = note["commit"], moment(note["time"])
        return Letter(
            self.consumer, note["key"], number, place["seen"], tries(place, number), note["why"], since, until
        )

    def parked_at(self, pk: str, cost: Cost) -> tuple[str, str]:
        """Give the key of a parked aggregate's place; raise `NotFound` where it is not parked."""
        note = self.places.store.get("views", *letter(self.consumer, self.run, pk), cost)
        if note is None:
            raise NotFound(f"{pk} is not parked for {self.consumer}; app.letters.list({self.consumer!r}) says what is")
        return note["at"], note["at_sk"]


class Parks(Consumer, Protocol):
    """A consumer that parks."""

    @property
    def parking(self) -> Parking: ...
    def owned(self, commit: Commit, place: Item) -> Item:
        """Give a place as it is written for a commit's aggregate: a row says whose place it is."""
        ...


def retry(feeder: Feeder, consumer: Parks, pk: str, cost: Cost, *, drop: bool = False) -> bool:
    """Apply a parked aggregate's commits from the failing one onwards, and let it go on.

    It stays parked meanwhile, and is let go only if nothing newer was seen. With `drop` it steps past the failing
    commit; past one that fails again and was dropped in another run, it always does. Says whether it goes on; where a
    commit fails again, it is parked there. Raises `NotFound` where it is not parked.
    """
    key = consumer.parking.parked_at(pk, cost)
    number: int | None = None
    misses = 0
    while misses < ATTEMPTS:
        place = feeder.places.get(key, cost, fresh=True)
        if place is None or "parked" not in place:
            return True  # somebody else has let it go since
        if drop and number is None:
            number = place["parked"]
        try:
            caught_up = _apply_parked(feeder, consumer, pk, place, number, cost)
            if caught_up is None:
                return False
            if caught_up["seen"] == place["seen"]:
                consumer.parking.unpark(caught_up, pk, cost)
                return True
        except Moved:
            feeder.places.forget(key)
            misses += 1
    raise ConcurrencyConflict(f"{consumer.name} found its place for {pk} moved {ATTEMPTS} times in a row")


def _apply_parked(feeder: Feeder, consumer: Parks, pk: str, place: Item, drop: int | None, cost: Cost) -> Item | None:
    """Apply what waits up to the last commit seen; `None` where one failed."""
    item = feeder.store.get("events", pk, place["seen"], cost)
    if item is None:
        raise NotFound(f"{consumer.name} has seen commit {place['seen']} of {pk}, which is not in {feeder.store.url}")
    last = Commit(item, feeder.decoder)
    waiting = [last] if not consumer.stored_names.isdisjoint(last.names) and applied(place) < last.number else []
    for found in chain(feeder.missing(consumer, last, place, cost), waiting):
        if found.number != drop:
            place = consumer.apply(found, place, cost)
            if applied(place) >= found.number:
                continue
            if not consumer.parking.was_dropped(found, cost):
                return None
        place = consumer.parking.step_past(place, found, cost)
        log.warning("%s was told to drop commit %s of %s", consumer.name, found.number, pk)
    return place


def give_up(feeder: Feeder, consumer: Parks, commit: Commit, why: str, cost: Cost) -> None:
    """Park the aggregate of a commit that could not even be tried to its end: what Lambda itself gave up on."""
    if consumer.stored_names.isdisjoint(commit.names):
        return
    for _ in range(ATTEMPTS):
        key, place = feeder.locate(consumer, commit, cost, fresh=True)
        if applied(place) >= commit.number or (applied(place) == 0 and commit.microseconds < consumer.since):
            return
        try:
            if "parked" in place:
                consumer.parking.note_seen(place, commit, cost)
            else:
                consumer.parking.park(consumer.owned(commit, place), commit, why, cost)
            return
        except Moved:
            feeder.places.forget(key)
    raise ConcurrencyConflict(f"{consumer.name} found its place for {commit.pk} moved {ATTEMPTS} times in a row")
