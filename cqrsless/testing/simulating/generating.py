"""Scripts made by hypothesis, which also shrinks the one that fails. Nothing else here knows hypothesis."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final

from ...errors import CqrslessError
from .lines import ENDINGS
from .steps import Script, Step

__all__ = ["explore"]

#: Calls of the store that a task makes at most before something happens to it.
_CALLS: Final = 40
#: How often each step occurs among a hundred or so.
_WEIGHTS: Final = {
    "command": 24,
    "deliver": 34,
    "pages": 10,
    "again": 4,
    "due": 3,
    "retry": 4,
    "replay": 5,
    "rebuild": 2,
    "give up": 2,
    "clock": 4,
    "expire": 4,
    "break": 3,
    "mend": 2,
    "start": 2,
}
_EVENTS: Final = {"event": 5, "event again": 3}
_ALONE: Final = frozenset({"clock", "expire", "break", "mend", "start"})


def explore(
    act: Callable[[Script], None], commands: Any, *, schedules: int, seed: int, steps: int, external: bool
) -> None:
    """Act out so many scripts; a failure is raised once more for the shortest script that fails."""
    try:
        import hypothesis
        from hypothesis import HealthCheck, Phase, Verbosity
        from hypothesis import strategies as st
        from hypothesis.errors import NonInteractiveExampleWarning
    except ImportError as error:
        raise CqrslessError("simulate() makes and shrinks its schedules with hypothesis: pip install hypothesis") from error

    drawn = commands if isinstance(commands, st.SearchStrategy) else st.integers(0, 2**32 - 1)
    at, small, calls = st.integers(0, 15), st.integers(0, 9), st.integers(0, _CALLS)
    ending = st.one_of(st.just(""), st.just(""), st.sampled_from(ENDINGS))
    disorder = st.one_of(st.just(0), st.integers(0, 2**16))

    def steps_of(do: str) -> Any:
        if do in _ALONE:
            return st.builds(Step, st.just(do), x=small, y=small, z=small)
        if do in ("command", "event"):
            return st.builds(Step, st.just(do), at, x=drawn if do == "command" else st.integers(0, 2**32 - 1), calls=calls, ending=ending)
        if do in ("deliver", "pages", "give up"):
            return st.builds(Step, st.just(do), at, x=small, y=small, z=disorder, calls=calls, ending=ending)
        return st.builds(Step, st.just(do), at, x=small, calls=calls, ending=ending)

    weights = {**_WEIGHTS, **(_EVENTS if external else {})}
    made = {do: steps_of(do) for do in weights}
    kinds = [do for do, weight in weights.items() for _ in range(weight)]
    step = st.sampled_from(kinds).flatmap(made.__getitem__)
    script = st.builds(Script, st.integers(0, 1), st.lists(step, min_size=1, max_size=steps).map(tuple))

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=schedules,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @hypothesis.given(script)
    def run(one: Script) -> None:
        act(one)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        run()
