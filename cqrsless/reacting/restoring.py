"""An events table that came out of a backup: its log and views made anew, and nothing of it having effects again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds
from ..delivery.replaying import Progress
from ..errors import CqrslessError
from ..log.rebuild import Rebuild
from ..messages import Cost
from ..store import Delete, Store
from .reactions import Reactions

__all__ = ["UNDER_WAY", "restore"]

#: Kinds of items that say nothing of applied commits: control items, what events these are, and notes such as how far
#: `app.drain()` is.
_NOTES: Final = frozenset("cem")
_LOOKED_AT: Final = 200
#: The key of what says that a restore has begun, and has not ended.
UNDER_WAY: Final = ("m#restore", "-")


def restore(reactions: Reactions, now: Callable[[], datetime], progress: Progress | None = None) -> None:
    """Let every processor and the publishers start from now; then rebuild the log, and build each view.

    One that was killed is begun again: the views that it has built by then are its own.
    """
    store, at = reactions.store, microseconds(now())
    if store.get("views", *UNDER_WAY, Cost()) is None:
        _refuse_others(store)
        store.put("views", {"pk": UNDER_WAY[0], "sk": UNDER_WAY[1]}, Cost())
    for member in reactions.members.values():
        if not member.switches:
            reactions.runs.update(member.name, lambda found: replace(found, muted=max(found.muted, at)), Cost())
    Rebuild(store, now).run(progress)
    for member in reactions.members.values():
        if member.switches:
            reactions.replays.to_end(member.name, progress)
    store.write([Delete("views", *UNDER_WAY)], Cost())


def _refuse_others(store: Store) -> None:
    """Refuse a views table that somebody has worked with: its marks may be ahead of the events."""
    looked_at, after = 0, None
    while looked_at < _LOOKED_AT:
        page = store.scan("views", Cost(), after=after, limit=_LOOKED_AT)
        for item in page.items:
            if item["pk"].partition("#")[0] not in _NOTES:
                raise CqrslessError(
                    f"the views of {store.url} are in use ({item['pk']}), and app.restore() is for an events table "
                    "that was just restored, under a new prefix, with a new log and new views; to build one view anew, "
                    "replay it"
                )
            after = item["pk"], item["sk"]
        if not page.more or not page.items:
            return
        looked_at += len(page.items)
