"""The stored history of a world, and which place of which consumer stands for which aggregate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...aggregates.commits import read_head
from ...delivery.commit import Commit, Decoder
from ...delivery.places import Key, processor_place, view_place
from ...registry import Model
from ...store import Item
from .folding import Rows
from .guard import Guard, Move

__all__ = ["History"]


class History:
    """Every commit, by aggregate and number, and the moves of each consumer's places in order."""

    def __init__(self, guard: Guard, model: Model) -> None:
        self.model = model
        self.decoder = Decoder(model.events)
        self.commits: dict[str, dict[int, Item]] = {}
        #: When each commit was written.
        self.written: dict[tuple[str, int], int] = {}
        for entry in guard.entries:
            if entry.table == "events" and entry.after is not None:
                self.commits.setdefault(entry.pk, {})[int(entry.sk)] = entry.after
                self.written[entry.pk, int(entry.sk)] = entry.at
        self._moves = guard.moves

    def heads(self) -> list[tuple[str, int, dict[str, Any]]]:
        return [(pk, number, read_head(item)) for pk, some in self.commits.items() for number, item in some.items()]

    def commit(self, pk: str, number: int) -> Commit:
        return Commit(dict(self.commits[pk][number]), self.decoder)

    def stored(self, names: Mapping[str, Any] | tuple[str, ...] | list[str]) -> frozenset[str]:
        return frozenset[str]().union(*map(self.decoder.stored_names, names))

    def relevant(
        self, pk: str, names: frozenset[str], *, since: int = 0, behind: int = 0, to: int | None = None
    ) -> list[int]:
        """Give the commits of an aggregate that hold one of these events, not older than `since`, in order."""
        return [
            number
            for number, item in sorted(self.commits.get(pk, {}).items())
            if number > behind
            and (to is None or number <= to)
            and item["time"] >= since
            and not names.isdisjoint(item.get("names", ()))
        ]

    def processor_moves(self, processor: str) -> dict[tuple[int, str], list[Move]]:
        """Give the moves of a processor's places, by run and aggregate."""
        keys = {}
        for run in {move.run for move in self._moves if move.consumer == processor}:
            keys.update({processor_place(processor, run, pk): (run, pk) for pk in self.commits})
        return self._by_place(processor, {"p": keys})

    def view_moves(self, rows: Rows) -> dict[tuple[int, str], list[Move]]:
        """Give the moves of a view's places in the run of `rows`, by aggregate."""
        view, run = rows.layout.view.name, rows.layout.run
        apart = {view_place(view, run, pk): (run, pk) for pk in self.commits}
        own: dict[tuple[Key, str], tuple[int, str]] = {}
        for pk, some in self.commits.items():
            key = rows.addresses.own(Commit(dict(next(iter(some.values()))), self.decoder))
            if key is not None:
                own[key, pk.partition("#")[0]] = (run, pk)
        found: dict[tuple[int, str], list[Move]] = {}
        for move in self._moves:
            if move.consumer != view or move.run != run or move.kind == "p":
                continue
            place = (move.entry.pk, str(move.entry.sk))
            after = move.entry.after or {}
            owner = apart.get(place) if move.kind == "w" else own.get((place, after.get("of", "")))
            if owner is not None:
                found.setdefault(owner, []).append(move)
        return found

    def _by_place(
        self, consumer: str, keys: Mapping[str, Mapping[Key, tuple[int, str]]]
    ) -> dict[tuple[int, str], list[Move]]:
        found: dict[tuple[int, str], list[Move]] = {}
        for move in self._moves:
            if move.consumer == consumer and move.kind in keys:
                owner = keys[move.kind].get((move.entry.pk, str(move.entry.sk)))
                if owner is not None:
                    found.setdefault(owner, []).append(move)
        return found


def mark_at(moves: list[Move], at: int) -> int:
    """Give where a place stood at a moment."""
    return max((move.after for move in moves if move.entry.at <= at), default=0)
