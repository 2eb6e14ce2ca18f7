"""What handlers read views with: one row by its key, or rows in order, a page at a time."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from ..errors import CqrslessError, MalformedMessage, ValidationFailed
from ..messages import Cost, Page
from ..registry import ViewRecord, did_you_mean
from ..store import SORT_KEY_LIMIT, Store
from .freshness import Freshness, Reference
from .rows import Layout, parts_of, read

MOST: Final = 1000
#: Items that one request asks for at most; more than what is missing, once deleted rows were met.
_REQUESTED: Final = 2000
Row: TypeAlias = "dict[str, Any]"
#: Gives the run of a view that is to be read from.
Live = Callable[[str, Cost], int]


class Views:
    """The views of an application, as a query handler or an event handler is given them.

    Reads are strongly consistent: a row holds all that its view has been told. A view is named by what `view(...)`
    returned, or by its name.
    """

    def __init__(
        self,
        views: Mapping[str, ViewRecord],
        store: Store,
        live: Live,
        *,
        freshness: Freshness | None = None,
        after: Iterable[Reference] = (),
    ) -> None:
        self._views = views
        self._store = store
        self._live = live
        self._freshness = freshness
        self._after = tuple(after)
        #: The views that were read.
        self.seen: set[str] = set()
        self.cost = Cost()

    def after(self, *references: Reference) -> Views:
        """Give these views for one query, each of which first waits until it holds some commits."""
        return Views(self._views, self._store, self._live, freshness=self._freshness, after=references)

    def get(self, view: ViewRecord | str, *key: Any) -> Row | None:
        """Give the row with this key, a value for each field of the view's key; `None` where there is none."""
        record = self._find(view)
        values = parts_of(record, key[0] if len(key) == 1 else key, "views.get")
        pk, sk = self._layout(record).key(values)
        return read(self._store.get("views", pk, sk, self.cost))

    def list(
        self,
        view: ViewRecord | str,
        partition: Any,
        limit: int = 50,
        cursor: str | None = None,
        reverse: bool = False,
        *,
        index: str | None = None,
    ) -> Page:
        """Give the rows with a value in the first field of the view's key, or of an index's, in order of the second.

        `cursor` is that of the page before: it goes on behind the last row of that page, in the same list only. A page
        has fewer rows than `limit` (at most 1,000) only where there are no more, and then no cursor.
        """
        record = self._find(view)
        if type(limit) is not int or not 1 <= limit <= MOST:
            text = f"limit is a whole number from 1 to {MOST}, not {limit!r}"
            raise ValidationFailed(text, messages={"limit": [text]})
        if index is not None and index not in record.indexes:
            known = ", ".join(map(repr, record.indexes)) or "none"
            hint = did_you_mean(index, record.indexes)
            raise CqrslessError(f"the view {record.name} has no index {index!r}{hint}; there is {known}")
        layout = self._layout(record)
        pk = layout.partition(partition, index)
        binding = _binding(record.name, index, pk.split("#", 4 if index else 3)[-1], reverse)
        after = None if cursor is None else _open(cursor, binding)
        rows: list[Row] = []
        last = ""
        asked = limit + 1
        while True:
            page = self._store.query("views", pk, self.cost, after=after, descending=reverse, limit=asked)
            for item in page.items:
                row = read(item)
                if row is not None:
                    if len(rows) == limit:
                        return Page(rows, _seal(binding, last))
                    rows.append(row)
                    last = str(item["sk"])
                after = item["sk"]
            if not page.more or not page.items:
                return Page(rows, None)
            asked = min(asked * 2, _REQUESTED)  # deleted rows stood in between

    def _find(self, view: ViewRecord | str) -> ViewRecord:
        name = view if isinstance(view, str) else getattr(view, "name", view)
        record = self._views.get(name) if isinstance(name, str) else None
        if record is None:
            hint = did_you_mean(str(name), self._views)
            known = ", ".join(map(repr, self._views)) or "none"
            raise CqrslessError(f"no view {name!r} is registered{hint}; there is {known}")
        return record

    def _layout(self, record: ViewRecord) -> Layout:
        if record.name not in self.seen:
            self.seen.add(record.name)
            if self._freshness is not None:
                for reference in self._after:
                    self._freshness.wait(record, reference, self.cost)
        return Layout(record, self._live(record.name, self.cost))


def _binding(view: str, index: str | None, partition: str, reverse: bool) -> str:
    """Tell one list from every other; a run is no part of it, so a cursor outlives a replay."""
    text = json.dumps([view, index, partition, reverse])
    return base64.urlsafe_b64encode(blake2b(text.encode(), digest_size=9).digest()).decode()


def _seal(binding: str, sk: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([binding, sk]).encode()).decode().rstrip("=")


def _open(cursor: str, binding: str) -> str:
    """Give the sort key that a cursor stands behind; raise `MalformedMessage` for one of another list, or of none."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        bound, sk = json.loads(text)
        if isinstance(sk, str) and 0 < len(sk.encode()) <= SORT_KEY_LIMIT and isinstance(bound, str):
            if bound != binding:
                raise MalformedMessage("this cursor belongs to another list: use it with the query that gave it")
            return sk
    except (ValueError, TypeError, RecursionError):  # not base64, not JSON, not two values, not text
        pass
    raise MalformedMessage("this is no cursor: give the one of the page before, or none to begin")
