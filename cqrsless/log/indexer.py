"""The indexer: appends what the stream delivered to the log. It runs no user code.

A page is one conditional put at the next number, by a writer that has seen the page before. What recent pages hold
is dropped; nothing is searched for and nothing waited for: a repeat or a disorder in the log is repaired at each
consumer by the rule of order. A commit that the stream delivered is on a page before its record is acknowledged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from ..errors import ConcurrencyConflict
from ..messages import Cost
from ..store import ConditionFailed, Item, Store
from . import control, pages
from .pages import Ref

#: Pages that a fresh indexer reads to know what was written lately, and references that it then remembers.
RECENT_PAGES: Final = 4
REMEMBERED: Final = 5_000
#: How often one page may be lost to other writers before the batch fails and comes again.
ATTEMPTS: Final = 50


class Sealed(Exception):
    """The part has ended; the control item says where to go on."""


class Tail:
    """The end of one segment, as this writer last saw it."""

    def __init__(self, store: Store, part: str, segment: int, cost: Cost) -> None:
        self.store, self.part, self.segment = store, part, segment
        self.number = 0
        self.time = 0
        self.sealed = False
        self._recent: OrderedDict[tuple[str, int], None] = OrderedDict()
        for item in reversed(pages.newest(store, part, segment, cost, RECENT_PAGES)):
            self.saw(item)

    def saw(self, item: Item) -> None:
        self.number = item["n"]
        self.time = max(self.time, item.get("time", 0))
        self.sealed = "seal" in item
        for ref in pages.refs_in(item):
            self._recent[ref.pk, ref.number] = None
            self._recent.move_to_end((ref.pk, ref.number))
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    def append(self, refs: Sequence[Ref], cost: Cost) -> None:
        """Write the references that recent pages lack; raise `Sealed` where the part has ended."""
        left, lost = refs, 0
        while lost < ATTEMPTS:
            left = [ref for ref in left if (ref.pk, ref.number) not in self._recent]
            if not left:
                return
            if self.sealed:
                raise Sealed
            taken = next(iter(pages.split(left)))
            time = max(self.time, *(ref.time for ref in taken))
            item = pages.page(self.part, self.segment, self.number + 1, taken, time)
            try:
                self.store.put("log", item, cost, condition="absent")
            except ConditionFailed as failed:  # another writer, or our own page whose answer was lost: seen either way
                assert failed.item is not None
                self.saw(failed.item)
                lost += 1
                continue
            self.saw(item)
            left = left[len(taken) :]  # a batch may be larger than what is remembered
        raise ConcurrencyConflict(f"the indexer lost {ATTEMPTS} pages of {self.part}#{self.segment} in a row")


class Indexer:
    """Writes delivered commits to every generation that is listed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._tails: dict[tuple[str, int], Tail] = {}

    def index(self, commits: Iterable[Item], cost: Cost) -> None:
        """Put commits on pages; when this returns, each is on a page of every listed generation."""
        refs = list(dict.fromkeys(pages.ref_of(commit) for commit in commits))
        if not refs:
            return
        for _ in range(ATTEMPTS):
            listed = control.read(self.store, cost)
            try:
                for generation in listed.writes:
                    for segment, some in pages.by_segment(refs, listed.segments_of(generation)).items():
                        self.tail(pages.live(generation), segment, cost).append(some, cost)
            except Sealed:
                continue
            return
        raise ConcurrencyConflict("the log's generations changed faster than the indexer could follow")

    def tail(self, part: str, segment: int, cost: Cost) -> Tail:
        found = self._tails.get((part, segment))
        if found is None:
            found = self._tails[part, segment] = Tail(self.store, part, segment, cost)
        return found
