"""Making a failing script short: steps are left out, and numbers made small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from .steps import Script, Step

__all__ = ["shorten"]

#: Scripts that are tried at most.
_TRIES: Final = 600
#: What commands are drawn from counts as simple up to here.
_SIMPLE: Final = 4


def shorten(script: Script, fails: Callable[[Script], bool]) -> Script:
    """Give a script that still fails, and of which no single step or number can be left out."""
    tries = 0
    again = True
    while again:
        again = False
        for smaller in _smaller(script):
            tries += 1
            if tries > _TRIES:
                return script
            if fails(smaller):
                script, again = smaller, True
                break
    return script


def _smaller(script: Script) -> Iterator[Script]:
    """Give scripts that are a little shorter or simpler, the boldest first."""
    steps = script.steps
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps) - size + 1, size):
            yield replace(script, steps=steps[:start] + steps[start + size :])
        size //= 2
    for at in range(len(script.past)):
        yield replace(script, past=script.past[:at] + script.past[at + 1 :])
    if script.layout:
        yield replace(script, layout=0)
    for at, step in enumerate(steps):
        for simpler in _simpler(step):
            yield replace(script, steps=(*steps[:at], simpler, *steps[at + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    if step.ending:
        yield step._replace(calls=0, ending="")
    elif step.calls:
        yield step._replace(calls=0)
    if step.z:
        yield step._replace(z=0)
    if step.y:
        yield step._replace(y=0)
    if step.at:
        yield step._replace(at=0)
    if step.do in ("command", "event"):
        if isinstance(step.x, int):
            yield from (step._replace(x=simple) for simple in range(min(step.x, _SIMPLE)))
    elif step.x:
        yield step._replace(x=0)
        yield step._replace(x=step.x - 1)
    if step.calls > 1:
        yield step._replace(calls=step.calls - 1)
