"""What was published: on this machine public events are kept, and go nowhere."""

from __future__ import annotations

from itertools import islice
from typing import Any

from .asking import Ask, told

__all__ = ["published"]


def published(ask: Ask) -> dict[str, Any]:
    """Give the last public events, newest first."""
    entries = list(ask.project.published)
    before = ask.number("before", len(entries)) or len(entries)
    limit = ask.limit()
    chosen = list(islice(reversed(entries[:before]), limit))
    return {
        "published": [told(entry) for entry in chosen],
        "count": len(entries),
        "before": before - limit if before > limit else None,
        "embedded": ask.project.embedded,
    }
