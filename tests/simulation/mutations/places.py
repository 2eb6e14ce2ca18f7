"""Rules of places: a row, its mark and its index entries are written as one, where they are as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cqrsless.delivery.consuming import Feeder
from cqrsless.delivery.places import Places, revision
from cqrsless.delivery.writing import commit
from cqrsless.processors import handlers, ordered
from cqrsless.projections import applying
from cqrsless.store import Delete, Put

from .mutation import Patch, without_rule


def _unconditional(was: Any, item: Any) -> Put:
    return Put("views", item)


@without_rule("a processor's place is written where it is as it was read")
def _(patch: Patch) -> None:
    patch.setattr(ordered, "replacing", _unconditional)


@without_rule("a row is written where it is as it was read")
def _(patch: Patch) -> None:
    patch.setattr(applying, "replacing", _unconditional)


@without_rule("rows that several aggregates share are written where they are as they were read")
def _(patch: Patch) -> None:
    def write(self: Any, before: Any, after: Any) -> Any:
        return Put("views", after) if "row" in after or "of" in after else Delete("views", after["pk"], after["sk"])

    patch.setattr(applying.ViewConsumer, "_row_write", write)


@without_rule("a mark is not written before its rows")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        for one in writes:
            commit(places, [one], cost)

    patch.setattr(applying, "write", write)


@without_rule("rows are not written before their mark")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        for one in reversed(writes):
            commit(places, [one], cost)

    patch.setattr(applying, "write", write)


@without_rule("a place is written after the handlers, not before")
def _(patch: Patch) -> None:
    apply = ordered.ProcessorConsumer.apply

    def early(self: Any, commit: Any, place: Any, cost: Any) -> Any:
        moved = self._move(commit, place, cost)
        apply(self, commit, moved, cost)
        return moved

    patch.setattr(ordered.ProcessorConsumer, "apply", early)


@without_rule("a deleted row that is a place leaves a tombstone")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        first = writes[0]
        if first.item["pk"].startswith("v#") and "row" not in first.item and "fail" not in first.item:
            writes = [Delete("views", first.item["pk"], first.item["sk"], first.condition), *writes[1:]]
        places.forget(*((one.item["pk"], one.item["sk"]) for one in writes if isinstance(one, Put)))
        places.store.write(writes, cost)

    patch.setattr(applying, "write", write)


@without_rule("index entries move with their row")
def _(patch: Patch) -> None:
    entries = applying.ViewConsumer._index_writes

    def only_new(self: Any, before: Any, after: Any) -> Any:
        return [one for one in entries(self, before, after) if isinstance(one, Put)]

    patch.setattr(applying.ViewConsumer, "_index_writes", only_new)


@without_rule("a row that two types of aggregates share is the place of one of them")
def _(patch: Patch) -> None:
    patch.setattr(Feeder, "locate", _locate_without_owner)


def _locate_without_owner(self: Any, consumer: Any, commit: Any, cost: Any, *, fresh: bool) -> Any:
    key = consumer.place(commit)
    place = self.places.get(key, cost, fresh=fresh)
    return key, place if place is not None else {"pk": key[0], "sk": key[1]}


@without_rule("what another container handled is looked for before a handler is called")
def _(patch: Patch) -> None:
    patch.setattr(Places, "clear", lambda self: None)


@without_rule("what a handler does outside has a key made of the event and the handler", found="under the key")
def _(patch: Patch) -> None:
    patch.setattr(handlers, "idempotency_key", lambda *parts: revision())
