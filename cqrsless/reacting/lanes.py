"""Which runs of which consumers are fed, read strongly before a batch and again after it.

A run that a replay has listed meanwhile is fed the same batch before it counts as delivered. So whoever reads the
control item first, nothing that was delivered is missing from both the batch and the replay's scan.
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
        self._fed: set[tuple[str, int]] = set()

    def now(self, cost: Cost) -> list[Taker]:
        """Give the takers of every run that is fed."""
        self._fed = set()
        found: list[Taker] = []
        for member in self._members:
            control = begin(member, self._runs, self._since, microseconds(self._now()), cost)
            self._replays.notice(member, control)
            found += self._new(member, control)
        return found

    def late(self, cost: Cost) -> list[Taker]:
        """Give the takers of runs that were listed since, and remove what is left of runs that nobody reads."""
        found: list[Taker] = []
        for member in self._members:
            control = self._runs.read(member.name, cost)
            found += self._new(member, control)
            tidy(self._runs, member.name, control, self._now(), cost)
        return found

    def _new(self, member: Member, control: Control) -> Iterator[Taker]:
        for run in runs_of(member, control):
            if (member.name, run) not in self._fed:
                self._fed.add((member.name, run))
                yield member.taker(run, member.since(control), replays=run != control.live)


def runs_of(member: Member, control: Control) -> tuple[int, ...]:
    """Give the runs that live commits are applied to: a view's new one, too, while it is built with this code."""
    if control.next is None or not member.switches or not feeds_next(control, member.code):
        return (control.live,)
    return control.live, control.next
