"""The account of every command: what it asked of the store, how long it took, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from ..logs import current_message
from ..metrics import DONE, Executed, Metrics
from .journal import Journal

__all__ = ["Ledger"]


class Ledger:
    """Metrics that are kept to be looked at, by command; passed on to those that the application has."""

    def __init__(self, journal: Journal, onward: Metrics | None, told: Callable[[], None]) -> None:
        self._journal = journal
        self._onward = onward
        self._told = told
        self._lock = Lock()
        self._pending: list[dict[str, Any]] = []
        self._totals: dict[str, dict[str, Any]] = {}
        for entry in journal:
            self._count(entry)

    def command(self, executed: Executed) -> None:
        """Account for one command."""
        message = current_message.get()
        entry: dict[str, Any] = {
            "time": time.time(),
            "command": executed.command,
            "aggregate": executed.aggregate,
            "id": None if message is None else message.id,
            "source": None if message is None else message.source,
            "ms": round(executed.duration_ms, 3),
            "requests": executed.cost.requests,
            "read": executed.cost.read_units,
            "write": executed.cost.write_units,
            "duplicate": executed.duplicate,
            "conflicts": executed.conflicts,
            "outcome": executed.outcome,
        }
        with self._lock:
            self._pending.append(entry)
            self._count(entry)
        self._told()
        if self._onward is not None:
            self._onward.command(executed)

    def processor(self, name: str, *, applied: int, retried: int, parked: int, lag_ms: float) -> None:
        """Pass on what a processor did: how far it is, and what it parked, is read from the store."""
        if self._onward is not None:
            self._onward.processor(name, applied=applied, retried=retried, parked=parked, lag_ms=lag_ms)

    def flush(self) -> None:
        """Write down what is new."""
        with self._lock:
            pending, self._pending = self._pending, []
        self._journal.add(pending)

    def totals(self) -> list[dict[str, Any]]:
        """Give what the commands cost so far, by name; requests, units and time are those of what was done."""
        with self._lock:
            return [dict(total) for _, total in sorted(self._totals.items())]

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """Give the last commands, newest first."""
        with self._lock:
            pending = list(self._pending)
        return [*reversed(pending), *reversed(list(self._journal))][:limit]

    def _count(self, entry: dict[str, Any]) -> None:
        total = self._totals.setdefault(
            entry["command"],
            {
                "command": entry["command"], "aggregate": entry["aggregate"], "count": 0, "done": 0, "refused": 0,
                "failed": 0, "duplicates": 0, "conflicts": 0, "requests": 0, "read": 0, "write": 0, "ms": 0.0,
                "most_write": 0,
            },
        )  # fmt: skip
        total["count"] += 1
        total[entry["outcome"] if entry["outcome"] in total else DONE] += 1
        total["duplicates"] += entry["duplicate"]
        total["conflicts"] += entry["conflicts"]
        if entry["outcome"] != DONE or entry["duplicate"]:
            return  # what a refusal costs says nothing of what the command does
        for name in ("requests", "read", "write", "ms"):
            total[name] += entry[name]
        total["most_write"] = max(total["most_write"], entry["write"])
