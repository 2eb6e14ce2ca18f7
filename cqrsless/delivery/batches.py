"""A batch of delivered commits, offered to every consumer of a function; what failed is said record by record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from ..logs import RETRIES
from ..messages import Cost
from ..store import Item
from .commit import Commit, Decoder
from .consuming import Failed
from .reasons import trace

log = logging.getLogger("cqrsless")
retries = logging.getLogger(RETRIES)


class Delivery(NamedTuple):
    """A commit as a source delivered it: what its record is called there, and the commit's item."""

    id: str
    item: Item


class Taker(Protocol):
    """Whoever takes delivered commits: an ordered consumer behind a feeder, or an unordered processor.

    One that keeps no order says so by an attribute, `ordered = False`.
    """

    @property
    def name(self) -> str: ...
    def take(self, commit: Commit, cost: Cost, /) -> None:
        """Take a commit, or raise so that its record is delivered again."""
        ...


class Preparing(Taker, Protocol):
    """A taker that wants to see a whole batch first, to do together what it can."""

    def prepare(self, commits: Sequence[Commit], cost: Cost) -> None:
        """Make ready for these commits, in their order; each is still taken by itself."""
        ...


class Batch:
    """Offers a batch to takers in its order.

    After a failure of one aggregate for one taker, that taker is not offered its later commits in this batch: they
    are failures too, and come again in order. Other aggregates and other takers go on, and so does a taker that keeps
    no order.
    """

    def __init__(self, deliveries: Iterable[Delivery], decoder: Decoder) -> None:
        self.cost = Cost()
        self._commits = [(record, Commit(item, decoder)) for record, item in deliveries]
        self._failed: dict[str, None] = {}

    def offer(self, takers: Sequence[Taker]) -> None:
        for taker in takers:
            self._prepare(taker)
        takes = [(at, taker.take) for at, taker in enumerate(takers)]
        stuck: set[tuple[int, str]] = set()  # two runs of one consumer have the same name
        cost = self.cost
        for record, commit in self._commits:
            for at, take in takes:
                if stuck and (at, commit.pk) in stuck:
                    self._failed[record] = None
                    continue
                try:
                    take(commit, cost)
                except Exception as error:
                    _tell(takers[at], commit, error)
                    if getattr(takers[at], "ordered", True):
                        stuck.add((at, commit.pk))
                    self._failed[record] = None

    def _prepare(self, taker: Taker) -> None:
        prepare = getattr(taker, "prepare", None)
        if prepare is not None:
            try:
                prepare([commit for _, commit in self._commits], self.cost)
            except Exception:
                log.exception("%s could not make ready for a batch: it takes each commit as it comes", taker.name)

    def failed(self) -> list[str]:
        """Give the records that have to come again, in the batch's order."""
        return [record for record, _ in self._commits if record in self._failed]


def _tell(taker: Taker, commit: Commit, error: Exception) -> None:
    if not isinstance(error, Failed):
        log.error("%s could not take %s@%s", taker.name, commit.pk, commit.number, exc_info=error)
        return
    cause = error.__cause__
    retries.warning(
        "%s could not take %s@%s yet: %s", taker.name, commit.pk, commit.number, error,
        exc_info=None if cause is None else trace(cause),
    )  # fmt: skip


def feeding(feed: Callable[[Commit, Cost], None], name: str) -> Taker:
    """Make a taker of a function."""
    return _Feeding(name, feed)


class _Feeding:
    def __init__(self, name: str, feed: Callable[[Commit, Cost], None]) -> None:
        self.name = name
        self.take = feed
