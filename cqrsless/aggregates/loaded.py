"""An aggregate as of one of its commits, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .. import codec
from ..registry import DELETED
from ..store import Item, SizedItem, item_size, sized, total_size
from .commits import advance_last, read_head
from .kind import Kind

#: Bytes that the objects around a state take, about, and how much more a state takes than its text (CPython 3.11).
_WEIGHT: Final = 1500
_STATE_WEIGHT: Final = 4


#: What stands before an aggregate's first commit.
_BEFORE_ALL: Final = sized({"c": 0, "seq": 0, "time": 0, "recent": b""}, 0)


class Loaded:
    """An aggregate's newest commit and the state after it, with what the next commit needs besides.

    Never changed once made. The state is kept as an object where that can be shared or copied, else as its text, and
    every `private()` makes a copy of it: a handler that mutates its state can spoil neither the cache nor a retry.
    """

    __slots__ = ("exists", "gap", "gone", "last", "number", "state", "tail", "text", "tip", "weight")

    def __init__(
        self, tip: SizedItem, last: Mapping[str, int], gap: int, tail: int, gone: bool, state: Any, text: str | None
    ) -> None:
        self.tip = tip
        self.number: int = tip["c"]
        self.exists = not gone and self.number > 0 and "void" not in tip
        #: For each event name, the newest commit with it.
        self.last = last
        #: Commits since the newest usable snapshot, and their bytes.
        self.gap = gap
        self.tail = tail
        self.gone = gone
        #: The state itself where it can be kept: shared with nobody who might change it (see `private`).
        self.state = state
        #: The state as stored; `None` where there is none.
        self.text = text
        length = 0 if text is None else len(text)
        #: About how many bytes this takes in memory.
        self.weight: int = _WEIGHT + tip.size + (length if state is None else length * _STATE_WEIGHT)

    def private(self, kind: Kind) -> Any:
        """Give a copy of the state that its taker may change in place."""
        if kind.shared:
            return self.state
        if kind.copied is not None:
            return kind.copied(self.state)
        return None if self.text is None else kind.read(self.text)

    def absence(self, what: str) -> str:
        """Say why there is no state."""
        if self.gone:
            return f"{what} was deleted"
        kept = f": its history, up to version {self.number}, is refusals by on_rejected=, which create nothing"
        return f"there is no {what}{kept if self.number else ''}"


def nothing(kind: Kind) -> Loaded:
    """Give what is known of an aggregate that has no commit."""
    return made(kind, kind.codec.initial() if kind.event_sourced else None, _BEFORE_ALL, {}, 0, 0)


def made(kind: Kind, state: Any, tip: SizedItem, last: Mapping[str, int], gap: int, tail: int) -> Loaded:
    """Make a `Loaded` around a state that nobody else holds."""
    if state is None or state is DELETED:
        return Loaded(tip, last, gap, tail, state is DELETED, None, None)
    # What a container keeps is what a cold one would read, even where a handler stretched its type hints.
    text, read = kind.codec.encode(state)
    return Loaded(tip, last, gap, tail, False, read if kind.keeps else None, text)


def fold(kind: Kind, start: Loaded | None, items: Iterable[Item]) -> Loaded:
    """Bring a `Loaded` forward over later commits, in order; snapshots that this code reads are taken as they are.

    Without one, the commits are read from the first on, or from one that bears the state.
    """
    found = list(items)
    # A snapshot further on would only save work, and whoever reads backwards has ended at the newest one.
    base = len(found) - 1 if not kind.event_sourced else 0 if found and kind.usable(found[0]) else -1
    gap = tail = 0
    if base < 0:
        start = start or nothing(kind)
        if not found:
            return start
        state, gap, tail = DELETED if start.gone else start.private(kind), start.gap, start.tail
    else:
        state = DELETED if "gone" in found[base] else kind.state_in(found[base])
    newest, rest = found[-1], found[base + 1 :]
    last = advance_last(read_head(newest).get("last", {}), newest.get("names", ()), newest["c"])
    tip = newest if type(newest) is SizedItem else sized(newest, item_size(newest))
    if not rest and kind.event_sourced and state is not DELETED and kind.is_current(newest):
        return Loaded(tip, last, 0, 0, False, state if kind.keeps else None, codec.inflate(newest["state"]))
    if rest:
        state = kind.fold(state, rest)
    return made(kind, state, tip, last, gap + len(rest), tail + total_size(rest))
