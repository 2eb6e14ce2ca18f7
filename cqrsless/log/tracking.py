"""Reading the log from a token: what tracking processors are fed by, and what they are replayed from.

A worker claims a slice, reads its pages in order, feeds the commits that its consumers handle, and notes its position
after each page. Nothing polls: the log table's own stream wakes the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from ..aggregates.commits import microseconds
from ..delivery.batches import Taker
from ..delivery.commit import Commit, Decoder
from ..delivery.consuming import Failed
from ..messages import Cost
from ..store import Item, Store
from . import control, pages
from .control import Control
from .pages import Ref
from .rebuild import seal
from .tokens import CLAIM, Claim, Lost, Position, Token, Tokens, at

#: Pages read by one request, about; a page has up to hundreds of references.
READ_AHEAD: Final = 10
#: How often a commit is offered again where it stands, before its slice is left for a later worker.
OFFERS: Final = 25
#: Pages of the log that are counted behind a token.
COUNTED: Final = 50
#: `done` of a position behind a seal.
SEALED: Final = -1


class Stuck(Exception):
    """A consumer holds its slice at a commit, as `on_failure="stop"` asks for."""


def beginning(found: Control) -> Token:
    """Give the token before everything: the base of the generation that is read, or its live part if it has none."""
    generation = found.reads
    part = pages.base(generation) if generation > 1 else pages.live(generation)
    return Token(generation, _start(part, found.segments_of(generation)))


def starting(store: Store, found: Control, since: int, cost: Cost) -> Token:
    """Give the token before the first page that may hold a commit of that moment (microseconds) or later.

    A page bears the time of the newest commit up to its own end, so a part is looked at from its end backwards. What
    was logged before a rebuild is in the base, and in no order of time.
    """
    part, segments = pages.live(found.reads), range(found.segments_of(found.reads))
    if not since:
        return beginning(found)
    if found.reads > 1 and any(_newest_time(store, found.reads, segment, cost) >= since for segment in segments):
        return beginning(found)
    positions = {segment: _older(store, part, segment, since, cost) or Position(part) for segment in segments}
    return Token(found.reads, positions)


def behind(store: Store, position: Position, segment: int, slice_: int, slices: int, cost: Cost) -> int:
    """Count what a slice has still to read of a part's segment, as far as `COUNTED` pages go."""
    where = pages.partition(position.part, segment)
    left = 0
    for item in store.query("log", where, cost, first=max(position.page, 1), limit=COUNTED).items:
        refs = pages.refs_in(item)
        if item["n"] == position.page:
            refs = [] if position.done == SEALED else refs[position.done :]
        left += sum(slices == 1 or pages.segment_of(ref.pk, slices) == slice_ for ref in refs)
    return left


def _newest_time(store: Store, generation: int, segment: int, cost: Cost) -> int:
    """Give the time of the newest commit in a base; its last page is the seal."""
    newest = pages.newest(store, pages.base(generation), segment, cost, 2)
    return max((int(item.get("time", 0)) for item in newest), default=0)


def _older(store: Store, part: str, segment: int, since: int, cost: Cost) -> Position | None:
    """Give the place behind the last page whose commits are all older than a moment."""
    last: int | None = None
    while last is None or last > 0:
        where = pages.partition(part, segment)
        found = store.query("log", where, cost, last=last, descending=True, limit=READ_AHEAD)
        for item in found.items:
            if "time" in item and item["time"] < since:
                return Position(part, item["n"], len(pages.refs_in(item)))
        if not found.items:
            break
        last = found.items[-1]["n"] - 1
    return None


class Takers(Protocol):
    """Who is fed: asked for each page, once it was read."""

    def takers(self, cost: Cost) -> Sequence[Taker]: ...
    def tidy(self, cost: Cost) -> None:
        """Do what can wait until a page is done."""
        ...


class Worker:
    """Feeds one slice of a processor from the log; commits without one of `names` are not read.

    `since` gives the moment (microseconds) that a first token has to lie before; 0 is the beginning of the log.
    """

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        takers: Takers,
        names: frozenset[str],
        decoder: Decoder,
        now: Callable[[], datetime],
        *,
        since: Callable[[], int] = lambda: 0,
    ) -> None:
        self.store = store
        self.cost = Cost()
        self.seen = 0
        self._tokens = tokens
        self._takers = takers
        self._names = names
        self._decoder = decoder
        self._now = now
        self._since = since
        self._claim: Claim | None = None
        self._renew = 0

    def run(self, slice_: int, *, stop: Callable[[], bool] = lambda: False) -> bool:
        """Read a slice to the end of the log, or until `stop`; say whether it got there.

        `False`: another worker holds it, took it over, or `stop` said so.
        """
        self._claim = self._tokens.claim(slice_, self._begin, self.cost)
        if self._claim is None:
            return False
        self._renew = microseconds(self._now()) + CLAIM // 3
        try:
            return self._read(slice_, stop)
        except Lost:
            self._claim = None
            return False
        finally:
            if self._claim is not None:
                self._tokens.release(self._claim, self.cost)

    def _begin(self) -> Token:
        found = control.read(self.store, self.cost)
        return starting(self.store, found, self._since(), self.cost)

    @property
    def _token(self) -> Token:
        assert self._claim is not None
        return self._claim.token

    def _move(self, token: Token) -> None:
        assert self._claim is not None
        self._claim = self._tokens.move(self._claim, token, self.cost)
        self._renew = microseconds(self._now()) + CLAIM // 3

    def _read(self, slice_: int, stop: Callable[[], bool]) -> bool:
        while True:
            before = self._token
            for segment in sorted(before.positions):
                if stop():
                    return False
                self._read_pages(segment, slice_)
            if self._token != before:
                continue
            onward = self._leave(before)
            if onward is None:
                return True
            self._move(onward)

    def _read_pages(self, segment: int, slice_: int) -> None:
        """Read the pages behind a position, as many as one request gives, and note the position after each."""
        position = self._token.positions[segment]
        where = pages.partition(position.part, segment)
        found = self.store.query("log", where, self.cost, first=max(position.page, 1), limit=READ_AHEAD)
        for item in found.items:
            refs = pages.refs_in(item)
            begun = position.done if item["n"] == position.page else 0
            self._offer_all(item, refs, begun, segment, position.part, slice_)
            reached = Position(position.part, item["n"], SEALED if "seal" in item else len(refs))
            if reached != position:
                position = reached
                self._move(at(self._token, segment, position))

    def _offer_all(self, item: Item, refs: Sequence[Ref], begun: int, segment: int, part: str, slice_: int) -> None:
        """Offer a page's references; note the position inside where one is refused, or before the claim ends."""
        concerned = [done for done in range(max(begun, 0), len(refs)) if self._concerns(refs[done], slice_)]
        if not concerned:
            return
        takers = self._takers.takers(self.cost)
        for done in concerned:
            if microseconds(self._now()) > self._renew:
                self._move(at(self._token, segment, Position(part, item["n"], done)))
            try:
                self._offer(refs[done], takers)
            except Stuck:
                self._move(at(self._token, segment, Position(part, item["n"], done)))
                raise
        self._takers.tidy(self.cost)

    def _concerns(self, ref: Ref, slice_: int) -> bool:
        if self._tokens.slices > 1 and pages.segment_of(ref.pk, self._tokens.slices) != slice_:
            return False
        return not self._names.isdisjoint(ref.names)

    def _offer(self, ref: Ref, takers: Sequence[Taker]) -> None:
        item = self.store.get("events", ref.pk, ref.number, self.cost)
        if item is None:
            return  # erased since
        commit = Commit(item, self._decoder)
        self.seen += 1
        for taker in takers:
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
        found = control.read(self.store, self.cost)
        if not found.has(token.generation):
            return beginning(found)  # it was removed while nobody read it; marks drop what is read again
        if not all(position.done == SEALED for position in token.positions.values()):
            if part == pages.live(token.generation) and token.generation not in found.writes:
                for segment in token.positions:  # whoever unlisted it died before it set the seal
                    seal(self.store, part, segment, self.cost)
                return token
            return None
        if part == pages.base(token.generation):
            return Token(token.generation, _start(pages.live(token.generation), len(token.positions)))
        onward = min(generation for generation, _ in found.segments if generation > token.generation)
        return Token(onward, _start(pages.live(onward), found.segments_of(onward)))


def _start(part: str, segments: int) -> dict[int, Position]:
    return {segment: Position(part) for segment in range(segments)}
