"""Which events the log and the views were made of: an item in each of them says so, and a mixture is refused.

A table that is restored from a backup is a new table, with a `TableId` of its own. Its log and views of before may be
ahead of it, and marks that are ahead would swallow commits; so a restored events table goes under a new prefix, where
log and views are made anew. The note is an item because a log and views that are restored themselves keep it.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from ..errors import CqrslessError, StoreUnavailable
from ..messages import Cost
from ..store import KEYS, ConditionFailed, Item, SortKey, Store, Table
from .dynamodb_calls import Calls, Refused

__all__ = ["Origins"]

log = logging.getLogger("cqrsless")
_NOTES: Final[dict[Table, tuple[str, SortKey]]] = {"log": ("events", 0), "views": ("e#", "-")}
_DENIED: Final = "AccessDeniedException"


class Origins:
    """What the derived tables of one prefix were made of, looked at once in a process."""

    def __init__(self, calls: Calls, prefix: str, store: Store) -> None:
        self._calls = calls
        self._prefix = prefix
        self._store = store
        self._events: str | None = None
        self._checked: set[Table] = set()

    def check(self, table: Table) -> None:
        """Refuse a table of other events than today's; note these in one that says nothing yet.

        Where that cannot be told, the table is used, and the log says why.
        """
        if table in self._checked or table not in _NOTES:
            return
        try:
            self.mark(table)
        except (Refused, StoreUnavailable) as error:
            log.error(
                "whether %s-%s was made of today's %s-events cannot be told: %s. Allow this function "
                "dynamodb:DescribeTable on %s-events",
                self._prefix, table, self._prefix, error, self._prefix,
            )  # fmt: skip
        self._checked.add(table)

    def mark(self, table: Table) -> None:
        """Note in a table which events it is made of; raise `CqrslessError` where it is of others."""
        events = self._today()
        if events is None:
            return  # an engine whose tables have no ids has no backups either
        pk, sk = _NOTES[table]
        item = self._store.get(table, pk, sk, Cost())
        if item is None:
            note: Item = {KEYS[table][0]: pk, KEYS[table][1]: sk, "of": events}
            try:
                self._store.put(table, note, Cost(), condition="absent")
                return
            except ConditionFailed as failed:  # another function has just done so
                item = failed.item
        if item is not None and item["of"] != events:
            raise CqrslessError(self._mixture(table))

    def problems(self) -> dict[str, str]:
        """Say of each derived table, by its name, that it was made of other events; change nothing."""
        events = self._today()
        found: dict[str, str] = {}
        for table, note in _NOTES.items():
            item = self._store.get(table, *note, Cost())
            if item is not None and item["of"] != events:
                found[f"{self._prefix}-{table}"] = self._mixture(table)
        return found

    def _today(self) -> str | None:
        if self._events is None:
            params = {"TableName": f"{self._prefix}-events"}
            described: Any = self._calls.call("DescribeTable", params, Cost(), expecting=(_DENIED,))
            self._events = described["Table"].get("TableId")
        return self._events

    def _mixture(self, table: Table) -> str:
        return (
            f"the table {self._prefix}-{table} was made of another table than today's {self._prefix}-events: was that "
            "restored from a backup? Restore it under a new prefix, call create_tables there, then rebuild the log and "
            "replay the views; a mixture would lose events"
        )
