"""Attempts are counted durably, one by one, and an aggregate is parked behind the last of them, and not before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ....delivery.reasons import MISTAKES
from ....registry import ProcessorRecord
from ....store import Item
from ..guard import PLACES
from ..streams import GAVE_UP
from ..world import World

__all__ = ["mistakes", "violations"]

#: What a letter says of an aggregate that was parked without an attempt at fault: by its handler, or by Lambda.
_AT_ONCE: Final = ("GiveUp", "RetryLater", GAVE_UP, "SQS gave up")
_MISTAKES: Final = frozenset(error.__name__ for error in MISTAKES)


def violations(world: World) -> Iterator[str]:
    consumers: dict[str, ProcessorRecord] = {"publisher": _LIKE_ANY}
    for view in world.model.views.values():
        consumers[view.name] = _LIKE_ANY if view.processor is None else world.model.processors[view.processor]
    consumers.update(world.model.processors)
    for consumer, key, before, after in _failures(world):
        record = consumers[consumer]
        where = f"commit {after['fail']} of {key} for {consumer}"
        is_of_another = all(before.get(name) == after.get(name) for name in ("fail", "tries", "mark", "parked"))
        if is_of_another and before.get("row") != after.get("row"):
            continue  # a row that several aggregates share, changed by another than the one whose place it is
        yield from _counted(where, before, after)
        if "parked" not in after and record.on_failure == "park" and after["tries"] > record.retries:
            yield f"{where} has failed {after['tries']} times, is not parked, and retries={record.retries}"
        if _is_parked_now(before, after):
            at_once = after["why"].startswith(_AT_ONCE) or _is_mistake(after) or record.retry_on != (Exception,)
            if not at_once and after["tries"] <= record.retries:
                yield f"{where} was parked after {after['tries']} attempts, and retries={record.retries}"


def mistakes(world: World) -> Iterator[str]:
    """Say what is parked at once by design, whatever `retries` says: it is the application that has to be mended."""
    for consumer, key, before, after in _failures(world):
        if _is_parked_now(before, after) and _is_mistake(after):
            yield (
                f"{key} was parked at once for {consumer} at commit {after['fail']} by a mistake of the application's, "
                f"which no other attempt can pass: {after['why']}"
            )


def _failures(world: World) -> Iterator[tuple[str, str, Item, Item]]:
    """Give whose place was written with a failure, of which aggregate, as it was before and after that."""
    for entry in world.guard.entries:
        if entry.table == "views" and entry.after is not None and entry.pk[0] in PLACES and "tries" in entry.after:
            _, _, consumer, key = entry.pk.split("#", 3)
            yield consumer, key, entry.before or {}, entry.after


def _is_parked_now(before: Item, after: Item) -> bool:
    return "parked" in after and "parked" not in before and "until" not in after


def _is_mistake(after: Item) -> bool:
    return after["why"].partition(":")[0] in _MISTAKES


def _counted(where: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    was = before.get("tries", 0) if before.get("fail") == after["fail"] else 0
    steps = (0, 1) if "parked" in after else (1,)
    if after["tries"] - was not in steps:
        yield f"{where} had {was} failed attempts, and then {after['tries']}"


_LIKE_ANY: Final = ProcessorRecord("")
