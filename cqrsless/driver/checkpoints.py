"""How far each mapping got in each shard, kept outside of it, so that another process goes on from there."""

from __future__ import annotations

from typing import Final, Protocol

from ..delivery.places import revision
from ..errors import ConcurrencyConflict
from ..messages import Cost
from ..store import Condition, ConditionFailed, Equals, Item, Store
from .positions import is_further

_ATTEMPTS: Final = 20


class Checkpoints(Protocol):
    """Keeps a position for each mapping and shard. A lost or old one only makes records come again."""

    def load(self, mapping: str, shard: str) -> str | None:
        """Give the place behind which to go on; `None` where there is none."""
        ...

    def save(self, mapping: str, shard: str, position: str) -> str:
        """Note that all up to a place is done. Gives the place that stands now: another process may be further."""
        ...


class MemoryCheckpoints:
    """Checkpoints that live as long as this object."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    def load(self, mapping: str, shard: str) -> str | None:
        return self._kept.get((mapping, shard))

    def save(self, mapping: str, shard: str, position: str) -> str:
        kept = self._kept.get((mapping, shard))
        if kept is None or is_further(position, kept):
            kept = self._kept[mapping, shard] = position
        return kept


class StoreCheckpoints:
    """Checkpoints in the views table, one item for each mapping and shard: `m#name`. They only move on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cost = Cost()
        self._seen: dict[tuple[str, str], Item | None] = {}

    def load(self, mapping: str, shard: str) -> str | None:
        key = (f"m#{mapping}", shard)
        item = self._seen[key] = self.store.get("views", *key, self.cost)
        return None if item is None else item["at"]

    def save(self, mapping: str, shard: str, position: str) -> str:
        key = (f"m#{mapping}", shard)
        if key not in self._seen:
            self.load(mapping, shard)
        for _ in range(_ATTEMPTS):
            seen = self._seen[key]
            if seen is not None and not is_further(position, seen["at"]):
                kept: str = seen["at"]
                return kept
            item: Item = {"pk": key[0], "sk": key[1], "at": position, "rev": revision()}
            condition: Condition = "absent" if seen is None else Equals("rev", seen["rev"])
            try:
                self.store.put("views", item, self.cost, condition=condition)
            except ConditionFailed as failed:
                self._seen[key] = failed.item
                continue
            self._seen[key] = item
            return position
        raise ConcurrencyConflict(f"other processes moved the checkpoint of {mapping} {_ATTEMPTS} times in a row")
