"""Scripts made by hypothesis, which also shrinks the one that fails. Nothing else here knows hypothesis."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final, cast

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
_BATCHES: Final = frozenset({"deliver", "pages", "give up"})


def explore(
    act: Callable[[Script], None],
    commands: Any,
    *,
    schedules: int,
    seed: int,
    steps: int,
    external: bool,
    shrink: bool,
) -> None:
    """Act out so many scripts; a failure is raised once more for the shortest script that fails."""
    try:
        import hypothesis
        from hypothesis import HealthCheck, Phase, Verbosity
        from hypothesis import strategies as st
        from hypothesis.errors import NonInteractiveExampleWarning
    except ImportError as error:
        raise CqrslessError(
            "simulate() makes and shrinks its schedules with hypothesis: pip install hypothesis"
        ) from error

    drawn = commands if isinstance(commands, st.SearchStrategy) else st.integers(0, 2**16)
    weights = {**_WEIGHTS, **(_EVENTS if external else {})}
    kinds = [do for do, weight in weights.items() for _ in range(weight)]
    small, calls = st.integers(0, 9), st.integers(0, _CALLS)
    ending = st.sampled_from(["", "", "", "", *ENDINGS])
    nothing = st.just(0)

    def step(do: str) -> Any:
        at, after, how = (nothing, nothing, st.just("")) if do in _ALONE else (st.integers(0, 15), calls, ending)
        x = drawn if do == "command" else st.integers(0, 2**16) if do == "event" else small
        y = small if do in _BATCHES or do == "break" else nothing
        z = st.one_of(nothing, st.integers(0, 2**16)) if do in _BATCHES else small if do == "break" else nothing
        return st.tuples(st.just(do), at, x, y, z, after, how).map(lambda values: Step(*values))

    made = {do: step(do) for do in weights}
    one = st.sampled_from(kinds).flatmap(made.__getitem__)
    some = st.integers(1, steps).flatmap(lambda count: st.lists(one, min_size=count, max_size=count))
    past = st.one_of(st.just([]), st.lists(drawn, max_size=4))
    script = st.tuples(st.integers(0, 1), past, some).map(lambda got: Script(got[0], tuple(got[1]), tuple(got[2])))

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
    @hypothesis.given(script)
    def run(one: Script) -> None:
        act(one)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        run()
