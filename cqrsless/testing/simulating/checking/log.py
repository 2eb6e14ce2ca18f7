"""The log holds every commit."""

from __future__ import annotations

from collections.abc import Iterator

from ....log import control, pages
from ....messages import Cost
from ....store import Store
from ..history import History
from ..world import World

__all__ = ["violations"]


def violations(world: World, history: History) -> Iterator[str]:
    found = control.read(world.ledger, Cost())
    generation = found.reads
    parts = [pages.live(generation)] if generation == 1 else [pages.base(generation), pages.live(generation)]
    logged = {
        (ref.pk, ref.number)
        for part in parts
        for segment in range(found.segments_of(generation))
        for ref in _refs(world.ledger, part, segment)
    }
    for pk, some in history.commits.items():
        for number in some:
            if (pk, number) not in logged:
                yield f"commit {pk}@{number} is missing from the log's generation {generation}"


def _refs(store: Store, part: str, segment: int) -> Iterator[pages.Ref]:
    after = None
    while True:
        page = store.query("log", pages.partition(part, segment), Cost(), after=after)
        for item in page.items:
            yield from pages.refs_in(item)
            after = item["n"]
        if not page.more or not page.items:
            return
