"""What an application was promised, checked once everything has settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errands import Errands
from ..history import History
from ..world import World
from . import commands, log, processors, publishing, views

__all__ = ["violations"]


def violations(world: World, errands: Errands, parked: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Say, one after the other, what was promised and not kept. `parked` are the letters that are left."""
    yield from world.guard.violations
    history = History(world.guard, world.model)
    yield from commands.violations(world, errands, history)
    yield from log.violations(world, history)
    yield from views.violations(world, history, parked)
    yield from processors.violations(world, errands, history, parked)
    yield from publishing.violations(world, history, parked)
