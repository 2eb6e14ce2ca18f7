"""The timeline: commits in the order in which they were written, newest first, a page at a time.

A page is read backwards from a position of the change feed, and the newest position is found by halving, so that
nothing here takes longer for a longer history. A search reads a bounded stretch, and says where it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from ...aggregates.commits import moment, stored_events
from ...aggregates.recording import sent
from ...codec import inflate
from ...delivery.commit import Commit, Decoder
from ...describing.standings import tail
from ...errors import CqrslessError, NotFound
from ...messages import Cost
from ...store import Change, Item, Table, item_size, write_units
from ..project import Project
from .asking import Ask, told
from .sweeping import Recounted, swept

__all__ = ["commit_of", "event", "events"]

#: Commits that one request searches at most.
SEARCHED: Final = 4_000
#: Characters of a payload that stand in a line.
PREVIEW: Final = 240


class Feed(Protocol):
    """Commits by their positions."""

    def changes(self, table: Table, after: int, limit: int) -> list[Change]: ...


def events(ask: Ask) -> dict[str, Any]:
    """Give a page of commits before a position, or of those behind one (oldest first)."""
    project, limit = ask.project, ask.limit()
    feed, newest, why = _feed(project)
    wanted = _wanted(ask)
    after = ask.number("after")
    if after is not None:
        found = [change for change in feed.changes("events", after, limit) if wanted(change)]
        last = found[-1].position if found else newest
        return {"commits": [_line(project, change) for change in found], "tail": newest, "at": last, "why": why}
    before = ask.number("before", newest + 1) or newest + 1
    page: list[Change] = []
    scanned, at = 0, before
    for change in backwards(feed, before):
        scanned, at = scanned + 1, change.position
        if wanted(change):
            page.append(change)
        if len(page) == limit or scanned >= SEARCHED:
            break
    more = at > 1 and bool(scanned) and (len(page) == limit or scanned >= SEARCHED)
    return {
        "commits": [_line(project, change) for change in page],
        "tail": newest,
        "before": at if more else None,
        "searched": scanned,
        "why": why,
    }


def _feed(project: Project) -> tuple[Feed, int, str | None]:
    """Give commits in their order, the newest position, and what is missing of them, if anything is."""
    store = project.app.store
    if project.embedded:
        return store, tail(store, "events"), None
    found = swept(store, "events")
    recounted = Recounted(found.items)
    return recounted, recounted.tail, found.why


def event(ask: Ask) -> dict[str, Any]:
    """Give one commit with its whole payloads."""
    aggregate, id, version = ask.text("type"), ask.text("id"), ask.number("version", 1) or 1
    item = ask.project.app.store.get("events", f"{aggregate}#{id}", version, Cost())
    if item is None:
        raise NotFound(f"{aggregate} {id} has no version {version}")
    return commit_of(ask.project, item, whole=True)


def commit_of(project: Project, item: Item, *, whole: bool = False) -> dict[str, Any]:
    """Give a commit as a page shows it; its payloads in one line each, or whole."""
    decoder = project.app.compiled.reactions.decoder
    commit = Commit(item, decoder)
    head = commit.head
    size = item_size(item)
    kept = sent(item) if whole else None
    return {
        "type": commit.aggregate,
        "id": commit.aggregate_id,
        "version": commit.number,
        "time": moment(item["time"]).isoformat(),
        "command": {"name": head["name"], "id": head["id"], "source": head["source"]},
        "actor": head.get("actor"),
        "correlation": head.get("cor", head["id"]),
        "causation": head.get("cau"),
        "size": size,
        "units": write_units(size),
        "snapshot": "state" in item,
        "gone": bool(item.get("gone")),
        "events": list(_events(commit, decoder, whole=whole)),
        "sent": None if kept is None else {"payload": told(kept.payload)},
    }


def backwards(feed: Feed, before: int) -> Iterator[Change]:
    """Give commits in falling order from below a position on."""
    high, window = before - 1, 64
    while high > 0:
        low = max(0, high - window)
        chunk = [change for change in feed.changes("events", low, high - low) if change.position <= high]
        yield from reversed(chunk)
        high, window = low, min(window * 2, 1_024)


def _wanted(ask: Ask) -> Callable[[Change], bool]:
    """Give what tells the commits that are asked for."""
    name, kind, aggregate = ask.maybe("name"), ask.maybe("type"), ask.maybe("id")
    correlation, text = ask.maybe("correlation"), ask.maybe("text")
    if name is None and kind is None and correlation is None and text is None:
        return lambda change: True
    sought = None if text is None else text.casefold()

    def wanted(change: Change) -> bool:
        item = change.item or {}
        if kind is not None and change.pk.partition("#")[0] != kind:
            return False
        if aggregate is not None and change.pk.partition("#")[2] != aggregate:
            return False
        if name is not None and name not in item.get("names", {}):
            return False
        if correlation is not None:
            head = json.loads(item["head"])
            if correlation not in (head.get("cor", head["id"]), head["id"]):
                return False
        return sought is None or sought in change.pk.casefold() or _holds(item, sought)

    return wanted


def _holds(item: Item, sought: str) -> bool:
    if sought in item["head"].casefold():
        return True
    body = item.get("events")
    return body is not None and sought in inflate(body).casefold()  # as it is stored, which is JSON


def _line(project: Project, change: Change) -> dict[str, Any]:
    assert change.item is not None, "an embedded store's feed tells of what stands in a table now"
    return {"position": change.position, **commit_of(project, change.item)}


def _events(commit: Commit, decoder: Decoder, *, whole: bool) -> Iterator[dict[str, Any]]:
    stored = stored_events(commit.item)
    for sequence, one in enumerate(stored, commit.item["seq"] - len(stored) + 1):
        name, payload, note = one[0], one[1], None
        try:
            name, payload = decoder.present(one, commit.pk)
        except CqrslessError as error:  # it is shown as it is stored, and why
            note = f"{type(error).__name__}: {error}"
        except Exception as error:  # an upcaster of the user's own
            note = f"its upcaster raised {type(error).__name__}: {error}"
        shown = told(payload)
        found: dict[str, Any] = {"name": name, "sequence": sequence, "note": note}
        if name != one[0]:
            found["stored"] = one[0]
        if whole:
            found["payload"] = shown
        else:
            text = json.dumps(shown, ensure_ascii=False)
            found["preview"] = text if len(text) <= PREVIEW else text[:PREVIEW] + "…"
        yield found
