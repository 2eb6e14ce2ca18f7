"""Simulating a whole application: everything that may go wrong on AWS, many times over, in one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ..app import App
from ..messages import Command
from ..registry import DEFAULT, Registry
from .simulating.baton import Strands
from .simulating.exploring import explore
from .simulating.playing import Broken, play, small
from .simulating.setup import Setup
from .simulating.shrinking import shorten
from .simulating.steps import Script

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Simulated", "SimulationFailed", "simulate"]

#: pytest shows the test's own line where a simulation fails, and not this module's.
__tracebackhide__: Final = True

Commands: TypeAlias = "Callable[[Random], Command | Iterable[Command] | None] | SearchStrategy[Command]"


class SimulationFailed(AssertionError):
    """A promise was not kept in a simulation. `script` acts it out again; `story` says what happened in it."""

    def __init__(self, what: str, seed: int, script: str, story: list[str]) -> None:
        lines = "\n".join(f"{number:4}  {line}" for number, line in enumerate(story, 1))
        super().__init__(f"{what}\n\nseed={seed}\nscript={script!r}\n\nwhat happened:\n{lines}")
        self.what, self.seed, self.script, self.story = what, seed, script, story


class Simulated(NamedTuple):
    """What a campaign without a failure did: how many schedules it went through, and how often each thing happened."""

    schedules: int
    happened: Mapping[str, int]

    def __str__(self) -> str:
        most = sorted(self.happened.items(), key=lambda one: (-one[1], one[0]))
        return "\n".join([f"{self.schedules} schedules", *(f"{times:9,}  {what}" for what, times in most)])


def simulate(
    registry: Registry | None = None,
    commands: Commands | None = None,
    *,
    schedules: int = 200,
    seed: int = 0,
    steps: int = 60,
    past: int = 0,
    external: Callable[[Random], Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    horizon: timedelta = timedelta(days=30),
    may_park: bool = False,
    drops: bool = False,
    losses: bool = False,
    check: Callable[[App], object] | None = None,
    shrink: bool = True,
    script: str | None = None,
) -> Simulated:
    """Run an application through many schedules, each of which something goes wrong in, and check what it was promised.

    `commands` makes a command out of a `random.Random` (or several, or none); a hypothesis strategy of commands does,
    too. `external` does the same for external events: it gives the arguments of `app.receive` as a dict. Handlers
    have to be deterministic, and `resources` stand in for what they would call outside.

    In each of the `schedules`, of at most `steps` steps, behind a past of up to `past` commands that were executed
    before anything reacted, containers execute these commands, are given commits late, in
    any order and more than once, are throttled, lose answers, die between any two writes, or sleep past their claims;
    handlers fail for a while, views are replayed and the log is rebuilt. Then everything settles, up to what is due
    within `horizon`; `check` may assert more of the application as it then is. Raises `SimulationFailed` with the seed
    and the shortest script that fails (the first one found, without `shrink`); `script` acts one out again. With
    `may_park`, the application's own failures may leave letters; with `losses`, streams lose what
    waits for a day, and tables come out of a backup: what handlers do not see for that, they do not handle.

    >>> from cqrsless import Command, Event, Registry
    >>> shop = Registry("shop")
    >>> Order = shop.aggregate("Order", id_field="order_id")
    >>> @shop.command_handler("PlaceOrder", aggregate=Order, creation="if_missing")
    ... def place_order(command, order):
    ...     return {"placed": True}, Event("OrderPlaced", dict(command))
    >>> def commands(random):
    ...     return Command("PlaceOrder", {"order_id": f"o-{random.randint(1, 3)}"})
    >>> simulate(shop, commands, schedules=5).schedules
    5
    """
    if commands is None:
        raise TypeError("simulate() needs commands=: a function that makes a Command out of a random.Random")
    setup = Setup(registry if registry is not None else DEFAULT, commands, external, resources, losses)
    strands = Strands()
    last: list[tuple[Script, Broken]] = []
    played: list[Counter[str]] = []

    def act(one: Script) -> None:
        try:
            world = play(setup, one, strands, horizon=horizon, may_park=may_park, check=check)
            played.append(world.happened)
        except Broken as broken:
            last[:] = [(one, broken)]
            raise

    def fails(one: Script) -> bool:
        try:
            act(one)
        except Broken:
            return True
        return False

    try:
        with small():
            try:
                if script is not None:
                    act(Script.read(script))
                else:
                    explore(
                        act,
                        commands,
                        schedules=schedules,
                        seed=seed,
                        steps=steps,
                        past=past,
                        external=external is not None,
                        drops=drops,
                        losses=losses,
                        shrink=shrink,
                    )
                return Simulated(len(played), sum(played, Counter()))
            except Broken:
                if script is None and shrink:
                    shorten(last[0][0], fails)
        one, broken = last[0]
        raise SimulationFailed(broken.what, seed, one.text(), broken.story) from None
    finally:
        strands.close()
