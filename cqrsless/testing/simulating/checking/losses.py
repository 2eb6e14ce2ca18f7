"""What nobody can be blamed for not having handled: what is parked, and what was lost before anybody was given it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..history import History
from ..world import World

__all__ = ["absent"]


def absent(world: World, history: History, parked: Mapping[str, Sequence[Any]]) -> dict[str, set[str]]:
    """Give the aggregates that each consumer may lack commits of.

    A commit that its stream lost is read with the next one of its aggregate, by whoever keeps to their order.
    """
    found = {name: {letter.key for letter in some} for name, some in parked.items()}
    for name, processor, names, is_ordered in _consumers(world, history):
        if not names:
            continue
        source = world.source_of(processor)
        lost = source.left()
        if not lost:
            continue
        newest: dict[str, int] = {}
        for pk, number in source.acknowledged(world.ledger.at + 1):
            if not names.isdisjoint(history.commits[pk][number].get("names", ())):
                newest[pk] = max(newest.get(pk, 0), number)
        found.setdefault(name, set()).update(pk for pk, number in lost if not is_ordered or newest.get(pk, 0) < number)
    return found


def _consumers(world: World, history: History) -> Iterator[tuple[str, str, frozenset[str], bool]]:
    """Give each consumer's name, its processor's, the names of its events, and whether it keeps to their order."""
    model = world.model
    for record in model.processors.values():
        handled = [
            name
            for one in model.event_handlers
            if one.source is None and one.processor == record.name
            for name in one.names
        ]
        yield record.name, record.name, history.stored(handled), record.ordered
    for view in model.views.values():
        projected = [name for one in model.projectors if one.view == view.name for name in one.names]
        yield view.name, view.processor or "views", history.stored(projected), True
    published = [name for one in model.publishers for name in one.names]
    yield "publisher", "publisher", history.stored(published), True
