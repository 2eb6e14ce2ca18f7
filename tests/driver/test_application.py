"""The driver in front of whole applications: what mappings do to a stream changes nothing of what is promised."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cqrsless import App, Command, Event, Registry
from cqrsless.deploy.planning import SPARE
from cqrsless.driver import Driver, Endless, EventSourceMapping, Mischief, NotInvoked, ObjectDestination, StoreFeed
from cqrsless.sources import handle
from cqrsless.sources.given_up import handle_with
from tests.driver.bench import Clock

Heard = list[tuple[str, int]]


def orders(heard: Heard, *, hear: Callable[[Any], None] = lambda event: None, **processor: Any) -> Registry:
    """Orders that are placed and moved; a view counts the moves, a processor hears of each."""
    registry = Registry("orders")
    order = registry.aggregate("Order", id_field="order_id")
    moves = registry.view("Moves", key="order_id")
    registry.processor("listener", start="beginning", **processor)

    @registry.command_handler("Move", aggregate=order, creation="if_missing")
    def move(command: Any, state: Any) -> Any:
        count = 1 if state is None else state["count"] + 1
        return {"count": count}, Event("Moved", {"order_id": command["order_id"], "count": count})

    @registry.projector("Moved", view=moves)
    def moved(row: Any, event: Any) -> Any:
        before = 0 if row is None else row["count"]
        assert event["count"] == before + 1, "out of order, or twice"
        return {"order_id": event["order_id"], "count": event["count"]}

    @registry.event_handler("Moved", processor="listener")
    def listen(event: Any) -> None:
        hear(event)
        heard.append((event["order_id"], event["count"]))

    @registry.query_handler("Moves")
    def moves_of(query: Any, *, views: Any) -> Any:
        return views.get(moves, query["order_id"])

    return registry


def move(app: App, order: int, times: int = 1) -> None:
    for _ in range(times):
        app.execute("Move", {"order_id": f"o-{order}"})


def in_order(heard: Heard) -> dict[str, list[int]]:
    by_order: dict[str, list[int]] = {}
    for order, count in heard:
        by_order.setdefault(order, []).append(count)
    return by_order


def test_a_drain_feeds_views_and_processors_by_stream_records() -> None:
    heard: Heard = []
    app = App(store="memory://", registry=orders(heard))
    move(app, 1, 3)
    move(app, 2, 1)
    assert app.drain().delivered >= 4
    assert heard == [("o-1", 1), ("o-1", 2), ("o-1", 3), ("o-2", 1)]
    assert app.ask("Moves", {"order_id": "o-1"}) == {"order_id": "o-1", "count": 3}
    assert app.drain().delivered == 0


def test_a_second_process_delivers_what_is_new_even_to_the_unordered(tmp_path: Path) -> None:
    """An unordered processor keeps no marks, so only the checkpoint spares it what the first process has done."""
    for run in range(3):
        heard: Heard = []
        app = App(store=f"sqlite:///{tmp_path}/orders.db", registry=orders(heard, ordered=False))
        move(app, 1)
        app.drain()
        assert heard == [("o-1", run + 1)]
        app.store.close()


@pytest.mark.parametrize("seed", range(12))
def test_no_mischief_of_the_stream_breaks_a_promise(seed: int) -> None:
    """Shards and splits, repeats, delays, throttles, lost answers, retries, bisection: views as from a clean run, and
    every order heard in order."""
    heard: Heard = []
    chance = Random(seed)
    clock = Clock()
    app = App(store="memory://", registry=orders(heard), clock=clock)
    app.drain()

    def unreliable(event: Any, context: Any) -> Any:
        if chance.random() < 0.1:
            raise NotInvoked("throttled")
        if chance.random() < 0.1:
            raise TimeoutError("before anything was done")
        answer = handle(event, context, app)
        if chance.random() < 0.1:
            raise TimeoutError("after everything was done")
        return answer

    mischief = Mischief(delay=0.2, repeat=0.2, reorder=0.5)
    driver = Driver(seed=seed, clock=clock, sleep=clock.sleep, backoff=lambda failures: 1.0, arrivals=mischief)
    feed = StoreFeed(app.store, "events", shards=2, spread="item", clock=clock)
    for name, settings in (("one", {"bisect": True}), ("two", {"parallel": 3})):
        mapping = EventSourceMapping(name, batch_size=7, report_failures=True, **settings)
        driver.map(mapping, feed, unreliable)
    for turn in range(60):
        move(app, chance.randrange(6))
        if turn == 30:
            feed.split(feed.shards()[0].id)
        if chance.random() < 0.5:
            driver.step()
    driver.run()
    expected = {f"o-{order}": app.load("Order", f"o-{order}").version for order in range(6)}
    for order, count in expected.items():
        assert app.ask("Moves", {"order_id": order}) == {"order_id": order, "count": count}
    assert in_order(heard) == {order: list(range(1, count + 1)) for order, count in expected.items()}


def test_what_lambda_gives_up_on_is_parked_and_applied_in_order_once_it_is_mended() -> None:
    """A handler that takes the whole container down can note nothing of it: only the destination tells."""
    heard: Heard = []
    broken = True

    def hear(event: Any) -> None:
        if broken and event["order_id"] == "o-2" and event["count"] == 2:
            raise Fatal

    clock = Clock()
    app = App(store="memory://", registry=orders(heard, hear=hear), clock=clock)
    for order in (1, 2, 3, 2, 1, 2, 3):
        move(app, order)

    def container(event: Any, context: Any) -> Any:
        try:
            return handle(event, context, app)
        except Fatal as error:
            raise RuntimeError("Runtime exited with error: signal: killed") from error

    bucket = ObjectDestination()
    driver = Driver(clock=clock, sleep=clock.sleep)
    mapping = EventSourceMapping("all", retries=1, bisect=True, report_failures=True)
    driver.map(mapping, StoreFeed(app.store, "events", clock=clock), container, destination=bucket)
    driver.run()
    assert len(bucket.objects) == 2  # the commit that kills, and the later one behind it
    for key in bucket.objects:
        handle_with(bucket.notification(key), app, bucket.fetch)
    assert in_order(heard) == {"o-1": [1, 2], "o-2": [1], "o-3": [1, 2]}
    (letter,) = app.letters.list("listener")
    assert (letter.id, letter.commit, letter.seen) == ("o-2", 2, 3)
    assert letter.why.startswith("Lambda gave up: RetryAttemptsExhausted")
    broken = False
    app.letters.retry("listener")
    assert in_order(heard)["o-2"] == [1, 2, 3]
    assert list(app.letters.list("listener")) == []


def test_a_processor_that_is_to_stop_is_parked_by_what_lambda_gives_up_on() -> None:
    heard: Heard = []
    tried: list[int] = []
    broken = True

    def hear(event: Any) -> None:
        if event["order_id"] == "o-1" and broken:
            tried.append(len(app.letters.list("listener")))
            raise ValueError("not yet")

    clock = Clock()
    app = App(store="memory://", registry=orders(heard, hear=hear, retries=1, on_failure="stop"), clock=clock)
    for order in (1, 2, 1):
        move(app, order)
    bucket = ObjectDestination()
    driver = Driver(clock=clock, sleep=clock.sleep)
    mapping = EventSourceMapping("all", retries=1 + SPARE, bisect=True, report_failures=True)
    feed = StoreFeed(app.store, "events", clock=clock)
    driver.map(mapping, feed, lambda event, context: handle(event, context, app), destination=bucket)
    driver.run()
    assert len(tried) > 1 + SPARE and not any(tried), "it goes on beyond its own retries, and parks nothing"
    assert "o-2" in in_order(heard), "of what Lambda has given up, it goes on"
    for key in bucket.objects:
        handle_with(bucket.notification(key), app, bucket.fetch)
    (letter,) = app.letters.list("listener")
    assert (letter.id, letter.commit, letter.seen) == ("o-1", 1, 2)
    assert letter.why.startswith("Lambda gave up: RetryAttemptsExhausted")
    broken = False
    assert app.letters.retry("listener") == []
    assert in_order(heard) == {"o-1": [1, 2], "o-2": [1]}


class Fatal(BaseException):
    """Out of memory: nothing in the process has a say in it."""


def test_a_process_that_goes_round_in_circles_is_named() -> None:
    registry = Registry("ping")
    ball = registry.aggregate("Ball", id_field="ball_id")

    @registry.command_handler("Ping", aggregate=ball, creation="if_missing")
    def ping(command: Any, state: Any) -> Any:
        return {"hits": 1 if state is None else state["hits"] + 1}, Event("Pinged", dict(command))

    @registry.command_handler("Pong", aggregate=ball)
    def pong(command: Any, state: Any) -> Any:
        return {"hits": state["hits"] + 1}, Event("Ponged", dict(command))

    @registry.event_handler("Pinged")
    def back(event: Any) -> Command:
        return Command("Pong", event)

    @registry.event_handler("Ponged")
    def forth(event: Any) -> Command:
        return Command("Ping", event)

    app = App(store="memory://", registry=registry)
    app.execute("Ping", {"ball_id": "b"})
    with pytest.raises(Endless) as endless:
        app.drain()
    assert "The last ones are Pinged, Ponged (of Ball#b" in str(endless.value)


def test_every_record_that_the_driver_makes_goes_through_json() -> None:
    heard: Heard = []
    app = App(store="memory://", registry=orders(heard))
    move(app, 1)
    feed = StoreFeed(app.store, "events")
    (record,) = feed.reader(feed.shards()[0].id, "TRIM_HORIZON").read(10)
    assert json.loads(json.dumps(record)) == record
    assert handle({"Records": [record]}, None, app) == {"batchItemFailures": []}
    assert heard == [("o-1", 1)]
