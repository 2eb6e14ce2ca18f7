"""On an embedded store nothing comes by itself: what is pending is delivered, and what is due fired, when asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from ..clock import Clock
from ..driver import Drained, drain
from ..processors.scheduling import Scheduling
from ..processors.stored_schedules import StoredScheduler
from ..store import Store
from .reactions import Reactions


class Moved(Protocol):
    """A clock that can be moved on."""

    def now(self) -> datetime: ...
    def move_to(self, time: datetime) -> None: ...


def deliver(entrypoint: Callable[[Any, Any], Any], store: Store, clock: Clock, reactions: Reactions | None) -> Drained:
    """Build what is new from what is stored; deliver every pending event in real stream records, and what follows."""
    if reactions is None:
        return drain(entrypoint, store, clock=clock.now)
    reactions.note_views()
    reactions.replays.follow()
    return drain(entrypoint, store, clock=clock.now, first=reactions.catch_up)


def advance(
    delta: timedelta,
    clock: Moved,
    scheduler: StoredScheduler,
    scheduling: Scheduling,
    settle: Callable[[], object],
) -> int:
    """Move the clock on, and at each moment on the way fire what is due then and deliver what that causes.

    Gives the number of commands that were fired. One that fails is tried three times in all, keeps no other from its
    time, and is raised at the end.
    """
    if not isinstance(delta, timedelta):
        raise TypeError(f"app.advance({delta!r}) is given no length of time: write app.advance(timedelta(days=14))")
    if delta < timedelta(0):
        raise ValueError(f"the clock cannot be moved back by {-delta}")
    try:
        until = clock.now() + delta
    except OverflowError as error:
        raise ValueError(f"the clock cannot be moved on by {delta}: the last year is 9999") from error
    fired = 0
    failed: Exception | None = None
    settle()
    while (due := scheduler.next_due(until)) is not None:
        clock.move_to(due)
        try:
            fired += scheduler.fire_due(max(due, clock.now()), scheduling.fire)
        except Exception as error:
            failed = failed or error
        settle()
    clock.move_to(until)
    scheduling.sweep()
    if failed is not None:
        raise failed
    return fired
