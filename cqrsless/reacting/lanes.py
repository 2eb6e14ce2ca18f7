"""Which runs of which consumers are fed: read strongly before a batch.

Once is enough. What is delivered is in the table by then; so a run that a replay lists later is scanned for after that,
and finds it there. A run that was listed before is fed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ..aggregates.commits import microseconds
from ..delivery.batches import Taker
from ..delivery.codes import feeds_next
from ..delivery.replaying import tidy
from ..delivery.runs import Control, Runs
from ..messages import Cost
from .members import Member, begin
from .replays import Replays


class Lanes:
    """The runs of some members that are fed; used for one batch, or one page of the log, at a time."""

    def __init__(
        self, members: Sequence[Member], runs: Runs, now: Callable[[], datetime], since: int, replays: Replays
    ) -> None:
        self._members = members
        self._runs = runs
        self._now = now
        self._since = since
        self._replays = replays
        self._controls: list[tuple[Member, Control]] = []

    def takers(self, cost: Cost) -> list[Taker]:
        """Give the takers of every run that is fed, for commits that are in the table already."""
        self._controls = [
            (member, begin(member, self._runs, self._since, microseconds(self._now()), cost))
            for member in self._members
        ]
        return list(self._takers())

    def _takers(self) -> Iterator[Taker]:
        for member, control in self._controls:
            self._replays.notice(member, control)
            for run in runs_of(member, control):
                yield member.taker(run, member.since(control), replays=run != control.live)

    def tidy(self, cost: Cost) -> None:
        """Remove a little of the runs that nobody reads any more."""
        for member, control in self._controls:
            tidy(self._runs, member.name, control, self._now(), cost)


def runs_of(member: Member, control: Control) -> tuple[int, ...]:
    """Give the runs that live commits are applied to: a view's new one, too, while it is built with this code."""
    if control.next is None or not member.switches or not feeds_next(control, member.code):
        return (control.live,)
    return control.live, control.next
