"""Tells those who watch that something happened."""

from __future__ import annotations

from threading import Condition

__all__ = ["Pulse"]


class Pulse:
    """A number that grows whenever something happened, and can be waited for.

    >>> pulse = Pulse(); pulse.beat(); pulse.wait(0, 1.0)
    1
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._beats = 0

    def beat(self) -> None:
        with self._changed:
            self._beats += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> int:
        """Wait until there were more beats than `seen`, or for so long; give how many there were."""
        with self._changed:
            self._changed.wait_for(lambda: self._beats > seen, seconds)
            return self._beats
