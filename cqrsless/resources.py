"""What an application injects by name: values that it is given, and factories that run once, when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registry import ResourceRecord


class Resources:
    """An application's resources. `own` are the framework's, which nobody else may provide."""

    def __init__(
        self,
        factories: Mapping[str, ResourceRecord],
        given: Mapping[str, Any],
        own: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        self._factories = factories
        self._made: dict[str, Any] = dict(given)
        self._own = dict(own or {})
        self._lock = RLock()

    def get(self, name: str) -> Any:
        try:
            return self._made[name]
        except KeyError:
            with self._lock:
                if name not in self._made:
                    self._made[name] = self._make(name)
                return self._made[name]

    def _make(self, name: str) -> Any:
        if name in self._own:
            return self._own[name]()
        record = self._factories[name]
        return record.fn(**{needed: self.get(needed) for needed in record.inject})
