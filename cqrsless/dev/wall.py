"""The clock of the development server, which can be moved on, and stays so when the server starts again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

__all__ = ["Wall"]


class Wall:
    """The time of this machine, and how far it was moved on.

    >>> wall = Wall(None); wall.ahead = timedelta(days=1); wall.now() > datetime.now(timezone.utc)
    True
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._ahead = timedelta(0)
        if path is not None and path.exists():
            try:
                self._ahead = timedelta(seconds=float(json.loads(path.read_text(encoding="utf-8"))["ahead"]))
            except (ValueError, KeyError, TypeError, OverflowError):
                path.unlink()  # cut short: a clock that is right is the better guess

    @property
    def ahead(self) -> timedelta:
        return self._ahead

    @ahead.setter
    def ahead(self, value: timedelta) -> None:
        self._ahead = value
        if self._path is not None:
            self._path.write_text(json.dumps({"ahead": value.total_seconds()}), encoding="utf-8")

    def now(self) -> datetime:
        """Give the time (aware, UTC)."""
        return datetime.now(timezone.utc) + self._ahead

    def move_to(self, time: datetime) -> None:
        """Move on to a moment; one that is past already changes nothing."""
        late = time - self.now()
        if late > timedelta(0):
            self.ahead += late
