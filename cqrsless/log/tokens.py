"""A tracking processor's places in the log, and who may move them.

Each slice of a processor has one item: its position in every part of the log that it is reading, and a claim with an
epoch and an expiry. A worker writes its token only under its own epoch and revision, and a position only moves on, so
one that was paused past its claim changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds
from ..delivery.places import revision
from ..messages import Cost
from ..store import Condition, ConditionFailed, Equals, Item, Store

#: Microseconds that a claim lasts without being renewed: past Lambda's longest invocation a worker is surely gone.
CLAIM: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class Position:
    """A place in one segment: the page that is being read and how many of its references are done."""

    part: str
    page: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """Where a slice stands: a generation, and a position for each of its segments."""

    generation: int
    positions: Mapping[int, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A slice that a worker holds."""

    key: tuple[str, str]
    token: Token
    epoch: int
    rev: str


class Lost(Exception):
    """The claim is somebody else's by now: stop, and change nothing more."""


def partition(processor: str, run: int) -> str:
    return f"t#{run}#{processor}"


class Tokens:
    """The tokens of one processor's run, cut into `slices`."""

    def __init__(self, store: Store, processor: str, run: int, slices: int, now: Callable[[], datetime]) -> None:
        self.store = store
        self.slices = slices
        self._pk = partition(processor, run)
        self._now = now

    def claim(self, at: int, begin: Callable[[], Token], cost: Cost) -> Claim | None:
        """Take a slice that nobody holds; `None` while another worker does.

        A slice without a token starts where the slices of an earlier count left off, at the earliest of them, or
        where `begin` says.
        """
        key = (self._pk, f"{self.slices}#{at}")
        item = self.store.get("views", *key, cost)
        now = microseconds(self._now())
        if item is not None and item["until"] > now:
            return None
        token = _token(item) if item is not None else self.first(begin, cost)
        epoch = 1 if item is None else item["epoch"] + 1
        return self._write(key, token, epoch, "absent" if item is None else Equals("rev", item["rev"]), cost)

    def move(self, claim: Claim, token: Token, cost: Cost) -> Claim:
        """Note a later position and renew the claim; raise `Lost` if it is no longer ours."""
        moved = self._write(claim.key, token, claim.epoch, Equals("rev", claim.rev), cost)
        if moved is None:
            raise Lost(f"{claim.key[0]} {claim.key[1]}")
        return moved

    def release(self, claim: Claim, cost: Cost) -> None:
        """Let the next worker have the slice at once."""
        self._write(claim.key, claim.token, claim.epoch, Equals("rev", claim.rev), cost, held=False)

    def first(self, begin: Callable[[], Token], cost: Cost) -> Token:
        """Give where a slice without a token starts."""
        return self._earlier(cost) or begin()

    def read(self, cost: Cost) -> dict[int, Token]:
        """Give the token of every slice that has one."""
        page = self.store.query("views", self._pk, cost, first=f"{self.slices}#", last=f"{self.slices}#~")
        return {int(item["sk"].partition("#")[2]): _token(item) for item in page.items}

    def all(self, cost: Cost) -> list[Token]:
        """Give every token, those of slices of other counts too."""
        return [_token(item) for item in self.store.query("views", self._pk, cost).items]

    def _write(
        self, key: tuple[str, str], token: Token, epoch: int, condition: Condition, cost: Cost, *, held: bool = True
    ) -> Claim | None:
        rev = revision()
        until = microseconds(self._now()) + CLAIM if held else 0
        item = {"pk": key[0], "sk": key[1], "epoch": epoch, "until": until, "rev": rev, "token": _text(token)}
        try:
            self.store.put("views", item, cost, condition=condition)
        except ConditionFailed as failed:
            if failed.item is None or failed.item["rev"] != rev:
                return None
        return Claim(key, token, epoch, rev)

    def _earlier(self, cost: Cost) -> Token | None:
        """Give the earliest position of the slices of another count, where `segments=` was changed."""
        items = self.store.query("views", self._pk, cost).items
        tokens = [_token(item) for item in items if not item["sk"].startswith(f"{self.slices}#")]
        if not tokens:
            return None
        generation = min(token.generation for token in tokens)
        oldest = [token for token in tokens if token.generation == generation]
        positions: dict[int, Position] = {}
        for segment in {segment for token in oldest for segment in token.positions}:
            found = [token.positions[segment] for token in oldest if segment in token.positions]
            in_base = [position for position in found if position.part.endswith(".base")]
            positions[segment] = min(in_base or found, key=lambda position: (position.page, position.done))
        return Token(generation, positions)


def _text(token: Token) -> str:
    positions = {str(segment): [p.part, p.page, p.done] for segment, p in token.positions.items()}
    return json.dumps({"generation": token.generation, "positions": positions}, separators=(",", ":"))


def _token(item: Item) -> Token:
    body = json.loads(item["token"])
    return Token(body["generation"], {int(segment): Position(*place) for segment, place in body["positions"].items()})


def at(token: Token, segment: int, position: Position) -> Token:
    """Give a token that stands elsewhere in one segment."""
    return replace(token, positions={**token.positions, segment: position})
