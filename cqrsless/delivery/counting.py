"""What consumers do with commits, counted for whoever writes metrics."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

__all__ = ["Counted", "Counts"]


class Counted(NamedTuple):
    """Commits that were applied, attempts that failed and are tried again, aggregates that were parked.

    `lag` is the age of the oldest of these commits, in microseconds.
    """

    applied: int = 0
    retried: int = 0
    parked: int = 0
    lag: int = 0


class Counts:
    """What one consumer did since somebody last asked.

    >>> counts = Counts()
    >>> counts.add(100, applied=1)
    >>> counts.add(110, retried=1)
    >>> counts.taken(now=120), counts.taken(now=130)
    (Counted(applied=1, retried=1, parked=0, lag=20), None)
    """

    def __init__(self) -> None:
        self._applied = self._retried = self._parked = 0
        self._oldest: int | None = None
        self._lock = Lock()

    def applied(self, time: int) -> None:
        """Count a commit that was applied."""
        with self._lock:
            self._applied += 1
            if self._oldest is None or time < self._oldest:
                self._oldest = time

    def add(self, time: int | None, *, applied: int = 0, retried: int = 0, parked: int = 0) -> None:
        """Count what became of a commit; `time` is the commit's, in microseconds, unless it is late by itself."""
        with self._lock:
            self._applied += applied
            self._retried += retried
            self._parked += parked
            if time is not None and (self._oldest is None or time < self._oldest):
                self._oldest = time

    def taken(self, now: int) -> Counted | None:
        """Give what was counted, once; `None` where there is nothing to tell."""
        with self._lock:
            lag = 0 if self._oldest is None else max(0, now - self._oldest)
            counted = Counted(self._applied, self._retried, self._parked, lag)
            self._applied = self._retried = self._parked = 0
            self._oldest = None
        return counted if counted.applied or counted.retried or counted.parked else None
