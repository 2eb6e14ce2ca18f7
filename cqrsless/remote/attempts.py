"""Making a call again: after a throttle, a lost answer, or a server that could not answer for now."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from ..clock import jitter
from ..errors import CqrslessError

__all__ = ["Attempts", "Passing"]

log: Final = logging.getLogger("cqrsless.remote")

Answer = TypeVar("Answer")

#: Seconds: the first pause at most, and any pause at most. A server that names a time gets it, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Passing(Exception):
    """What may go better a moment later. `error` is what the caller gets where it does not."""

    def __init__(self, error: CqrslessError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


class Attempts:
    """Makes a call up to `most` times, with jittered pauses between that grow."""

    def __init__(
        self,
        most: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = jitter,
    ) -> None:
        self._most = most
        self._sleep = sleep
        self._jitter = jitter

    def make(self, call: Callable[[], Answer]) -> Answer:
        """Give the first answer, or raise what the last attempt ended with.

        >>> Attempts(3).make(lambda: "answer")
        'answer'
        """
        for attempt in range(1, self._most):
            try:
                return call()
            except Passing as failed:
                log.info("attempt %d of %d failed: %s", attempt, self._most, failed)
                longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
                self._sleep(max(self._jitter(0, longest), min(failed.pause or 0, _LONGEST_PAUSE)))
        try:
            return call()
        except Passing as failed:
            raise failed.error from failed.__cause__
