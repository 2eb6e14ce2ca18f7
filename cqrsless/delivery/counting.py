"""What consumers do with commits, counted for whoever writes metrics."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

__all__ = ["Counted", "Counts"]


class Counted(NamedTuple):
    """Commits that were applied, attempts that failed and are tried again, aggregates that were parked.

    `lag` is the age of the oldest of these commits, in microseconds, when it was taken.
    """

    applied: int = 0
    retried: int = 0
    parked: int = 0
    lag: int = 0


class Counts:
    """What one consumer did since somebody last asked.

    >>> counts = Counts()
    >>> counts.add(applied=1, lag=20)
    >>> counts.add(retried=1, lag=10)
    >>> counts.taken(), counts.taken()
    (Counted(applied=1, retried=1, parked=0, lag=20), None)
    """

    def __init__(self) -> None:
        self._applied = self._retried = self._parked = self._lag = 0
        self._lock = Lock()

    def add(self, *, applied: int = 0, retried: int = 0, parked: int = 0, lag: int = 0) -> None:
        with self._lock:
            self._applied += applied
            self._retried += retried
            self._parked += parked
            if lag > self._lag:
                self._lag = lag

    def taken(self) -> Counted | None:
        """Give what was counted, once; `None` where there is nothing to tell."""
        with self._lock:
            counted = Counted(self._applied, self._retried, self._parked, self._lag)
            self._applied = self._retried = self._parked = self._lag = 0
        return counted if counted.applied or counted.retried or counted.parked else None
