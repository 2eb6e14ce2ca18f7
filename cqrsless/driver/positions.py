"""Places in a stream's shard: a sequence number, or one of the words that stand for what has none."""

from __future__ import annotations

from typing import Final

#: Before the oldest record that the stream still has.
TRIM_HORIZON: Final = "TRIM_HORIZON"
#: Behind the newest record there is now.
LATEST: Final = "LATEST"
#: The shard is closed, and all of it was delivered.
END: Final = "SHARD_END"


def is_further(position: str, other: str | None) -> bool:
    """Say whether a place is behind another one. Sequence numbers are numbers, of different lengths.

    >>> is_further("100", "99"), is_further("99", None), is_further(TRIM_HORIZON, "1"), is_further(END, "7")
    (True, True, False, True)
    """
    return _rank(position) > _rank(other or TRIM_HORIZON)


def _rank(position: str) -> tuple[int, int]:
    if position == END:
        return 2, 0
    if position in (TRIM_HORIZON, LATEST):
        return 0, 0
    return 1, int(position)
