"""Telling whether a view is folded by the same code: other code begins a run of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from ..registry import EventModel, ProjectorRecord, ViewRecord
from .reach import Reach


def fingerprint(view: ViewRecord, projectors: Iterable[ProjectorRecord], events: Mapping[str, EventModel]) -> str:
    """Give text that changes with a view's key and indexes, and with the code of its projectors and key functions.

    That is what these reach in their own package (`projections.reach`), and what brings their events up to date:
    versions, upcasters and schemas. The code is that of Python's own machine, so the text begins with the version of
    Python that tells it.
    """
    told: list[str] = []
    for one in projectors:
        if one.view == view.name:
            # Sorted: in which order an application's modules are imported is no part of its code.
            decoded = sorted(repr(_event(events[name])) for name in one.names if name in events)
            told.append(repr((one.names, _told(one.fn), _told(one.key), _told(one.keys), decoded)))
    parts = [view.key, sorted(view.indexes.items()), sorted(told)]
    return f"{sys.implementation.cache_tag}:{blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"


def _event(event: EventModel) -> object:
    """Tell what an event's payload goes through before a projector sees it."""
    upcasters = [(version, _told(fn)) for version, fn in sorted(event.upcasters.items())]
    schema = event.schema
    kind: Any = schema if schema is None or isinstance(schema, type) else type(schema)
    return event.name, event.version, upcasters, None if kind is None else Reach(_package(kind)).kind(kind)


def _told(fn: Any) -> object:
    return None if fn is None else Reach(_package(fn)).function(fn)


def _package(fn: Any) -> str:
    fn = getattr(fn, "func", fn)
    return str(getattr(fn, "__module__", None) or type(fn).__module__).partition(".")[0]
