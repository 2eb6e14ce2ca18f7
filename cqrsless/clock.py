"""An application's clock, which the embedded stores can move on, and the chance by which pauses differ."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Final

#: Of the machine: a frozen image of this process (SnapStart) is restored many times, and would wait in step.
jitter: Final[Callable[[float, float], float]] = random.SystemRandom().uniform


class Clock:
    """The application's clock, which can be moved on; by default it is the machine's."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        if self._clock is None:
            time = datetime.now(timezone.utc)
        elif (time := self._clock()).tzinfo is None:
            raise ValueError(
                "the application's clock gives a time without a time zone: write datetime.now(timezone.utc)"
            )
        return time + self._ahead if self._ahead else time

    def move_to(self, time: datetime) -> None:
        """Move on to a moment; a moment that is past already changes nothing."""
        self._ahead += max(time - self.now(), timedelta(0))
