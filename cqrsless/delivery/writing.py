"""Writing places and rows: under the condition that they are still as they were read, and remembered once written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..messages import Cost
from ..store import ConditionFailed, Item, Put, Write
from .consuming import Moved
from .places import Key, Places, revision, unchanged


def revised(item: Item, **changes: Any) -> Item:
    """Give a copy of an item to be written, with a revision of its own."""
    return {**item, **changes, "rev": revision()}


def without(item: Item, *names: str) -> Item:
    return {name: value for name, value in item.items() if name not in names}


def replacing(was: Item | None, item: Item) -> Put:
    """Make the write of an item of the views table that is still as it was read; `None` where there was none."""
    return Put("views", item, unchanged(was))


def commit(places: Places, writes: Sequence[Write], cost: Cost) -> None:
    """Write all or nothing, a single item without a transaction; raise `Moved` where somebody else was faster.

    A write that finds itself in its own way was written by an earlier attempt whose answer was lost.
    """
    first = writes[0]
    try:
        if len(writes) == 1 and isinstance(first, Put):
            places.store.put("views", first.item, cost, condition=first.condition)
        else:
            places.store.write(writes, cost)
    except ConditionFailed as failed:
        if not _is_own(writes[failed.index], failed.item):
            places.forget(*map(_key, writes))
            raise Moved from None
    except BaseException:  # it may have been written or not
        places.forget(*map(_key, writes))
        raise
    for write in writes:
        if not isinstance(write, Put):
            places.forget(_key(write))
        elif "rev" in write.item:  # what has none is never written under a condition, nor read here
            places.saw(_key(write), write.item)


def _key(write: Write) -> Key:
    if isinstance(write, Put):
        return write.item["pk"], write.item["sk"]
    return write.pk, str(write.sk)


def _is_own(write: Write, found: Item | None) -> bool:
    if found is None or not isinstance(write, Put):
        return False
    return "rev" in write.item and found.get("rev") == write.item["rev"]
