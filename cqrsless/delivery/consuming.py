"""Feeding one consumer: skip, apply, or read what is missing and apply that first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from ..aggregates.reading import commits
from ..errors import ConcurrencyConflict
from ..messages import Cost
from ..store import Item, Store
from .commit import Commit, Decoder
from .order import Verdict, judge, previous
from .places import Key, Places, applied, beside

log = logging.getLogger("cqrsless")
#: How often a place may move under a consumer, by other workers on the same commits, before the record fails.
ATTEMPTS = 20


class Moved(Exception):
    """Somebody else wrote the place, or a row, since it was read: read again and judge anew."""


class Consumer(Protocol):
    """Whoever applies commits in order: an ordered processor, or a view."""

    @property
    def name(self) -> str: ...
    @property
    def stored_names(self) -> frozenset[str]:
        """The event names that it handles, former ones included."""
        ...

    @property
    def since(self) -> int:
        """The moment (in microseconds) before which nothing is filled in; 0 for all of history."""
        ...

    def place(self, commit: Commit) -> Key:
        """Give the key of its place for the commit's aggregate."""
        ...

    def apply(self, commit: Commit, place: Item | None, cost: Cost) -> Item:
        """Apply one commit and move the mark to it; give the place as it now stands. Raise `Moved` if it was not ours.

        A place that was not written yet has its key alone. A commit that has to wait is left by raising `Failed`.
        """
        ...

    def note_parked(self, commit: Commit, place: Item, cost: Cost) -> None:
        """Note on a parked place that a later commit was seen. Raise `Moved` if it was not ours."""
        ...


class Failed(Exception):
    """The consumer could not apply a commit and wants it delivered again."""


class Feeder:
    """Feeds consumers from one store."""

    def __init__(self, store: Store, places: Places, decoder: Decoder) -> None:
        self.store = store
        self.places = places
        self.decoder = decoder

    def feed(self, consumer: Consumer, commit: Commit, cost: Cost) -> None:
        """Bring a consumer up to a commit, in order.

        Raises `Failed` where it has to be delivered again; whatever else is raised is also a failure of the record.
        """
        names = consumer.stored_names
        if names.isdisjoint(commit.names):
            return
        fresh = False
        for _ in range(ATTEMPTS):
            key, place = self.locate(consumer, commit, cost, fresh=fresh)
            try:
                if self._step(consumer, commit, place, fresh, cost):
                    return
            except Moved:
                self.places.forget(key)
            fresh = True
        raise ConcurrencyConflict(f"{consumer.name} found its place for {commit.pk} moved {ATTEMPTS} times in a row")

    def locate(self, consumer: Consumer, commit: Commit, cost: Cost, *, fresh: bool) -> tuple[Key, Item]:
        """Give a consumer's place for a commit's aggregate and its key; one not yet written has its key alone."""
        key = consumer.place(commit)
        place = self.places.get(key, cost, fresh=fresh)
        if place is not None and place.get("of", commit.aggregate) != commit.aggregate:
            key = beside(key, commit.pk)
            place = self.places.get(key, cost, fresh=fresh)
        return key, place if place is not None else {"pk": key[0], "sk": key[1]}

    def _step(self, consumer: Consumer, commit: Commit, place: Item, fresh: bool, cost: Cost) -> bool:
        """Judge and apply; `False` where the place must first be read afresh."""
        last = applied(place)
        before = previous(commit.last, consumer.stored_names, commit.number)
        verdict = judge(commit.number, before, last)
        if verdict is Verdict.REPEAT:
            return True
        if "parked" in place:
            if not fresh:
                return False
            consumer.note_parked(commit, place, cost)
            return True
        if verdict is Verdict.MISSING:
            if not fresh:
                return False
            for found in self.missing(consumer, commit, place, cost):
                place = consumer.apply(found, place, cost)
                if "parked" in place:
                    consumer.note_parked(commit, place, cost)
                    return True
        if last == 0 and commit.microseconds < consumer.since:
            return True  # older than the consumer's start
        consumer.apply(commit, place, cost)
        return True

    def missing(self, consumer: Consumer, commit: Commit, place: Item, cost: Cost) -> Iterator[Commit]:
        """Read what a consumer has yet to apply before a commit, in order."""
        first = applied(place) + 1
        if consumer.since and "mark" not in place:
            first = self._first_since(commit, consumer.since, cost)
        if first < commit.number:
            names = consumer.stored_names
            for item in commits(self.store, commit.pk, cost, first, commit.number - 1):
                if not names.isdisjoint(item.get("names", ())):
                    yield Commit(item, self.decoder)

    def _first_since(self, commit: Commit, since: int, cost: Cost) -> int:
        """Find the first commit of an aggregate that is not older than a moment: times never go back."""
        first = commit.number
        while first > 1:
            page = self.store.query("events", commit.pk, cost, last=first - 1, descending=True, limit=25)
            for item in page.items:
                if item["time"] < since:
                    return first
                first = item["c"]
            if not page.items:
                break
        return first
