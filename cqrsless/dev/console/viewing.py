"""Views: their rows, in the order of their keys or of an index, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from ...errors import CqrslessError, UnknownMessage
from ...messages import Cost
from ...projections.rows import Layout, read
from ...registry import ViewRecord
from ..project import Project
from .asking import Ask, told
from .sweeping import swept

__all__ = ["rows"]

#: Items that one request reads at most to fill a page: deleted rows leave items behind.
MOST_READ: Final = 2_000


def rows(ask: Ask) -> dict[str, Any]:
    """Give rows of a view: all of them by key, or those with a value in the first field of its key or of an index."""
    view = _view(ask)
    value = ask.maybe("value")
    if value is None:
        return _all(ask, view)
    index = ask.maybe("index")
    views = ask.project.app.compiled.reactions.views
    failed: CqrslessError | None = None
    for typed in _readings(value):
        try:
            if index is None and len(view.key) == 1:
                row = views.get(view, typed)
                found, cursor = ([] if row is None else [row]), None
            else:
                found, cursor = views.list(view, typed, ask.limit(), ask.maybe("cursor"), index=index)
        except CqrslessError as error:
            failed = error
            continue
        if found:
            return {"rows": [told(row) for row in found], "cursor": cursor}
    if failed is not None:
        raise failed
    return {"rows": [], "cursor": None}


def _all(ask: Ask, view: ViewRecord) -> dict[str, Any]:
    """Read the view's part of the table from a key on. A view is in no other order than that of its keys."""
    project = ask.project
    run = project.app.compiled.reactions.runs.live(view.name, Cost())
    prefix = f"v#{Layout(view, run).run}#{view.name}#"
    cursor = ask.maybe("cursor")
    if not project.embedded:
        return _swept(project, prefix, cursor, ask.limit())
    after: tuple[str, str] = (prefix, "!")
    if cursor is not None:
        pk, sk = json.loads(cursor)
        after = (str(pk), str(sk))
    limit, found, scanned = ask.limit(), list[Any](), 0
    while scanned < MOST_READ:
        page = project.app.store.scan("views", Cost(), after=after, limit=limit)
        for item in page.items:
            if not item["pk"].startswith(prefix):
                return {"rows": found, "cursor": None}
            scanned += 1
            after = (item["pk"], item["sk"])
            row = read(item)
            if row is not None:
                found.append(told(row))
            if len(found) == limit:
                return {"rows": found, "cursor": json.dumps(after)}
        if not page.more:
            return {"rows": found, "cursor": None}
    return {"rows": found, "cursor": json.dumps(after)}


def _swept(project: Project, prefix: str, cursor: str | None, limit: int) -> dict[str, Any]:
    """Give the same of a table on DynamoDB, which is in no order."""
    found = swept(project.app.store, "views", prefix)
    pk, sk = json.loads(cursor) if cursor is not None else ("", "")
    behind = [
        (item, row)
        for item in sorted(found.items, key=lambda item: (item["pk"], item["sk"]))
        if (item["pk"], item["sk"]) > (str(pk), str(sk)) and (row := read(item)) is not None
    ]
    last = behind[limit - 1][0] if len(behind) > limit else None
    return {
        "rows": [told(row) for _, row in behind[:limit]],
        "cursor": None if last is None else json.dumps((last["pk"], last["sk"])),
        "why": found.why,
    }


def _view(ask: Ask) -> ViewRecord:
    name = ask.text("view")
    found = ask.project.app.model.views.get(name)
    if found is None:
        raise UnknownMessage(f"no view is called {name[:100]!r}")
    return found


def _readings(text: str) -> Iterator[Any]:
    """Read what a person typed as each kind of value that it may stand for, a text first.

    >>> list(_readings("2026-03-01"))
    ['2026-03-01', datetime.date(2026, 3, 1), datetime.datetime(2026, 3, 1, 0, 0)]
    """
    yield text
    try:
        value = json.loads(text)
        if isinstance(value, (int, float, bool)):
            yield value
    except ValueError:
        pass
    for kind in (date, datetime):
        try:
            yield kind.fromisoformat(text)
        except ValueError:
            continue
