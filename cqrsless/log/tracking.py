"""Reading the log from a token: what tracking processors are fed by, and what they are replayed from.

A worker claims a slice, reads its pages in order, feeds the commits that its consumers handle, and notes its position
after each page. Nothing polls: the log table's own stream wakes the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from ..delivery.batches import Taker
from ..delivery.commit import Commit, Decoder
from ..delivery.consuming import Failed
from ..messages import Cost
from ..store import Store
from . import control, pages
from .control import Control
from .pages import Ref
from .rebuild import seal
from .tokens import Claim, Lost, Position, Token, Tokens, at

#: Pages read by one request, about; a page has up to hundreds of references.
READ_AHEAD: Final = 10
#: How often a commit is offered again where it stands, before its slice is left for a later worker.
OFFERS: Final = 25
#: `done` of a position behind a seal.
SEALED: Final = -1


class Stuck(Exception):
    """A consumer holds its slice at a commit, as `on_failure="stop"` asks for."""


class _Held(Exception):
    """A commit was not taken; `done` references of its page were."""

    def __init__(self, done: int, cause: Exception) -> None:
        super().__init__(done)
        self.done = done
        self.cause = cause


def beginning(found: Control) -> Token:
    """Give the token before everything: the base of the generation that is read, or its live part if it has none."""
    generation = found.reads
    part = pages.base(generation) if generation > 1 else pages.live(generation)
    return Token(generation, _start(part, found.segments_of(generation)))


def tip(store: Store, found: Control, cost: Cost) -> Token:
    """Give the token behind everything that is in the log now."""
    positions: dict[int, Position] = {}
    for segment in range(found.segments_of(found.reads)):
        newest = pages.newest(store, pages.live(found.reads), segment, cost, 1)
        number = newest[0]["n"] if newest else 0
        positions[segment] = Position(pages.live(found.reads), number, len(pages.refs_in(newest[0])) if newest else 0)
    return Token(found.reads, positions)


class Worker:
    """Feeds one slice of a processor's run from the log. `takers` are asked for the event names that they handle."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        takers: Sequence[Taker],
        names: frozenset[str],
        decoder: Decoder,
        now: Callable[[], datetime],
        *,
        from_beginning: bool,
    ) -> None:
        self.store = store
        self.cost = Cost()
        self.seen = 0
        self._tokens = tokens
        self._takers = takers
        self._names = names
        self._decoder = decoder
        self._now = now
        self._from_beginning = from_beginning

    def run(self, slice_: int, *, stop: Callable[[], bool] = lambda: False) -> bool:
        """Read a slice to the end of the log, or until `stop`; say whether it got there.

        `False`: another worker holds it, took it over, or `stop` said so.
        """
        claim = self._tokens.claim(slice_, self._begin, self.cost)
        if claim is None:
            return False
        try:
            claim, ended = self._read(claim, slice_, stop)
        except Lost:
            return False
        except Exception:
            self._tokens.release(claim, self.cost)
            raise
        self._tokens.release(claim, self.cost)
        return ended

    def _begin(self) -> Token:
        found = control.read(self.store, self.cost)
        return beginning(found) if self._from_beginning else tip(self.store, found, self.cost)

    def _read(self, claim: Claim, slice_: int, stop: Callable[[], bool]) -> tuple[Claim, bool]:
        while True:
            before = claim.token
            for segment in sorted(before.positions):
                if stop():
                    return claim, False
                claim = self._pages(claim, segment, slice_)
            if claim.token != before:
                continue
            onward = self._leave(claim.token)
            if onward is None:
                return claim, True
            claim = self._tokens.move(claim, onward, self.cost)

    def _pages(self, claim: Claim, segment: int, slice_: int) -> Claim:
        """Read the pages behind a position, as many as one request gives, and note the position after each."""
        position = claim.token.positions[segment]
        found = self.store.query(
            "log", pages.partition(position.part, segment), self.cost, first=max(position.page, 1), limit=READ_AHEAD
        )
        for item in found.items:
            refs = pages.refs_in(item)
            begun = position.done if item["n"] == position.page else 0
            try:
                self._offer_all(refs, begun, slice_)
            except _Held as held:
                self._tokens.move(
                    claim, at(claim.token, segment, Position(position.part, item["n"], held.done)), self.cost
                )
                raise held.cause from held.cause.__cause__
            reached = Position(position.part, item["n"], SEALED if "seal" in item else len(refs))
            if reached != position:
                position = reached
                claim = self._tokens.move(claim, at(claim.token, segment, position), self.cost)
        return claim

    def _offer_all(self, refs: Sequence[Ref], begun: int, slice_: int) -> None:
        for done in range(max(begun, 0), len(refs)):
            if self._concerns(refs[done], slice_):
                try:
                    self._offer(refs[done])
                except Exception as error:
                    raise _Held(done, error) from error

    def _concerns(self, ref: Ref, slice_: int) -> bool:
        if self._tokens.slices > 1 and pages.segment_of(ref.pk, self._tokens.slices) != slice_:
            return False
        return not self._names.isdisjoint(ref.names)

    def _offer(self, ref: Ref) -> None:
        item = self.store.get("events", ref.pk, ref.number, self.cost)
        if item is None:
            return  # erased since
        commit = Commit(item, self._decoder)
        self.seen += 1
        for taker in self._takers:
            for offer in range(OFFERS):
                try:
                    taker.take(commit, self.cost)
                    break
                except Failed as error:  # attempts are counted on its place: in the end it takes or parks the commit
                    if offer == OFFERS - 1:
                        raise Stuck(f"{taker.name} does not take {ref.pk}@{ref.number}: {error}") from error

    def _leave(self, token: Token) -> Token | None:
        """Give the token after a sealed part: from a base to its live part, from there to the next generation's."""
        part = next(iter(token.positions.values())).part
        if not all(position.done == SEALED for position in token.positions.values()):
            found = control.read(self.store, self.cost)
            if part == pages.live(token.generation) and token.generation not in found.writes:
                for segment in token.positions:  # whoever unlisted it died before it set the seal
                    seal(self.store, part, segment, self.cost)
                return token
            return None
        if part == pages.base(token.generation):
            return Token(token.generation, _start(pages.live(token.generation), len(token.positions)))
        found = control.read(self.store, self.cost)
        onward = min(generation for generation, _ in found.segments if generation > token.generation)
        return Token(onward, _start(pages.live(onward), found.segments_of(onward)))


def _start(part: str, segments: int) -> dict[int, Position]:
    return {segment: Position(part) for segment in range(segments)}
