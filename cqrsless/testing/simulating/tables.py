"""What tells a mixture of tables: the id of an events table, and what the log and the views say they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...stores.dynamodb_identity import Origins
from ...stores.memory import MemoryStore

__all__ = ["Tables"]

_PREFIX: Final = "simulated"


class Tables:
    """The tables under one prefix, as DynamoDB describes them. Notes on them are kept apart from what they hold."""

    def __init__(self) -> None:
        self._events = 1
        self._notes = MemoryStore()

    def origins(self) -> Origins:
        """Give what looks at them, in one process."""
        calls: Any = self
        return Origins(calls, _PREFIX, self._notes)

    def restore_events(self) -> None:
        """Put an events table out of a backup in the place of the one that log and views were made of."""
        origins = self.origins()
        origins.mark("log")
        origins.mark("views")
        self._events += 1

    def start_anew(self) -> None:
        """Take another prefix, under which there are no other tables."""
        self._notes = MemoryStore()

    def call(self, operation: str, params: Mapping[str, Any], cost: Any, **options: Any) -> Mapping[str, Any]:
        """Answer as DynamoDB does."""
        assert operation == "DescribeTable"
        return {"Table": {"TableId": f"table-{self._events}"}}
