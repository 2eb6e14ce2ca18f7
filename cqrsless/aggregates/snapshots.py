"""When an event-sourced commit carries the state after it.

A load is one backward query of `snapshot_every` commits, so a snapshot stands at least that often, and before a load
would take a second page. It also stands wherever it adds no write unit (DynamoDB bills whole kilobytes), and wherever
reading the tail once would cost more than writing it: a write unit costs what five read units do (AWS's price per
request unit, on demand).
"""

from __future__ import annotations

from typing import Final

from ..store import PAGE_LIMIT, read_units, write_units

#: What a write unit costs in read units.
WRITE_PRICE: Final = 5


#: Loads that found the newest commit to be enough, after which a load reads that one alone.
SEEN: Final = 8


def is_due(*, size: int, full: int, gap: int, tail: int, every: int) -> bool:
    """Decide whether a commit of `size` bytes carries the snapshot with which it has `full` bytes.

    `gap` is the number of commits since the last one, with this; `tail` is their bytes.

    >>> is_due(size=500, full=700, gap=1, tail=500, every=8)     # rides along in the first kilobyte
    True
    >>> is_due(size=500, full=3500, gap=2, tail=1000, every=8)   # three units, to save less than one read
    False
    """
    extra = write_units(full) - write_units(size)
    if extra == 0 or gap >= every or tail + full > PAGE_LIMIT:
        return True
    return extra * WRITE_PRICE <= read_units(tail)


class Reach:
    """How many commits a load reads back at first: `snapshot_every`, until so many loads found the newest to be enough.

    Of small commits a read unit holds several, so that reading them costs nothing. Of large ones each costs units, and
    just these nearly always bear the state, as it adds no write unit. That they do is known from seeing it; the first
    load that finds otherwise takes one request more, and from then on this container reads as at first.

    >>> reach = Reach(8); reach.commits
    8
    >>> for _ in range(SEEN): reach.saw(gap=0)
    >>> reach.commits
    1
    >>> reach.saw(gap=3); reach.commits
    8
    """

    __slots__ = ("_every", "_seen", "commits")

    def __init__(self, every: int) -> None:
        self._every = every
        self._seen: int | None = 0
        self.commits = every

    def saw(self, gap: int) -> None:
        """Note how many commits stood behind the one with the state."""
        if gap:
            self._seen, self.commits = None, self._every
        elif self._seen is not None and self.commits > 1:
            self._seen += 1
            if self._seen >= SEEN:
                self.commits = 1
