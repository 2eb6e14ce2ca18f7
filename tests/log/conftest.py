"""A store that can die at any write, commits to index, and readers of what was indexed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cqrsless.delivery.commit import Commit, Decoder
from cqrsless.log import pages
from cqrsless.log.tokens import Tokens
from cqrsless.log.tracking import Worker
from cqrsless.messages import Cost
from cqrsless.store import Item, Store
from cqrsless.stores import open_store


class Killed(BaseException):
    """The process died here: no `except Exception` of the code under test may notice."""


class Mortal:
    """A store whose process dies at a given write, before it or just after it was applied."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.writes = 0
        self.dies_at: int | None = None
        self.after = False

    def put(self, *args: Any, **kwargs: Any) -> None:
        self._count(lambda: self.store.put(*args, **kwargs))

    def write(self, *args: Any, **kwargs: Any) -> None:
        self._count(lambda: self.store.write(*args, **kwargs))

    def _count(self, write: Any) -> None:
        self._alive()
        self.writes += 1
        if self.writes == self.dies_at and not self.after:
            raise Killed
        write()
        if self.writes == self.dies_at:
            raise Killed

    def _alive(self) -> None:
        if self.dies_at is not None and self.writes >= self.dies_at:
            raise Killed  # nothing a dead process would still do, in a `finally` or elsewhere, reaches the store

    def __getattr__(self, name: str) -> Any:
        self._alive()
        return getattr(self.store, name)


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Reader:
    """A taker that remembers what it was given."""

    name = "reader"

    def __init__(self) -> None:
        self.got: list[tuple[str, int]] = []

    def take(self, commit: Commit, cost: Cost) -> None:
        self.got.append((commit.pk, commit.number))


class Always:
    """The same takers all the time."""

    def __init__(self, takers: Sequence[Any]) -> None:
        self._takers = takers

    def takers(self, cost: Cost) -> Sequence[Any]:
        return self._takers

    def tidy(self, cost: Cost) -> None:
        pass


class World:
    """Commits in a store, and a log over them."""

    def __init__(self) -> None:
        self.store: Any = open_store("memory://")
        self.clock = Clock()
        self.numbers: dict[str, int] = {}

    def commit(self, *pks: str, name: str = "Done") -> list[Item]:
        made: list[Item] = []
        for pk in pks:
            number = self.numbers[pk] = self.numbers.get(pk, 0) + 1
            item: Item = {
                "pk": pk,
                "c": number,
                "time": 1_000_000 * number,
                "seq": number,
                "head": f'{{"id":"{pk}-{number}","name":"Do","source":"direct","digest":"-"}}',
                "recent": b"",
                "events": f'[["{name}",{{}}]]',
                "names": {name: "1"},
            }
            self.store.put("events", item, Cost(), condition="absent")
            made.append(item)
        return made

    @property
    def all(self) -> list[tuple[str, int]]:
        return [(pk, number) for pk, count in self.numbers.items() for number in range(1, count + 1)]

    def indexed(self, part: str = "1", segments: int = 1) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for segment in range(segments):
            items = self.store.query("log", pages.partition(part, segment), Cost()).items
            assert [item["n"] for item in items] == list(range(1, len(items) + 1)), "positions are dense"
            found += [(ref.pk, ref.number) for item in items for ref in pages.refs_in(item)]
        return found

    def read(
        self,
        run: int = 1,
        *,
        slices: int = 1,
        since: int = 0,
        takers: Sequence[Any] | None = None,
        store: Any = None,
    ) -> list[tuple[str, int]]:
        """Run each slice's worker to the end of the log; give what a taker was given."""
        reader = Reader()
        for slice_ in range(slices):
            self.worker(run, takers or [reader], slices, since, store).run(slice_)
        return reader.got

    def worker(self, run: int, takers: Sequence[Any], slices: int = 1, since: int = 0, store: Any = None) -> Worker:
        where = store or self.store
        fed: Any = Always(takers)
        tokens = Tokens(where, "statements", run, slices, self.clock)
        return Worker(where, tokens, fed, frozenset({"Done"}), Decoder({}), self.clock, since=lambda: since)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()
