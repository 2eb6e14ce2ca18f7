"""The application of one test on a store in memory, brought to the past that the test gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ..app import App
from ..registry import Registry
from .pasts import Aggregate
from .racing import ContestedStore

__all__ = ["Stage"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True


class Stage:
    """An application that nobody else has, and the aggregate that the test is about."""

    aggregate: Aggregate | None = None

    def __init__(
        self,
        registry: Registry | None,
        resources: Mapping[str, Any] | None,
        now: datetime | Callable[[], datetime] | None,
    ) -> None:
        self._registry = registry
        self._resources = resources
        if isinstance(now, datetime) and now.utcoffset() is None:
            raise ValueError(f"given(now={now!r}) has no time zone: write datetime(..., tzinfo=timezone.utc)")
        self._now = (lambda: now) if isinstance(now, datetime) else now
        self.store = ContestedStore()
        self.app = self._application(self.store)

    def elsewhere(self) -> App:
        """Give the same application in another container."""
        return self._application(self.store.elsewhere())

    def _application(self, store: ContestedStore) -> App:
        return App(store, registry=self._registry, resources=self._resources, clock=self._now)
