"""What an application was promised, checked once everything has settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..dropping import Dropped
from ..errands import Errands
from ..history import History
from ..queues import FifoQueue
from ..watching import BUS, Poison
from ..world import World
from . import commands, failures, log, processors, publishing, reading, views
from .failures import mistakes
from .losses import absent

__all__ = ["left_behind", "mistakes", "violations"]


def left_behind(
    world: World, errands: Errands, parked: Mapping[str, Sequence[Any]], poisons: Sequence[Poison]
) -> Iterator[str]:
    """Say what was delivered and is not done, but for what is `parked`, lost, or fails by now."""
    history = History(world.guard, world.model)
    dropped = Dropped(errands, world.guard)
    waiting = absent(world, history, parked)
    for poison in poisons:
        group = poison.function.partition("/")[0]
        waiting.setdefault("publisher" if poison.function == BUS else group, set()).add(poison.key)
    yield from views.left_behind(world, history, waiting)
    yield from processors.left_behind(world, errands, history, waiting, dropped)


def violations(world: World, errands: Errands, parked: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Say, one after the other, what was promised and not kept. `parked` are the letters that are left."""
    yield from world.guard.violations
    for feed in world.streams.values():
        if isinstance(feed, FifoQueue):
            yield from feed.violations
    history = History(world.guard, world.model)
    waiting = absent(world, history, parked)
    yield from commands.violations(world, errands, history)
    yield from log.violations(world, history)
    dropped = Dropped(errands, world.guard)
    yield from views.violations(world, history, parked, dropped)  # those that lacked something have been replayed
    yield from reading.violations(world, errands)
    yield from processors.violations(world, errands, history, waiting, dropped)
    yield from failures.violations(world)
    yield from publishing.violations(world, history, waiting, dropped)
