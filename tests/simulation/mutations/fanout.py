"""Rules of the fan-out: keys and numbers, in a FIFO queue for each processor."""

from __future__ import annotations

from typing import Any

from cqrsless.reacting import fanout
from cqrsless.reacting.fanout import FanOut
from cqrsless.sources import sqs

from .mutation import Patch, without_rule


@without_rule("a commit that a queue did not take comes again", "boxes")
def _(patch: Patch) -> None:
    consume = FanOut.consume

    def careless(self: Any, deliveries: Any) -> list[str]:
        consume(self, deliveries)
        return []

    patch.setattr(FanOut, "consume", careless)


@without_rule("each processor has a queue of its own", "boxes")
def _(patch: Patch) -> None:
    consume = FanOut.consume

    def first_only(self: Any, deliveries: Any) -> list[str]:
        return consume(FanOut(dict(list(self.queues.items())[:1]), self._groups), deliveries)

    patch.setattr(FanOut, "consume", first_only)


@without_rule("a queue is grouped by aggregate", "boxes", found="the queue of")
def _(patch: Patch) -> None:
    entry = fanout.entry
    patch.setattr(fanout, "entry", lambda one, at: {**entry(one, at), "MessageGroupId": "all"})


@without_rule("what failed from a queue comes again", "boxes")
def _(patch: Patch) -> None:
    take = sqs._take

    def careless(commits: Any, app: Any) -> frozenset[str]:
        take(commits, app)
        return frozenset()

    patch.setattr(sqs, "_take", careless)


@without_rule("what a queue gave up on parks its aggregate", "boxes")
def _(patch: Patch) -> None:
    take = sqs._take

    def careless(commits: Any, app: Any) -> frozenset[str]:
        return take({name: one for name, one in commits.items() if one.dead is None}, app)

    patch.setattr(sqs, "_take", careless)
