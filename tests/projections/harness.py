"""A bench for views: commits made by a real application, fed to consumers in whatever way a test likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from cqrsless import Event, Message, Registry
from cqrsless.app import App
from cqrsless.delivery.commit import Commit, Decoder
from cqrsless.delivery.consuming import Failed, Feeder
from cqrsless.delivery.places import Places
from cqrsless.messages import Cost
from cqrsless.projections.applying import ViewConsumer
from cqrsless.projections.rows import read
from cqrsless.store import Item, Store

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def registry(name: str = "shop") -> Registry:
    """Give a registry whose aggregates record whatever events they are told to."""
    made = Registry(name)
    for aggregate, fields in (("Order", ("order_id",)), ("Payment", ("order_id",)), ("Seat", ("show", "seat"))):
        record = made.aggregate(aggregate, id_field=fields if len(fields) > 1 else fields[0])

        def emit(command: dict[str, Any], state: dict[str, Any] | None) -> tuple[dict[str, Any], list[Event]]:
            events = [Event(name, payload) for name, payload in command["events"]]
            return {"n": (state or {"n": 0})["n"] + 1}, events

        emit.__qualname__ = f"emit_{aggregate}"
        made.command_handler(f"To{aggregate}", aggregate=record, creation="if_missing")(emit)
    return made


class Interfering:
    """A store that does something right before a write, or dies before or after one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.before: list[Callable[[], None]] = []
        self.writes = 0
        self.dies_at: int | None = None
        self.dies_after = False
        #: Every write is done twice, as where the answer to the first is lost and the store retries.
        self.repeats = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, table: Any, item: Item, cost: Cost, *, condition: Any = None) -> None:
        self._around(lambda: self._store.put(table, item, cost, condition=condition))

    def write(self, writes: Any, cost: Cost) -> None:
        self._around(lambda: self._store.write(writes, cost))

    def _around(self, do: Callable[[], None]) -> None:
        while self.before:
            self.before.pop(0)()
        self.writes += 1
        dies = self.writes == self.dies_at
        if dies and not self.dies_after:
            raise Died
        do()
        if self.repeats:
            do()
        if dies:
            raise Died


class Died(BaseException):
    """The process is gone."""


class Container:
    """One container's consumers of one application's views."""

    def __init__(self, bench: Bench, store: Any = None, kept: int = 1000, run: int = 1) -> None:
        self.store: Any = store if store is not None else bench.app.store
        model = bench.app.model
        self.decoder = Decoder(model.events)
        self.places = Places(self.store, kept)
        self.feeder = Feeder(self.store, self.places, self.decoder)
        self.cost = Cost()
        self.bench = bench
        self.run = run
        self.views = {
            name: ViewConsumer(
                view,
                model.projectors,
                id_fields={name: one.record.id_field for name, one in model.aggregates.items()},
                decoder=self.decoder,
                places=self.places,
                inject=self.inject,
                now=lambda: NOON,
                run=run,
                processor=model.processors.get(view.processor or ""),
            )
            for name, view in model.views.items()
        }

    def inject(self, names: tuple[str, ...], message: Message) -> dict[str, Any]:
        return {name: message if name == "message" else self.bench.resources[name] for name in names}

    def feed(self, *items: Item) -> Cost:
        """Feed commits to every view; give what that cost."""
        cost = Cost()
        for item in items:
            for view in self.views.values():
                self.feeder.feed(view, Commit(item, self.decoder), cost)
        return cost

    def feed_patiently(self, *items: Item) -> None:
        """Feed commits, each again for as long as it fails."""
        for item in items:
            for view in self.views.values():
                for _ in range(20):
                    try:
                        self.feeder.feed(view, Commit(item, self.decoder), self.cost)
                        break
                    except Failed:
                        continue


class Bench:
    """An application on a store of its own."""

    def __init__(self, made: Registry, store: str | Store = "memory://", **resources: Any) -> None:
        self.resources = resources
        self.app = App(store, registry=made, resources=resources, clock=lambda: NOON)
        self.app.create_tables()

    @property
    def store(self) -> Store:
        return self.app.store

    def commit(self, to: str, *events: tuple[str, dict[str, Any]]) -> Item:
        """Commit events on an aggregate, `Order:o-1` or `Seat:hamlet,f`; give the commit's item."""
        aggregate, _, identity = to.partition(":")
        fields = self.app.model.aggregates[aggregate].record.id_field
        ids = dict(zip(fields, identity.split(",") if len(fields) > 1 else [identity], strict=True))
        result = self.app.execute(f"To{aggregate}", {**ids, "events": [list(event) for event in events]})
        item = self.store.get("events", f"{aggregate}#{result.aggregate_id}", result.version or 0, Cost())
        assert item is not None
        return item

    def container(self, **options: Any) -> Container:
        return Container(self, **options)

    def commits(self) -> list[Item]:
        return [change.item for change in self.store.changes("events", 0, 100_000) if change.item is not None]

    def items(self, prefix: str = "") -> list[Item]:
        """Give what the views table holds, but for the control items."""
        found: list[Item] = []
        after: Any = None
        while True:
            page = self.store.scan("views", Cost(), after=after)
            found += [item for item in page.items if item["pk"].startswith(prefix) and item["pk"][:2] != "c#"]
            if not page.more:
                return found
            after = page.items[-1]["pk"], page.items[-1]["sk"]

    def rows(self, view: str, run: int = 1) -> dict[tuple[str, str], Any]:
        """Give what stands in a view, by the encoded key."""
        prefix = f"v#{run}#{view}#"
        found = {(item["pk"][len(prefix) :], item["sk"]): read(item) for item in self.items(prefix)}
        return {key: row for key, row in found.items() if row is not None}

    def entries(self, view: str, index: str, run: int = 1) -> list[tuple[str, str, Any]]:
        prefix = f"i#{run}#{view}#{index}#"
        return sorted((item["pk"][len(prefix) :], item["sk"], read(item)) for item in self.items(prefix))


def everything(bench: Bench, run: int = 1) -> dict[str, Any]:
    """Give all rows and all index entries of all views."""
    views = bench.app.model.views
    rows = {name: bench.rows(name, run) for name in views}
    entries = {f"{name}.{index}": bench.entries(name, index, run) for name in views for index in views[name].indexes}
    return {**rows, **entries}


def summary(made: Registry, *names: str) -> None:
    """Add a view of orders, whose rows note each event that they saw."""
    Summary = made.view("Summary", key="order_id")

    @made.projector(*(names or ("Placed", "Paid", "Shipped")), view=Summary)
    def seen(row: Any, event: Any, *, message: Message) -> Any:
        row = row or {"order_id": event["order_id"], "seen": []}
        row["seen"].append(message.name)
        return row

    @made.projector("Removed", view=Summary)
    def removed(row: Any, event: Any) -> Any:
        return None


def shared(made: Registry) -> None:
    """Add a view with many orders to a row."""

    @made.projector("Placed", view=made.view("Spent", key="customer_id"))
    def spent(row: Any, event: Any) -> Any:
        row = row or {"customer_id": event["customer_id"], "orders": {}}
        row["orders"].setdefault(event["order_id"], []).append(event["total"])
        return row

    @made.projector("Forgotten", view="Spent")
    def forgotten(row: Any, event: Any) -> Any:
        return None


def order(number: str = "o-1", **more: Any) -> dict[str, Any]:
    return {"order_id": number, **more}


def feed_all(container: Container, items: Iterable[Item]) -> None:
    for item in items:
        container.feed(item)


def cost(requests: int, read: float, written: float) -> Cost:
    return Cost(requests, read, written)
