"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

__all__ = ["Clock"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class Clock:
    """A time that a test sets, for `App(clock=...)` and `given(now=...)`.

    `app.advance` moves the application's own time on, and fires what is due; it leaves this clock as it is.

    >>> clock = Clock()
    >>> clock.advance(minutes=20); clock().isoformat()
    '2026-01-01T12:20:00+00:00'
    """

    def __init__(self, start: datetime = NOON) -> None:
        self.set(start)

    def __call__(self) -> datetime:
        return self._time

    def __repr__(self) -> str:
        return f"Clock({self._time.isoformat()})"

    def advance(self, by: timedelta | None = None, **units: float) -> None:
        """Move on by a timedelta, or by `days=`, `hours=`, `minutes=`, `seconds=` and what else a timedelta takes."""
        step = (by or timedelta()) + timedelta(**units)
        if step < timedelta():
            raise ValueError(f"the clock cannot be advanced by {step}: to put it back, set() it")
        self._time += step

    def set(self, time: datetime) -> None:
        """Put the clock to a moment, earlier or later."""
        if time.utcoffset() is None:
            raise ValueError(f"{time!r} has no time zone: write datetime(..., tzinfo=timezone.utc)")
        self._time = time.astimezone(timezone.utc)
