"""What an application was promised, checked once everything has settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..dropping import Dropped
from ..errands import Errands
from ..history import History
from ..world import World
from . import commands, failures, log, processors, publishing, reading, views

__all__ = ["left_behind", "violations"]


def left_behind(world: World, errands: Errands, waiting: Mapping[str, set[str]]) -> Iterator[str]:
    """Say what was delivered and is not done, but for the aggregates that wait for a consumer."""
    history = History(world.guard, world.model)
    dropped = Dropped(errands, world.guard)
    yield from views.left_behind(world, history, waiting)
    yield from processors.left_behind(world, errands, history, waiting, dropped)


def violations(world: World, errands: Errands, parked: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Say, one after the other, what was promised and not kept. `parked` are the letters that are left."""
    yield from world.guard.violations
    history = History(world.guard, world.model)
    yield from commands.violations(world, errands, history)
    yield from log.violations(world, history)
    dropped = Dropped(errands, world.guard)
    yield from views.violations(world, history, parked, dropped)
    yield from reading.violations(world, errands)
    yield from processors.violations(world, errands, history, parked, dropped)
    yield from failures.violations(world)
    yield from publishing.violations(world, history, parked, dropped)
