"""Attempts are counted durably, one by one, and an aggregate is parked behind the last of them, and not before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ....registry import ProcessorRecord
from ..guard import PLACES
from ..streams import GAVE_UP
from ..world import World

__all__ = ["violations"]

#: What a letter says of an aggregate that was parked without an attempt at fault: by its handler, or by Lambda.
_AT_ONCE: Final = ("GiveUp", "RetryLater", GAVE_UP, "SQS gave up")


def violations(world: World) -> Iterator[str]:
    consumers: dict[str, ProcessorRecord] = {"publisher": _LIKE_ANY}
    for view in world.model.views.values():
        consumers[view.name] = _LIKE_ANY if view.processor is None else world.model.processors[view.processor]
    consumers.update(world.model.processors)
    for entry in world.guard.entries:
        if entry.table == "views" and entry.after is not None and entry.pk[0] in PLACES and "tries" in entry.after:
            _, _, consumer, key = entry.pk.split("#", 3)
            before, after, record = entry.before or {}, entry.after, consumers[consumer]
            where = f"commit {after['fail']} of {key} for {consumer}"
            is_of_another = all(before.get(name) == after.get(name) for name in ("fail", "tries", "mark", "parked"))
            if is_of_another and before.get("row") != after.get("row"):
                continue  # a row that several aggregates share, changed by another than the one whose place it is
            yield from _counted(where, before, after)
            if "parked" not in after and record.on_failure == "park" and after["tries"] > record.retries:
                yield f"{where} has failed {after['tries']} times, is not parked, and retries={record.retries}"
            if "parked" in after and "parked" not in before and "until" not in after:
                at_once = after["why"].startswith(_AT_ONCE) or record.retry_on != (Exception,)
                if not at_once and after["tries"] <= record.retries:
                    yield f"{where} was parked after {after['tries']} attempts, and retries={record.retries}"


def _counted(where: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    was = before.get("tries", 0) if before.get("fail") == after["fail"] else 0
    steps = (0, 1) if "parked" in after else (1,)
    if after["tries"] - was not in steps:
        yield f"{where} had {was} failed attempts, and then {after['tries']}"


_LIKE_ANY: Final = ProcessorRecord("")
