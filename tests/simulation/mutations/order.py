"""Rules of order: what is a repeat, what is next, and what is missing."""

from __future__ import annotations

from typing import Any

from cqrsless.delivery import consuming, runs
from cqrsless.delivery.consuming import Feeder
from cqrsless.delivery.order import Verdict
from cqrsless.delivery.writing import revised
from cqrsless.processors import ordered
from cqrsless.reacting import lanes, members

from .mutation import Patch, without_rule


@without_rule("a repeat is skipped")
def _(patch: Patch) -> None:
    def judge(number: int, before: int, last: int) -> Verdict:
        return Verdict.NEXT if before <= last else Verdict.MISSING

    patch.setattr(consuming, "judge", judge)


@without_rule("missing commits are read and applied first")
def _(patch: Patch) -> None:
    def judge(number: int, before: int, last: int) -> Verdict:
        return Verdict.REPEAT if number <= last else Verdict.NEXT

    patch.setattr(consuming, "judge", judge)


@without_rule("the commit itself says which commit came before it")
def _(patch: Patch) -> None:
    patch.setattr(consuming, "previous", lambda last, names, number: 0)


@without_rule("nothing from before a processor's start is filled in")
def _(patch: Patch) -> None:
    patch.setattr(Feeder, "_first_since", lambda self, commit, since, cost: 1)


@without_rule("a processor starts at its moment")
def _(patch: Patch) -> None:
    patch.setattr(members.Member, "since", lambda self, control: 0)


@without_rule("a processor's moment is written once", found=", and then at")
def _(patch: Patch) -> None:
    def begin(member: Any, its: Any, since: int, at: int, cost: Any) -> Any:
        found = members.begin(member, its, since, at, cost)
        if member.from_beginning:
            return found
        return its.update(member.name, lambda control: runs.replace(control, since=since), cost)

    patch.setattr(lanes, "begin", begin)


@without_rule("what a commit leaves out of its note of earlier names is bounded")
def _(patch: Patch) -> None:
    def unbounded(last: Any, names: Any, number: int) -> int:
        return number - 1 if last is None else max((last.get(name, 0) for name in names), default=0)

    patch.setattr(consuming, "previous", unbounded)


@without_rule("a filling goes on to its last page", "boxes")
def _(patch: Patch) -> None:
    def one_page(store: Any, pk: str, cost: Any, first: int = 1, last: int | None = None) -> Any:
        return iter(store.query("events", pk, cost, first=first, last=last).items)

    patch.setattr(consuming, "commits", one_page)


@without_rule("what is next is applied")
def _(patch: Patch) -> None:
    def judge(number: int, before: int, last: int) -> Verdict:
        return Verdict.MISSING if before > last else Verdict.REPEAT

    patch.setattr(consuming, "judge", judge)


@without_rule("a filling saves its progress")
def _(patch: Patch) -> None:
    step, move = Feeder._step, ordered.ProcessorConsumer._move
    ends: list[int] = []

    def noting(self: Any, consumer: Any, commit: Any, *args: Any) -> bool:
        ends.append(commit.number)
        try:
            return step(self, consumer, commit, *args)
        finally:
            ends.pop()

    def late(self: Any, commit: Any, place: Any, cost: Any) -> Any:
        if ends and commit.number < ends[-1]:
            return revised(place, mark=commit.number)
        return move(self, commit, place, cost)

    patch.setattr(Feeder, "_step", noting)
    patch.setattr(ordered.ProcessorConsumer, "_move", late)
