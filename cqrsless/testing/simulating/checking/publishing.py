"""Every public event is sent at least once, in its aggregate's order, and always with the same id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ..dropping import Dropped
from ..history import History
from ..world import World

__all__ = ["violations"]


def violations(world: World, history: History, absent: Mapping[str, set[str]], dropped: Dropped) -> Iterator[str]:
    control = world.guard.controls.get("publisher", {})
    since = max(int(control.get("since", 0)), int(control.get("muted", 0)))
    waiting = absent.get("publisher", set())
    sent: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for _, to, document in world.published:
        former = sent[document["causationid"]].setdefault(document["id"], {**document, "to": to})
        if former != {**document, "to": to}:
            yield f"the public event {document['id']} was sent as {former}, and then as {document}"
    asked: dict[str, dict[str, int]] = defaultdict(dict)
    for call in world.calls:
        if call.kind == "publisher" and call.ended is not None:
            given = call.given
            count = 0 if given is None else len(given) if isinstance(given, (list, tuple)) else 1
            asked[call.message.id][call.function] = count
    for event, counts in asked.items():
        if len(sent[event]) > sum(counts.values()):
            yield f"{event} was published under {len(sent[event])} ids, and its publishers gave {sum(counts.values())}"
    for call in world.calls:
        if call.kind == "publisher" and history.commits[call.key][call.message.version or 0]["time"] < since:
            yield f"{call.function} was called with {call.message.id}, from before the publishers started"
    for function, record in zip(world.registry.publishers, world.model.publishers, strict=True):
        names = history.stored(record.names)
        for pk in history.commits:
            if pk in waiting:
                continue
            for number in history.relevant(pk, names, since=since):
                if ("publisher", pk, number) in dropped:
                    continue
                for message in history.commit(pk, number).messages(names):
                    if function not in asked.get(message.id, {}) or len(sent[message.id]) < sum(
                        asked[message.id].values()
                    ):
                        yield f"what {function} makes of {message.id} was not sent"
    yield from _order(world, waiting)


def _order(world: World, waiting: set[str]) -> Iterator[str]:
    """The first time that each event of an aggregate is published, all earlier ones have been."""
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for _, _, document in world.published:
        if document["id"] in seen:
            continue
        seen.add(document["id"])
        pk, _, sequence = str(document["causationid"]).rpartition("@")
        if int(sequence) < newest.get(pk, 0) and pk not in waiting:
            yield f"{document['causationid']} was published after {pk}@{newest[pk]}"
        newest[pk] = max(newest.get(pk, 0), int(sequence))
