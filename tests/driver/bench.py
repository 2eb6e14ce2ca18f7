"""A bench for the driver: a clock that only sleeping moves, a store in memory, and functions that fail as told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from cqrsless.driver import Arrivals, Checkpoints, Driver, EventSourceMapping, StoreFeed
from cqrsless.messages import Cost
from cqrsless.store import Item, Store
from cqrsless.stores import open_store

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
#: Options of a mapping whose function answers which records failed.
REPORTING: dict[str, Any] = {"report_failures": True}
F = TypeVar("F", bound=Callable[[Any, Any], Any])
_FIRST = 10**20


class Clock:
    """Time that stands still until somebody sleeps, or `pass_` is called."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def passed(self) -> float:
        return (self.now - NOON).total_seconds()


def position(name: str) -> int:
    """Give the position in a store's feed behind a sequence number."""
    return int(name) - _FIRST


def sequence(position: int) -> str:
    return str(_FIRST + position)


def failing(*positions: int) -> dict[str, Any]:
    """Give the answer that names records as failed."""
    return {"batchItemFailures": [{"itemIdentifier": sequence(at)} for at in positions]}


class Function:
    """A function that notes what it was given, and answers as told: an exception is raised, the rest is returned.

    `answers` are used up one an invocation; `when` looks at the positions it was given.
    """

    def __init__(self, when: Callable[[list[int]], Any] = lambda positions: None, answers: Sequence[Any] = ()) -> None:
        self.when = when
        self.answers = list(answers)
        self.batches: list[list[int]] = []
        self.contexts: list[Any] = []
        self.events: list[Any] = []

    def __call__(self, event: Mapping[str, Any], context: Any) -> Any:
        positions = [position(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]]
        self.batches.append(positions)
        self.contexts.append(context)
        self.events.append(event)
        answer = self.answers.pop(0) if self.answers else self.when(positions)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def error_on(*positions: int) -> Callable[[list[int]], Any]:
    """Answer with a function error whenever one of these is in the batch."""
    return lambda given: RuntimeError("a bug") if set(given) & set(positions) else None


def naming(*positions: int) -> Callable[[list[int]], Any]:
    """Name those of these that are in the batch as failed."""
    return lambda given: failing(*(at for at in given if at in positions))


class Bench:
    """A driver over a store in memory, with one stream."""

    def __init__(
        self,
        *,
        seed: int = 0,
        store: Store | None = None,
        checkpoints: Checkpoints | None = None,
        arrivals: Arrivals | None = None,
        backoff: float = 1.0,
        **feed: Any,
    ) -> None:
        self.clock = Clock()
        self.store = store if store is not None else open_store("memory://")
        self.feed = StoreFeed(self.store, "events", clock=self.clock, **feed)
        self.driver = Driver(
            seed=seed,
            clock=self.clock,
            sleep=self.clock.sleep,
            backoff=lambda failures: backoff,
            checkpoints=checkpoints,
            arrivals=arrivals,
        )
        self._numbers: dict[str, int] = {}

    def put(self, count: int = 1, *, pk: str | None = None, **attributes: Any) -> None:
        """Write commits, each of an aggregate of its own unless `pk` says otherwise."""
        for _ in range(count):
            key = pk or f"Order#{len(self._numbers) + 1}"
            number = self._numbers[key] = self._numbers.get(key, 0) + 1
            time = int(self.clock().timestamp() * 1_000_000)
            item: Item = {"pk": key, "c": number, "time": time, "seq": 0, "head": "{}", **attributes}
            self.store.put("events", item, Cost(), condition="absent")

    def map(self, function: F, *, name: str = "mapping", destination: Any = None, **settings: Any) -> F:
        self.driver.map(EventSourceMapping(name, **settings), self.feed, function, destination=destination)
        return function

    def steps(self, count: int) -> list[str]:
        """Do so many steps, sleeping where nothing is due; give their outcomes."""
        outcomes: list[str] = []
        while len(outcomes) < count:
            step = self.driver.step()
            if step is not None:
                outcomes.append(step.outcome)
                continue
            wakes = self.driver.wakes()
            if wakes is None:
                break
            self.clock.sleep(max(0.0, wakes - self.clock().timestamp()))
        return outcomes
