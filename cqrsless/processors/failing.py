"""What a processor makes of an exception: wait, try again, or give up."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ..delivery.reasons import MISTAKES
from ..errors import ConcurrencyConflict, GiveUp, NotFound, RetryLater, StoreUnavailable
from ..registry import ProcessorRecord

__all__ = ["Course", "course"]

#: Failures of the moment, whatever the processor's `retry_on` says: most come from the commands that a handler gave.
ALWAYS_RETRIED: Final = (ConcurrencyConflict, NotFound, StoreUnavailable)


class Course(Enum):
    WAIT = "wait"
    RETRY = "retry"
    PARK = "park"


def course(error: Exception, record: ProcessorRecord, attempt: int) -> Course:
    """Say what follows a failed attempt (1 is the first)."""
    if isinstance(error, GiveUp):
        return Course.PARK
    if isinstance(error, RetryLater):
        return Course.WAIT if attempt <= record.retries else Course.PARK
    if isinstance(error, (*record.retry_on, *ALWAYS_RETRIED)) and not isinstance(error, MISTAKES):
        return Course.RETRY
    return Course.RETRY if record.on_failure == "stop" else Course.PARK
