"""One script, acted out, settled and checked."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from ...aggregates import commits
from ...app import App
from ...delivery import replaying
from ...log import indexer, pages, rebuild, tracking
from .acting import Actor
from .baton import Strands
from .checking import mistakes, violations
from .settling import Settling
from .setup import Setup
from .steps import Script
from .world import World

__all__ = ["Broken", "play", "small"]

#: Slices and pages so small that a short history has several of each.
_SMALL: Final[tuple[tuple[Any, str, int], ...]] = (
    (replaying, "SLICE", 4),
    (rebuild, "SLICE", 4),
    (pages, "PER_PAGE", 4),
    (indexer, "RECENT_PAGES", 2),
    (indexer, "REMEMBERED", 8),
    (tracking, "READ_AHEAD", 2),
    (commits, "NAMES_KEPT", 2),
)


class Broken(AssertionError):
    """A promise was not kept. `story` says what happened."""

    def __init__(self, what: str, story: list[str]) -> None:
        super().__init__(what)
        self.what, self.story = what, story


@contextmanager
def small() -> Generator[None, None, None]:
    """Make slices and pages small, and keep the log of handled failures quiet."""
    before = [(module, name, getattr(module, name)) for module, name, _ in _SMALL]
    log = logging.getLogger("cqrsless")
    level = log.level
    try:
        for module, name, value in _SMALL:
            setattr(module, name, value)
        log.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        log.setLevel(level)
        for module, name, value in before:
            setattr(module, name, value)


def play(
    setup: Setup,
    script: Script,
    strands: Strands,
    *,
    horizon: timedelta,
    may_park: bool,
    check: Callable[[App], object] | None = None,
) -> World:
    """Act out a script, and raise `Broken` where something was not as promised."""
    world = World(setup, script.layout, strands)
    actor = Actor(world)
    try:
        actor.past(script.past, restored=bool(script.steps) and script.steps[0].do == "restore")
        for step in script.steps:
            actor.act(step)
            if world.guard.violations:
                raise Broken(world.guard.violations[0], world.story)
        settling = Settling(actor, horizon)
        settling.run()
        parked = settling.parked()
        for what in violations(world, actor.errands, parked):
            raise Broken(what, world.story)
        for what in () if may_park else mistakes(world):
            raise Broken(what, world.story)
        if parked and not may_park:
            letter = next(iter(parked.values()))[0]
            raise Broken(
                f"{letter.key} stays parked for {letter.consumer} at commit {letter.commit}: {letter.why}", world.story
            )
        for arrival in () if may_park else settling.dead():
            raise Broken(f"{arrival} from {arrival.message.source} cannot be handled", world.story)
        if check is not None:
            check(world.container(0).app)
    except Broken:
        raise
    except AssertionError as error:  # what the user checks, and what does not settle
        raise Broken(_told(error), world.story) from error
    finally:
        world.end()
    return world


def _told(error: AssertionError) -> str:
    """Give what an assertion says, or the line that it stands in where it has no message."""
    frames = traceback.extract_tb(error.__traceback__)
    if str(error) or not frames:
        return str(error)
    return f"{frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}"
