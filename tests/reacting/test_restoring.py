"""A point-in-time restore: the events table alone, under a new prefix; the rest made anew, with effects muted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from cqrsless import Event, Registry
from cqrsless.app import App
from cqrsless.driver import Driver, EventSourceMapping, StreamsFeed
from cqrsless.driver.dynamodb_streams import latest_stream
from cqrsless.errors import CqrslessError
from cqrsless.messages import Cost
from cqrsless.sources import handle
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb_tables import definition

from .conftest import Clock


class Shop:
    """Effects of every kind, all of which begin with the first event; and a view."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, str, int]] = []
        self.registry = made = Registry("shop")
        Order = made.aggregate("Order", id_field="id")
        made.processor("ordered", start="beginning")
        made.processor("unordered", start="beginning", ordered=False)
        made.processor("tracking", start="beginning", mode="tracking")

        @made.command_handler("Touch", aggregate=Order, creation="if_missing")
        def touch(command: Any, order: Any) -> Any:
            return {"n": (order or {"n": 0})["n"] + 1}, Event("Touched", command)

        for name in ("ordered", "unordered", "tracking"):
            made.event_handler("Touched", processor=name)(self.handler(name))

        @made.projector("Touched", view=made.view("Touches", key="id"))
        def touches(row: Any, event: Any) -> Any:
            return {"n": (row or {"n": 0})["n"] + 1}

        @made.query_handler("Read")
        def read(query: Any, *, views: Any) -> Any:
            return views.get("Touches", query["id"])

    def handler(self, processor: str) -> Any:
        def react(event: Any, *, message: Any) -> None:
            self.effects.append((processor, message.aggregate_id, message.version))

        react.__qualname__ = processor
        return react


@pytest.fixture(params=["memory", "moto"])
def stores(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[tuple[Any, Any]]:
    """Give a store, and another one, for what is restored of it."""
    if request.param == "memory":
        yield open_store("memory://"), open_store("memory://")
        return
    request.getfixturevalue("moto_aws")
    old, new = (open_store(f"dynamodb://{table_prefix}{part}") for part in ("", "-restored"))
    yield old, new


def back_up(old: Any, new: Any) -> None:
    """Put what a backup holds into the new events table."""
    if not new.url.startswith("memory"):
        new.client.create_table(**definition(new.prefix, "events"))
    for item in old.scan("events", Cost()).items:
        new.put("events", item, Cost())


def deliver(app: App) -> None:
    if app.store.url.startswith("memory"):
        app.drain()
        return
    import boto3

    store: Any = app.store
    driver = Driver(sleep=lambda seconds: None, backoff=lambda failures: 0)
    for table in ("events", "log"):
        feed = StreamsFeed(boto3.client("dynamodbstreams"), latest_stream(store.client, f"{store.prefix}-{table}"))
        mapping = EventSourceMapping(table, report_failures=True, retries=5)
        driver.map(mapping, feed, lambda event, context: handle(event, context, app))
    driver.run()


def test_a_restored_store_has_its_views_again_and_nothing_has_effects_again(
    stores: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream brings every commit of the past as well, which is more than AWS promises not to do."""
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    old, new = stores
    shop = Shop()
    before = App(old, registry=shop.registry)
    before.create_tables()
    for number in range(6):
        before.execute("Touch", {"id": f"o-{number % 2}"})
    back_up(old, new)

    after = App(new, registry=shop.registry)
    told: list[int] = []
    after.restore(told.append)
    assert told == [6, 6], "the log, and the view"
    assert after.ask("Read", {"id": "o-0"}) == {"n": 3}
    after.execute("Touch", {"id": "o-0"})
    deliver(after)
    deliver(after)

    assert after.ask("Read", {"id": "o-0"}) == {"n": 4}
    assert after.ask("Read", {"id": "o-1"}) == {"n": 3}
    handled = {("ordered", "o-0", 4), ("unordered", "o-0", 4)}
    if new.url.startswith("memory"):  # elsewhere the indexer is a function of its own
        handled.add(("tracking", "o-0", 4))
    assert set(shop.effects) == handled


def test_views_that_are_in_use_are_no_restored_ones() -> None:
    shop = Shop()
    app = App("memory://", registry=shop.registry)
    app.execute("Touch", {"id": "o-1"})
    app.drain()
    with pytest.raises(CqrslessError, match=r"the views of memory://\S* are in use .*, and app.restore\(\) is for"):
        app.restore()
    app.execute("Touch", {"id": "o-1"})
    app.drain()
    assert len(shop.effects) == 6


@pytest.mark.parametrize("write", range(1, 14))
def test_a_restore_that_was_killed_is_called_again(write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, clock = Shop(), Clock()
    old, new = open_store("memory://"), open_store("memory://")
    before = App(old, registry=shop.registry, clock=clock)
    for number in range(3):
        before.execute("Touch", {"id": f"o-{number % 2}"})
    back_up(old, new)
    after = App(new, registry=shop.registry, clock=clock)
    left = write

    def killed(do: Any) -> Any:
        def call(*args: Any, **options: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt
            do(*args, **options)

        return call

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(new, "put", killed(new.put))
        patch.setattr(new, "write", killed(new.write))
        after.restore()
    clock.time += timedelta(minutes=2)
    again = App(new, registry=shop.registry, clock=clock)
    again.restore()

    assert again.ask("Read", {"id": "o-0"}) == {"n": 2}
    again.execute("Touch", {"id": "o-0"})
    again.drain()
    assert {(id, version) for _, id, version in shop.effects} == {("o-0", 3)}


def test_what_starts_from_the_beginning_would_have_effects_again_without_a_restore() -> None:
    shop = Shop()
    old, new = open_store("memory://"), open_store("memory://")
    App(old, registry=shop.registry).execute("Touch", {"id": "o-1"})
    back_up(old, new)
    App(new, registry=shop.registry).drain()
    assert {processor for processor, *_ in shop.effects} == {"ordered", "unordered", "tracking"}
