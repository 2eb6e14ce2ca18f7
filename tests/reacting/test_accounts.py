"""What is told of processors: metrics for each batch, and who has fallen behind."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest

from cqrsless.app import App
from cqrsless.delivery.batches import Delivery
from cqrsless.log import control
from cqrsless.messages import Cost
from cqrsless.metrics import emf

from .conftest import Clock, Shop


class Told:
    """An application whose metrics are read."""

    def __init__(self, shop: Shop, clock: Clock) -> None:
        self.clock = clock
        self.stream = io.StringIO()
        self.app = shop.app("memory://", clock)
        self.reactions = self.app.compiled.reactions
        self.reactions._metrics = emf(self.stream, service="shop")

    def deliver(self, number: int, id_: str = "a1") -> list[str]:
        item = self.app.store.get("events", f"Order#{id_}", number, Cost())
        assert item is not None
        return self.app.consume([Delivery("1", item)])

    def lines(self) -> dict[str, dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return {line["Processor"]: line for line in lines}


@pytest.fixture
def told(shop: Shop, clock: Clock) -> Told:
    return Told(shop, clock)


def figures(line: dict[str, Any]) -> tuple[int, int, int]:
    return line["Applied"], line["Retried"], line["Parked"]


def test_each_batch_tells_what_each_consumer_did(told: Told) -> None:
    told.app.execute("CreateOrder", {"order_id": "a1"})
    told.clock.time += timedelta(seconds=3)
    told.deliver(1)
    lines = told.lines()
    assert {name: figures(line) for name, line in lines.items()} == {
        "indexer": (1, 0, 0), "Summary": (1, 0, 0), "Customers": (1, 0, 0), "deadlines": (1, 0, 0),
    }  # fmt: skip
    assert all(3000 <= line["LagMs"] < 3001 for line in lines.values())
    (described,) = lines["Summary"]["_aws"]["CloudWatchMetrics"]
    assert described["Dimensions"] == [["Service", "Processor"]]
    assert [one["Name"] for one in described["Metrics"]] == ["Applied", "Retried", "Parked", "LagMs"]


def test_what_comes_again_or_concerns_nobody_tells_nothing(told: Told) -> None:
    told.app.execute("CreateOrder", {"order_id": "a1"})
    told.deliver(1)
    told.lines()
    told.deliver(1)
    assert set(told.lines()) == {"indexer"}


def test_attempts_that_fail_and_aggregates_that_are_parked_are_counted(told: Told, shop: Shop) -> None:
    told.app.execute("CreateOrder", {"order_id": "a1"})
    told.app.execute("Touch", {"order_id": "a1"})
    shop.poisoned.add("a1")
    assert told.deliver(2) == ["1"]
    assert figures(told.lines()["mailer"]) == (0, 1, 0)
    assert told.deliver(2) == []
    assert figures(told.lines()["mailer"]) == (0, 0, 1)
    shop.poisoned.clear()
    told.clock.time += timedelta(days=3)
    told.app.letters.retry("mailer")
    told.app.execute("Touch", {"order_id": "a1"})
    told.deliver(3)
    line = told.lines()["mailer"]
    assert figures(line) == (2, 0, 0)
    assert line["LagMs"] < 1000, "what was parked is late for reasons of its own"


def test_tracking_processors_are_told_of_when_they_read_the_log(told: Told) -> None:
    told.app.execute("CreateOrder", {"order_id": "a1"})
    told.app.drain()
    assert figures(told.lines()["Statement"]) == (1, 0, 0)


def test_a_replay_is_no_traffic(told: Told) -> None:
    told.app.execute("CreateOrder", {"order_id": "a1"})
    told.deliver(1)
    told.lines()
    told.app.replay("Summary")
    told.deliver(1)
    assert "Summary" not in told.lines()


def test_an_indexer_that_fell_twenty_hours_behind_asks_once_for_a_rebuild(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    told.reactions.expires = True
    for n in range(3):
        told.app.execute("CreateOrder", {"order_id": f"a{n}"})
    told.clock.time += timedelta(hours=19)
    told.deliver(1, "a0")
    assert control.read(told.app.store, Cost()).asked == 0
    told.clock.time += timedelta(hours=2)
    told.deliver(1, "a1")
    told.deliver(1, "a2")
    assert control.read(told.app.store, Cost()).asked
    asked = [record.getMessage() for record in caplog.records if "rebuild" in record.getMessage()]
    assert asked == [
        f"the log of {told.app.store.url} needs a rebuild: the indexer was 21 hours behind. Call app.rebuild()"
    ]
    assert "this function is 21 hours behind, and what is older than 24 hours leaves the stream unread" in caplog.text
    told.app.rebuild()
    assert control.read(told.app.store, Cost()).asked == 0


def test_an_embedded_store_forgets_nothing_and_asks_for_nothing(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    told.app.execute("CreateOrder", {"order_id": "a1"})
    told.clock.time += timedelta(days=30)
    told.app.drain()
    assert "behind" not in caplog.text


def test_a_lambda_function_writes_them_by_default(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "views")
    app = App("memory://", registry=shop.registry)
    app.execute("CreateOrder", {"order_id": "a1"})
    app.drain()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(line["Service"], line.get("Processor")) for line in lines} >= {("views", "Summary"), ("views", "indexer")}
