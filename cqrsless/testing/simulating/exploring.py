"""Which scripts a campaign acts out. Commands of a hypothesis strategy are drawn, and made simple, by hypothesis."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, cast

from ...errors import CqrslessError
from .generating import DRAWN, make
from .steps import Script

__all__ = ["explore"]


def explore(
    act: Callable[[Script], None],
    commands: Any,
    *,
    schedules: int,
    seed: int,
    steps: int,
    past: int,
    external: bool,
    drops: bool,
    losses: bool,
    shrink: bool,
) -> None:
    """Act out so many scripts; the last one acted out is the one that failed, if any did.

    Each script depends on the seed and its own number alone: a longer campaign begins with a shorter one.
    """
    if not callable(commands):
        _explore_strategy(
            act,
            commands,
            schedules=schedules,
            seed=seed,
            steps=steps,
            past=past,
            external=external,
            drops=drops,
            losses=losses,
            shrink=shrink,
        )
        return
    for number in range(schedules):
        random = Random(f"{seed}/{number}")
        draw = partial(random.randrange, DRAWN)
        act(make(random, draw, steps=steps, past=past, external=external, drops=drops, losses=losses))


def _explore_strategy(
    act: Callable[[Script], None],
    strategy: Any,
    *,
    schedules: int,
    seed: int,
    steps: int,
    past: int,
    external: bool,
    drops: bool,
    losses: bool,
    shrink: bool,
) -> None:
    try:
        import hypothesis
        from hypothesis import HealthCheck, Phase, Verbosity
        from hypothesis import strategies as st
        from hypothesis.errors import NonInteractiveExampleWarning
    except ImportError as error:
        raise CqrslessError("commands= is no function; a strategy of commands needs pip install hypothesis") from error
    if not isinstance(strategy, st.SearchStrategy):
        raise TypeError(
            f"commands={strategy!r} is neither a function that makes a Command out of a random.Random nor a hypothesis "
            "strategy of commands"
        )

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=schedules,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=tuple(cast("Any", HealthCheck)),
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    @hypothesis.given(st.integers(0, 2**32), st.data())
    def run(number: int, data: Any) -> None:
        def draw() -> Any:
            return data.draw(strategy)

        act(make(Random(number), draw, steps=steps, past=past, external=external, drops=drops, losses=losses))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        run()
