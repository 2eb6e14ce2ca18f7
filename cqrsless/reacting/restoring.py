"""An events table that came out of a backup: its log and views made anew, and nothing of it having effects again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from ..aggregates.commits import microseconds
from ..delivery.replaying import Progress
from ..errors import CqrslessError
from ..log.rebuild import Rebuild
from ..messages import Cost
from ..store import Store
from .reactions import Reactions

__all__ = ["restore"]

#: Kinds of items that say nothing of commits that were applied: control items, and how far `app.drain()` is.
_NOTES: Final = frozenset("cm")
_LOOKED_AT: Final = 200


def restore(reactions: Reactions, now: datetime, progress: Progress | None = None) -> None:
    """Let every processor and the publishers start from now; then rebuild the log, and build each view."""
    _refuse_others(reactions.store)
    at = microseconds(now)
    for member in reactions.members.values():
        if not member.switches:
            reactions.runs.update(member.name, lambda found: replace(found, muted=at), Cost())
    Rebuild(reactions.store, lambda: now).run(progress)
    for member in reactions.members.values():
        if member.switches:
            reactions.replays.to_end(member.name, progress)


def _refuse_others(store: Store) -> None:
    """Refuse a views table that somebody has worked with: its marks may be ahead of the events."""
    for item in store.scan("views", Cost(), limit=_LOOKED_AT).items:
        if item["pk"].partition("#")[0] not in _NOTES:
            raise CqrslessError(
                f"the views of {store.url} are in use ({item['pk']}), and app.restore() is for an events table that "
                "was just restored, under a new prefix, with a new log and new views; to build one view anew, replay it"
            )
