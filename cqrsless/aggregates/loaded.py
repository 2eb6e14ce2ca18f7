"""An aggregate as of one of its commits, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..registry import DELETED
from ..store import Item, item_size
from .commits import advance_last, read_head
from .kind import Kind

#: Bytes that the objects around a state take, about, and how much more a state takes than its text (CPython 3.11).
_WEIGHT: Final = 1500
_STATE_WEIGHT: Final = 4


class Loaded:
    """An aggregate's state and what the next commit needs of the last one.

    Never changed once made. The state is kept as an object where that can be shared or copied, else as its text, and
    every `private()` makes a copy of it: a handler that mutates its state can spoil neither the cache nor a retry.
    """

    __slots__ = (
        "_state", "gap", "gone", "last", "number", "recent", "seq", "size", "tail", "text", "time", "tip", "void",
    )  # fmt: skip

    def __init__(
        self, *, number: int, seq: int, time: int, recent: bytes, last: Mapping[str, int], gone: bool, void: bool,
        gap: int, tail: int, tip: Item | None, size: int = 0, state: Any = None, text: str | None = None,
    ) -> None:  # fmt: skip
        self.number = number
        self.seq = seq
        self.time = time
        self.recent = recent
        self.last = last
        self.gone = gone
        self.void = void
        #: Commits since the newest usable snapshot, and their bytes.
        self.gap = gap
        self.tail = tail
        #: The newest commit itself, and its bytes.
        self.tip = tip
        self.size = size
        #: The state as stored; `None` where there is none.
        self.text = text
        self._state = state

    @property
    def exists(self) -> bool:
        return self.number > 0 and not self.gone and not self.void

    @property
    def weight(self) -> int:
        """Say about how many bytes this takes in memory."""
        text = len(self.text or "")
        return _WEIGHT + self.size + (text if self._state is None else text * _STATE_WEIGHT)

    def private(self, kind: Kind) -> Any:
        """Give a copy of the state that its taker may change in place."""
        if kind.copied is not None:
            return kind.copied(self._state)
        return None if self.text is None else kind.read(self.text)


def nothing(kind: Kind) -> Loaded:
    """Give what is known of an aggregate that has no commit."""
    state = kind.codec.initial() if kind.event_sourced else None
    return made(kind, state, number=0, seq=0, time=0, recent=b"", last={}, void=False, gap=0, tail=0, tip=None)


def made(kind: Kind, state: Any, **known: Any) -> Loaded:
    """Make a `Loaded` around a state that nobody else holds."""
    gone = state is DELETED
    if gone:
        state = None
    if state is None:
        return Loaded(gone=gone, **known)
    # What a container keeps is what a cold one would read, even where a handler stretched its type hints.
    text, read = kind.codec.encode(state)
    return Loaded(gone=gone, text=text, state=None if kind.copied is None else read, **known)


def fold(kind: Kind, start: Loaded, items: Iterable[Item]) -> Loaded:
    """Bring a `Loaded` forward over later commits, in order; snapshots that this code reads are taken as they are."""
    state: Any = DELETED if start.gone else None
    untouched = True  # the state is still the one of `start`, of which a copy is made only where an event folds
    newest: Item | None = None
    gap, tail = start.gap, start.tail
    for item in items:
        newest = item
        if kind.usable(item):
            state, gap, tail = (DELETED if "gone" in item else kind.state_in(item)), 0, 0
            untouched = False
            continue
        gap, tail = gap + 1, tail + item_size(item)
        if state is DELETED:
            continue  # a refusal that was recorded since: it changes nothing
        if untouched and not start.gone:
            state, untouched = start.private(kind), False
        state = kind.fold(state, item)
    if newest is None:
        return start
    head = read_head(newest)
    return made(
        kind,
        state,
        number=newest["c"],
        seq=newest["seq"],
        time=newest["time"],
        recent=newest["recent"],
        last=last_after(newest, head.get("last", {})),
        void="void" in newest,
        gap=gap,
        tail=tail,
        tip=newest,
        size=item_size(newest),
    )


def last_after(item: Item, before: Mapping[str, int]) -> Mapping[str, int]:
    """Give, for each event name, the newest commit with it, as the next commit will note it."""
    return advance_last(before, item.get("names", ()), item["c"])
