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
