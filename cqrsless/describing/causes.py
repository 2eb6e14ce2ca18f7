"""Why a commit was made, and what came of it: the tree of causes that it stands in.

A commit notes the id of the message that caused its command. An event's id says where that event stands, so the way up
takes a few reads. The way down is kept nowhere: commits of the same conversation are looked for in the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from ..aggregates.commits import read_head
from ..messages import Cost
from ..registry import Model
from ..store import Item, Store
from .histories import Commit, Fact, told_commit

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Cause", "causes", "takers", "tree"]

#: How far up a chain of causes is followed, and how far down.
DEEPEST: Final = 100


class Cause(NamedTuple):
    """A commit in the tree, with the commits that its events caused, by event id."""

    commit: Commit
    effects: dict[str, list[Cause]]


def causes(app: App, commit: Commit) -> list[Commit]:
    """Give the commits that led to this one, its direct cause first."""
    found: list[Commit] = []
    while commit.causation_id is not None and len(found) < DEEPEST:
        item = _caused_by(app.store, commit.causation_id)
        if item is None:
            break
        commit = _told(app, item)
        found.append(commit)
    return found


def tree(app: App, root: Commit) -> Cause:
    """Give a commit with all that came of it. This reads the whole events table, once."""
    by_cause: dict[str, list[Commit]] = {}
    for item in _scan(app.store):
        head = read_head(item)
        if "cau" in head and head.get("cor", head["id"]) == root.correlation_id:
            by_cause.setdefault(head["cau"], []).append(_told(app, item))
    return _grown(root, by_cause, 0)


def _grown(commit: Commit, by_cause: dict[str, list[Commit]], depth: int) -> Cause:
    effects: dict[str, list[Cause]] = {}
    for fact in commit.events:
        caused = sorted(by_cause.get(fact.id, ()), key=lambda one: (one.time, one.key, one.version))
        if caused and depth < DEEPEST:
            effects[fact.id] = [_grown(one, by_cause, depth + 1) for one in caused]
    return Cause(commit, effects)


def takers(model: Model, fact: Fact) -> list[str]:
    """Name what takes an event in today's code: processors, views and publishers."""
    found = [
        f"processor {one.processor}" for one in model.event_handlers if one.source is None and fact.name in one.names
    ]
    found += [f"view {one.view}" for one in model.projectors if fact.name in one.names]
    found += [f"publisher to {one.to}" for one in model.publishers if fact.name in one.names]
    return list(dict.fromkeys(found))


def _told(app: App, item: Item) -> Commit:
    kinds = app.compiled.dispatcher.kinds
    return told_commit(kinds.get(item["pk"].partition("#")[0]), item)


def _caused_by(store: Store, event: str) -> Item | None:
    """Find the commit that holds an event, by halving: sequences only grow."""
    key, at, sequence = event.rpartition("@")
    if not at or "#" not in key or not sequence.isdecimal():
        return None
    wanted, low = int(sequence), 1
    tip = store.query("events", key, Cost(), descending=True, limit=1).items
    if not tip or tip[0]["seq"] < wanted:
        return None
    high = tip[0]["c"]
    while low < high:
        middle = (low + high) // 2
        item = store.get("events", key, middle, Cost())
        if item is not None and item["seq"] >= wanted:
            high = middle
        else:
            low = middle + 1
    return store.get("events", key, low, Cost())


def _scan(store: Store) -> Iterator[Item]:
    after = None
    while True:
        page = store.scan("events", Cost(), after=after)
        yield from page.items
        if not page.more or not page.items:
            return
        after = page.items[-1]["pk"], page.items[-1]["c"]
