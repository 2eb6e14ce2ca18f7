"""What an application injects by name: values that it is given, and factories that run once, when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registry import ResourceRecord


class Resources:
    def __init__(self, factories: Mapping[str, ResourceRecord], given: Mapping[str, Any]) -> None:
        self._factories = factories
        self._made: dict[str, Any] = dict(given)
        self._lock = RLock()

    def get(self, name: str) -> Any:
        try:
            return self._made[name]
        except KeyError:
            with self._lock:
                if name not in self._made:
                    record = self._factories[name]
                    self._made[name] = record.fn(**{needed: self.get(needed) for needed in record.inject})
                return self._made[name]
