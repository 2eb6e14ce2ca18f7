"""What a consumer has parked: in the run that is live, and in the one that is being built beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ..delivery.commit import Commit
from ..delivery.letters import Parked
from ..delivery.parking import Letter
from ..delivery.runs import Runs
from ..errors import NotFound
from ..messages import Cost
from .lanes import runs_of
from .members import Member

__all__ = ["ParkedInRuns"]


class ParkedInRuns:
    """What is listed is the live run's; what is retried there, or dropped, is then tried again in the next run, too.

    The next run may become live at any moment. So the control item is read again behind the live run's retry, and what
    a replay finds parked at its end is tried there once more: one of the two sees the other.
    """

    def __init__(self, member: Member, runs: Runs) -> None:
        self._member = member
        self._runs = runs

    def letters(self, cost: Cost) -> Iterator[Letter]:
        return self._live(cost)[1].letters(cost)

    def retry(self, key: str, cost: Cost) -> bool:
        run, live = self._live(cost)
        goes_on = live.retry(key, cost)
        if goes_on:
            self._retry_beside(run, key, cost)
        return goes_on

    def drop(self, key: str, cost: Cost) -> bool:
        run, live = self._live(cost)
        goes_on = live.drop(key, cost)
        self._retry_beside(run, key, cost)  # steps past what was dropped
        return goes_on

    def resume(self, key: str, number: int, cost: Cost) -> None:
        self._live(cost)[1].resume(key, number, cost)

    def give_up(self, commit: Commit, why: str, cost: Cost) -> None:
        self._live(cost)[1].give_up(commit, why, cost)

    def _live(self, cost: Cost) -> tuple[int, Parked]:
        control = self._runs.read(self._member.name, cost)
        return control.live, self._member.parked(control.live, self._member.since(control))

    def _retry_beside(self, done: int, key: str, cost: Cost) -> None:
        control = self._runs.read(self._member.name, cost)
        for run in runs_of(self._member, control):
            if run != done:
                with suppress(NotFound):
                    self._member.parked(run, self._member.since(control)).retry(key, cost)
