"""Rules of tracking: tokens and claims."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from cqrsless.log import pages, tokens, tracking
from cqrsless.log.tokens import Tokens
from cqrsless.reacting import reactions

from .mutation import Patch, without_rule


@without_rule("a token is written under its claim's epoch and revision", "papers")
def _(patch: Patch) -> None:
    write = Tokens._write

    def careless(self: Any, key: Any, token: Any, epoch: int, condition: Any, cost: Any, **held: Any) -> Any:
        return write(self, key, token, epoch, None, cost, **held)

    patch.setattr(Tokens, "_write", careless)


@without_rule("a claim gives a slice to one worker", "papers", found="while another worker held it")
def _(patch: Patch) -> None:
    claim = Tokens.claim

    def taken(self: Any, at: int, begin: Any, cost: Any) -> Any:
        now, self._now = self._now, lambda: now() + timedelta(days=1)
        try:
            return claim(self, at, begin, cost)
        finally:
            self._now = now

    patch.setattr(Tokens, "claim", taken)


@without_rule("a claim runs out", "papers")
def _(patch: Patch) -> None:
    patch.setattr(tokens, "CLAIM", 10**17)


@without_rule("a token moves behind what is done", "papers")
def _(patch: Patch) -> None:
    def early(self: Any, segment: int, slice_: int) -> None:
        position = self._token.positions[segment]
        where = pages.partition(position.part, segment)
        found = self.store.query("log", where, self.cost, first=max(position.page, 1), limit=tracking.READ_AHEAD)
        for item in found.items:
            refs = pages.refs_in(item)
            begun = position.done if item["n"] == position.page else 0
            reached = tracking.Position(position.part, item["n"], tracking.SEALED if "seal" in item else len(refs))
            if reached != position:
                self._move(tracking.at(self._token, segment, reached))
            self._offer_all(item, refs, begun, segment, position.part, slice_)
            position = reached

    patch.setattr(tracking.Worker, "_read_pages", early)


@without_rule("a commit that is not taken holds its slice", "papers")
def _(patch: Patch) -> None:
    offer = tracking.Worker._offer

    def careless(self: Any, *args: Any) -> None:
        with suppress(Exception):
            offer(self, *args)

    patch.setattr(tracking, "OFFERS", 1)
    patch.setattr(tracking.Worker, "_offer", careless)


@without_rule("whoever is woken while another holds a slice is woken again", "papers")
def _(patch: Patch) -> None:
    wake = reactions.Reactions.wake
    patch.setattr(reactions.Reactions, "wake", lambda self: wake(self) or True)


@without_rule("a tracking processor starts from its moment, not from the end of the log", "papers")
def _(patch: Patch) -> None:
    starting = tracking.starting
    patch.setattr(tracking, "starting", lambda store, found, since, cost: starting(store, found, since and 2**62, cost))
