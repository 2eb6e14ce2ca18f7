"""Scripts made by hypothesis, which also shrinks what comes from the user's own strategies. Nothing else knows it."""

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
#: What is often done by a container that sleeps in the midst of it, while another one is given what has been committed
#: since: chance alone seldom lets these meet.
_ASLEEP: Final = ("deliver", "deliver", "pages", "replay", "replay", "rebuild", "due")


#: What may happen while somebody sleeps.
_MEANWHILE: Final[tuple[tuple[Step, ...], ...]] = (
    (),
    (Step("clock", x=2),),
    (Step("expire"),),
    (Step("expire"), Step("clock", x=2)),
    (Step("rebuild", 1),),
)


def _asleep(given: Any) -> list[Step]:
    """Let a container sleep in the midst of something, another one act, and the first one go on."""
    do, at, other, x, (calls, ending), drawn, meanwhile = given
    return [
        Step(do, at, x, calls=calls, ending=ending),
        Step("command", other, drawn),
        *meanwhile,
        Step("deliver", other, 9),
        Step("pages", other, 9),
        Step("deliver", at),
    ]


def _parked(given: Any) -> list[Step]:
    """Let a handler fail until it is mended, and then something else happen to what is parked."""
    at, x, y, z, (first, *rest) = given
    broken = [Step("break", x=x, y=y, z=z), *(Step("deliver", at, 9) for _ in range(7)), Step("mend")]
    return [*broken, first._replace(do="retry"), *rest]


def explore(
    act: Callable[[Script], None],
    commands: Any,
    *,
    schedules: int,
    seed: int,
    steps: int,
    past: int,
    external: bool,
    shrink: bool,
) -> None:
    """Act out so many scripts; the last one acted out is the one that failed, if any did."""
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
    small = st.integers(0, 9)
    calls = st.one_of(st.integers(0, 12), st.integers(0, _CALLS))
    ending = st.sampled_from(["", "", "", "", *ENDINGS])
    nothing = st.just(0)

    def step(do: str) -> Any:
        at, after, how = (nothing, nothing, st.just("")) if do in _ALONE else (st.integers(0, 15), calls, ending)
        x = drawn if do == "command" else st.integers(0, 2**16) if do == "event" else small
        y = small if do in _BATCHES or do == "break" else nothing
        z = st.one_of(nothing, st.integers(0, 2**16)) if do in _BATCHES else small if do == "break" else nothing
        return st.tuples(st.just(do), at, x, y, z, after, how).map(lambda values: Step(*values))

    made = {do: step(do) for do in weights}
    one = st.sampled_from(kinds).flatmap(made.__getitem__).map(lambda step: [step])
    slot = st.integers(0, 15)
    pause = st.one_of(st.tuples(calls, st.just("pause")), st.tuples(st.integers(0, 6), st.just("hold")))
    meanwhile = st.sampled_from(_MEANWHILE)
    asleep = st.tuples(st.sampled_from(_ASLEEP), slot, slot, small, pause, drawn, meanwhile).map(_asleep)
    parked = st.tuples(slot, small, small, small, asleep).map(_parked)
    scenes = st.integers(0, 29).flatmap(lambda at: parked if at == 28 else asleep if at > 25 else one)
    some = (
        st.integers(1, steps)
        .flatmap(lambda count: st.lists(scenes, min_size=count, max_size=count))
        .map(lambda scenes: [step for scene in scenes for step in scene][:steps])
    )
    before = st.one_of(st.just([]), st.lists(drawn, max_size=past)) if past else st.just([])
    script = st.tuples(st.integers(0, 1), before, some).map(lambda got: Script(got[0], tuple(got[1]), tuple(got[2])))

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
        phases=(Phase.generate, Phase.shrink) if shrink and drawn is commands else (Phase.generate,),
    )
    @hypothesis.given(script)
    def run(one: Script) -> None:
        act(one)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        run()
