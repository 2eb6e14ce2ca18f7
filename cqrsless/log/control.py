"""Which generations of the log are written, and which is read: one item, changed under a condition.

`writes` lists the generations that indexers append to; they read it strongly before each write. `reads` is the one
that tokens start in. While a rebuild runs, `fills` is the generation whose base it fills, and `cursor` how far it got.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

from ..messages import Cost
from ..store import Condition, ConditionFailed, Equals, Item, SortKey, Store

_PK: Final = "control"
#: Segments of a new generation: each is a partition of its own, so this bounds the log's writes a second.
SEGMENTS: Final = 1


@dataclass(frozen=True, slots=True)
class Control:
    """The log's generations as of one revision (0: nothing is written down yet)."""

    writes: tuple[int, ...] = (1,)
    reads: int = 1
    segments: tuple[tuple[int, int], ...] = ((1, SEGMENTS),)
    fills: int | None = None
    cursor: tuple[str, SortKey] | None = None
    filled: int = 0
    epoch: int = 0
    until: int = 0
    #: When (microseconds) a mapping that had fallen behind asked for a rebuild; 0: none is asked for.
    asked: int = 0
    #: When (microseconds) the last rebuild ended.
    rebuilt: int = 0
    #: A generation, and its segments, that is there no more and whose pages are being removed.
    removing: tuple[int, int] | None = None
    rev: int = 0

    def has(self, generation: int) -> bool:
        """Say whether a generation is there; those from before a rebuild are removed, the oldest first."""
        return any(generation == one for one, _ in self.segments)

    def segments_of(self, generation: int) -> int:
        return dict(self.segments)[generation]


def read(store: Store, cost: Cost) -> Control:
    """Read the control item strongly."""
    item = store.get("log", _PK, 0, cost)
    return Control() if item is None else _control(item)


def write(store: Store, before: Control, after: Control, cost: Cost) -> Control | None:
    """Change the control item if it is as it was read; `None` if somebody else changed it."""
    changed = replace(after, rev=before.rev + 1)
    condition: Condition = "absent" if before.rev == 0 else Equals("rev", before.rev)
    try:
        store.put("log", _item(changed), cost, condition=condition)
    except ConditionFailed as failed:
        if failed.item is not None and _control(failed.item) == changed:
            return changed  # our own, whose answer was lost
        return None
    return changed


def _item(control: Control) -> Item:
    body = {
        "writes": control.writes,
        "reads": control.reads,
        "segments": control.segments,
        "fills": control.fills,
        "cursor": control.cursor,
        "filled": control.filled,
        "epoch": control.epoch,
        "until": control.until,
        "asked": control.asked,
        "rebuilt": control.rebuilt,
        "removing": control.removing,
    }
    return {"pk": _PK, "n": 0, "rev": control.rev, "body": json.dumps(body, separators=(",", ":"))}


def _control(item: Item) -> Control:
    body = json.loads(item["body"])
    return Control(
        writes=tuple(body["writes"]),
        reads=body["reads"],
        segments=tuple((generation, count) for generation, count in body["segments"]),
        fills=body["fills"],
        cursor=None if body["cursor"] is None else (body["cursor"][0], body["cursor"][1]),
        filled=body["filled"],
        epoch=body["epoch"],
        until=body["until"],
        asked=body.get("asked", 0),
        rebuilt=body.get("rebuilt", 0),
        removing=None if body.get("removing") is None else (body["removing"][0], body["removing"][1]),
        rev=item["rev"],
    )
