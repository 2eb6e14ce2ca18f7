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


def is_due(*, size: int, snapshot: int, gap: int, tail: int, every: int) -> bool:
    """Decide whether a commit of `size` bytes carries a snapshot of `snapshot` bytes.

    `gap` is the number of commits since the last one, with this; `tail` is their bytes.

    >>> is_due(size=500, snapshot=200, gap=1, tail=500, every=8)     # rides along in the first kilobyte
    True
    >>> is_due(size=500, snapshot=3000, gap=2, tail=1000, every=8)   # three units, to save less than one read
    False
    """
    if gap >= every or tail + size + snapshot > PAGE_LIMIT:
        return True
    extra = write_units(size + snapshot) - write_units(size)
    return extra == 0 or extra * WRITE_PRICE <= read_units(tail)
