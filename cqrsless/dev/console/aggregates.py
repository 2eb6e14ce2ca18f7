"""Aggregates: which there are, what happened to one, and what it was at each of its versions."""

from __future__ import annotations

from typing import Any, Final

from ...aggregates.reading import load
from ...errors import CqrslessError, NotFound
from ...keys import aggregate_key
from ...messages import Cost
from ...sources.documents import shown
from ...store import Item
from ..project import Project
from .asking import Ask, told
from .sweeping import swept
from .timeline import commit_of

__all__ = ["commits", "listed", "state"]

#: Behind every commit number there is.
_LAST: Final = 2**62


def listed(ask: Ask) -> dict[str, Any]:
    """Give aggregates of a type in the order of their ids, from a beginning of an id or behind one.

    The commits of each are skipped and not read, so that an aggregate of a million commits takes no longer.
    """
    project, kind, limit = ask.project, ask.text("type"), ask.limit()
    store, prefix = project.app.store, aggregate_key(ask.text("type"), ask.maybe("prefix") or "")
    cursor = ask.maybe("after")
    if not project.embedded:
        return _swept(project, prefix, cursor, limit)
    found: list[dict[str, Any]] = []
    after = (aggregate_key(kind, cursor), _LAST) if cursor else None
    if not cursor:
        first = store.query("events", prefix, Cost(), limit=1).items if prefix != f"{kind}#" else []
        after = (prefix, 0) if first else (prefix, _LAST)
    while len(found) < limit:
        page = store.scan("events", Cost(), after=after, limit=1).items
        if not page or not page[0]["pk"].startswith(prefix):
            return {"aggregates": found, "after": None}
        pk = page[0]["pk"]
        tip = store.query("events", pk, Cost(), descending=True, limit=1).items[0]
        found.append(_standing(project, tip))
        after = (pk, _LAST)
    return {"aggregates": found, "after": found[-1]["id"]}


def _swept(project: Project, prefix: str, cursor: str | None, limit: int) -> dict[str, Any]:
    """Give the same of a table on DynamoDB, whose aggregates are in no order."""
    read = swept(project.app.store, "events", prefix)
    tips: dict[str, Item] = {}
    for item in sorted(read.items, key=lambda item: (item["pk"], item["c"])):
        tips[item["pk"]] = item
    behind = [item for pk, item in tips.items() if cursor is None or pk.partition("#")[2] > cursor]
    found = [_standing(project, item) for item in behind[:limit]]
    return {"aggregates": found, "after": found[-1]["id"] if len(behind) > limit else None, "why": read.why}


def _standing(project: Project, tip: Item) -> dict[str, Any]:
    last = commit_of(project, tip)
    return {key: last[key] for key in ("id", "version", "time", "gone", "command")}


def commits(ask: Ask) -> dict[str, Any]:
    """Give a page of one aggregate's commits, newest first, before a version."""
    project, pk = ask.project, aggregate_key(ask.text("type"), ask.text("id"))
    before = ask.number("before")
    last = None if before is None else before - 1
    limit = ask.limit()
    tip = project.app.store.query("events", pk, Cost(), descending=True, limit=1).items
    if not tip:
        raise NotFound(f"there is no {ask.text('type')} {shown(ask.text('id'))}: nothing was committed under that id")
    page = project.app.store.query("events", pk, Cost(), last=last, descending=True, limit=limit).items
    found = [commit_of(project, item) for item in page]
    return {"commits": found, "version": tip[0]["c"], "before": found[-1]["version"] if _goes_on(found) else None}


def state(ask: Ask) -> dict[str, Any]:
    """Give an aggregate's state as of a version and as of the one before, with the commit between the two."""
    project, kind, id = ask.project, ask.text("type"), ask.text("id")
    pk = aggregate_key(kind, id)
    tip = project.app.store.query("events", pk, Cost(), descending=True, limit=1).items
    if not tip:
        raise NotFound(f"there is no {kind} {shown(id)}: nothing was committed under that id")
    newest = tip[0]["c"]
    version = min(ask.number("version", newest) or newest, newest)
    item = project.app.store.get("events", pk, version, Cost())
    if item is None:
        raise NotFound(f"{kind} {shown(id)} has no version {version}")
    return {
        "version": version,
        "newest": newest,
        "commit": commit_of(project, item, whole=True),
        "after": _state(ask, kind, pk, version),
        "before": _state(ask, kind, pk, version - 1) if version > 1 else {"exists": False},
    }


def _state(ask: Ask, kind: str, pk: str, version: int) -> dict[str, Any]:
    kinds = ask.project.app.compiled.dispatcher.kinds
    if kind not in kinds:
        return {"exists": False, "error": f"no aggregate {kind!r} is registered in the code as it is now"}
    cost = Cost()
    try:
        loaded = load(ask.project.app.store, kinds[kind], pk, cost, version)
        if not loaded.exists:
            return {"exists": False, "gone": loaded.gone}
        return {"exists": True, "state": told(loaded.private(kinds[kind])), "reads": cost.read_units}
    except CqrslessError as error:  # the code as it is now does not fold what is stored
        return {"exists": False, "error": f"{type(error).__name__}: {error}"}
    except Exception as error:  # an evolver or upcaster of the user's own
        return {"exists": False, "error": f"folding it raised {type(error).__name__}: {error}"}


def _goes_on(found: list[dict[str, Any]]) -> bool:
    return bool(found) and found[-1]["version"] > 1
