"""A bench for processors: commits made by a real application, fed to its processors in whatever way a test likes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from cqrsless import Event, Message, Registry
from cqrsless.app import App
from cqrsless.delivery.batches import Batch, Delivery, feeding
from cqrsless.delivery.commit import Commit, Decoder
from cqrsless.delivery.consuming import Feeder
from cqrsless.delivery.letters import Letters, Parked, ParkedAggregates
from cqrsless.delivery.places import Places, processor_place
from cqrsless.messages import Cost
from cqrsless.processors.effects import Effects
from cqrsless.processors.external import ExternalEvents
from cqrsless.processors.handlers import Handlers, event_handlers
from cqrsless.processors.ordered import ProcessorConsumer
from cqrsless.processors.scheduling import Retry, Scheduling
from cqrsless.processors.stored_schedules import StoredScheduler
from cqrsless.processors.unordered import UnorderedProcessor
from cqrsless.resources import Resources
from cqrsless.store import Item, Store
from cqrsless.surroundings import Surroundings

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def registry(name: str = "shop") -> Registry:
    """Give a registry whose aggregates record whatever events they are told to."""
    made = Registry(name)
    for aggregate in ("Order", "Card"):
        record = made.aggregate(aggregate, id_field="id")

        def emit(command: dict[str, Any], state: dict[str, Any] | None) -> tuple[dict[str, Any], list[Event]]:
            events = [Event(name, payload) for name, payload in command["events"]]
            return {"n": (state or {"n": 0})["n"] + 1}, events

        emit.__qualname__ = f"emit_{aggregate}"
        made.command_handler(f"To{aggregate}", aggregate=record, creation="if_missing")(emit)
    return made


class Died(BaseException):
    """The process is gone."""


class Dying:
    """A store that dies before or after its n-th write, or lets something else happen right before one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.writes = 0
        self.dies_at: int | None = None
        self.dies_after = False
        self.before: dict[int, Callable[[], object]] = {}
        #: Each write is done twice, as where the answer to the first is lost and the store tries again.
        self.repeats = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, table: Any, item: Item, cost: Cost, *, condition: Any = None) -> None:
        self._around(lambda: self._store.put(table, item, cost, condition=condition))

    def write(self, writes: Any, cost: Cost) -> None:
        self._around(lambda: self._store.write(writes, cost))

    def _around(self, do: Callable[[], None]) -> None:
        self.writes += 1
        meanwhile = self.before.pop(self.writes, None)
        if meanwhile is not None:
            meanwhile()
        dies = self.writes == self.dies_at
        if dies and not self.dies_after:
            raise Died
        do()
        if self.repeats:
            do()
        if dies:
            raise Died


class Container:
    """One container of an application: its caches, and its processors."""

    def __init__(self, bench: Bench, store: Any = None, *, run: int = 1, since: int = 0, replays: bool = False) -> None:
        self.bench = bench
        self.store: Any = store if store is not None else bench.store
        self.app = App(self.store, registry=bench.registry, resources=bench.resources, clock=bench.now)
        model = self.app.model
        self.decoder = Decoder(model.events)
        self.places = Places(self.store)
        self.feeder = Feeder(self.store, self.places, self.decoder)
        self.surroundings = Surroundings(model.middleware, Resources(model.resources, bench.resources))
        self.scheduler = StoredScheduler(self.store)
        self.scheduling = Scheduling(self.scheduler, self.store, bench.now, self.app.dispatch, self._resume)
        self.effects = Effects(model, self.app.dispatch, self.scheduling)
        self.ordered: dict[str, ProcessorConsumer] = {}
        self.unordered: dict[str, UnorderedProcessor] = {}
        self.letters = Letters(self.parked, self.feeder)
        outer: list[Any] = []
        for name, record in model.processors.items():
            records = [one for one in model.event_handlers if one.processor == name]
            handlers = event_handlers(records, self.surroundings, self.effects)
            outer += [(one.source, two) for one, two in zip(records, handlers, strict=True) if one.source is not None]
            inner = [two for one, two in zip(records, handlers, strict=True) if one.source is None]
            some = Handlers(inner, self.decoder)
            options = {"run": run, "since": since, "replays": replays}
            if record.ordered:
                self.ordered[name] = ProcessorConsumer(record, some, self.places, self.scheduling, bench.now, **options)
            else:
                self.unordered[name] = UnorderedProcessor(
                    record, some, self.store, self.decoder, self.scheduling, bench.now, **options
                )
        self.external = ExternalEvents(outer, model.events)

    def parked(self, name: str) -> Parked:
        return ParkedAggregates(self.feeder, self.ordered[name]) if name in self.ordered else self.unordered[name]

    def _resume(self, retry: Retry) -> None:
        self.parked(retry.consumer).resume(retry.key, retry.commit, Cost())

    def batch(self, *items: Item) -> list[str]:
        """Offer commits in one batch; give the records that have to come again."""
        return self.offer(*items).failed()

    def offer(self, *items: Item) -> Batch:
        batch = Batch([Delivery(record_of(item), item) for item in items], self.decoder)
        takers = [feeding(self._feed(consumer), consumer.name) for consumer in self.ordered.values()]
        batch.offer([*takers, *self.unordered.values()])
        return batch

    def _feed(self, consumer: ProcessorConsumer) -> Callable[[Commit, Cost], None]:
        return lambda commit, cost: self.feeder.feed(consumer, commit, cost)

    def cost(self, *items: Item) -> tuple[int, float, float]:
        """Offer commits; give the requests and units that this took."""
        cost = self.offer(*items).cost
        return cost.requests, cost.read_units, cost.write_units

    def deliver(self, *items: Item, times: int = 10) -> None:
        """Offer commits, and what failed again, as Lambda does."""
        left = list(items)
        for _ in range(times):
            failed = self.batch(*left)
            left = [item for item in left if record_of(item) in failed]
            if not left:
                return

    def fire(self) -> int:
        return self.scheduler.fire_due(self.bench.now(), self.scheduling.fire)


class Bench:
    """An application on a store of its own, with a clock that is moved by hand."""

    def __init__(self, made: Registry, store: str = "memory://", resources: dict[str, Any] | None = None) -> None:
        self.registry = made
        self.resources = resources or {}
        self.time = NOON
        self.app = App(store, registry=made, resources=self.resources, clock=self.now)
        self.app.create_tables()
        self.store = self.app.store

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)

    def commit(self, to: str, *events: str | tuple[str, dict[str, Any]]) -> Item:
        """Commit events on an aggregate, as in `Order#o-1`; give the commit's item."""
        aggregate, _, identity = to.partition("#")
        given = [[event, {}] if isinstance(event, str) else list(event) for event in events]
        result = self.app.execute(f"To{aggregate}", {"id": identity, "events": given})
        return self.item(to, result.version or 0)

    def item(self, pk: str, number: int) -> Item:
        item = self.store.get("events", pk, number, Cost())
        assert item is not None
        return item

    def container(self, store: Any = None, **options: Any) -> Container:
        return Container(self, store, **options)

    def place(self, processor: str, pk: str, run: int = 1) -> Item | None:
        """Give a place as it stands, without what is different each time."""
        item = self.store.get("views", *processor_place(processor, run, pk), Cost())
        return None if item is None else {k: v for k, v in item.items() if k not in ("pk", "sk", "rev")}

    def items(self, prefix: str = "") -> list[Item]:
        found: list[Item] = []
        after: Any = None
        while True:
            page = self.store.scan("views", Cost(), after=after)
            found += [item for item in page.items if item["pk"].startswith(prefix)]
            if not page.more:
                return found
            after = page.items[-1]["pk"], page.items[-1]["sk"]

    def events(self, pk: str) -> list[str]:
        aggregate, _, identity = pk.partition("#")
        return [event.name for event in self.app.history(aggregate, identity)]


def record_of(item: Item) -> str:
    return f"{item['pk']}@{item['c']}"


class Seen(list[str]):
    """Notes what handlers saw, as `Name@version` of each aggregate."""

    def note(self, message: Message) -> None:
        self.append(f"{message.name}:{message.aggregate_id}@{message.version}")

    def of(self, aggregate_id: str) -> list[int]:
        """Give the versions seen of one aggregate, in the order seen."""
        return [int(m[1]) for one in self if (m := re.fullmatch(rf".*:{aggregate_id}@(\d+)", one))]


def mailing(fail: Any = None, **options: Any) -> tuple[Bench, Seen]:
    """Give an application with one ordered processor, whose handler may fail, and what it saw."""
    made, seen = registry(), Seen()
    made.processor("mailer", start="beginning", **options)

    @made.event_handler("Placed", "Paid", processor="mailer")
    def note(event: Any, *, message: Message) -> None:
        if fail is not None:
            fail(message)
        seen.note(message)

    return Bench(made), seen
