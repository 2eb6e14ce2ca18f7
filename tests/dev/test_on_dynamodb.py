"""The server on tables of DynamoDB, over HTTP: what the console shows of them, and lets one do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cqrsless import App, CommandResult
from cqrsless.dev.console import sweeping
from cqrsless.driver import LambdaContext
from cqrsless.sources import handle
from cqrsless.testing import lambda_events
from tests.dev.conftest import Console, order

pytestmark = pytest.mark.server


@pytest.fixture
def url(project: Path, ministack_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", ministack_endpoint)
    url = f"dynamodb://dev-{uuid4().hex[:8]}"
    monkeypatch.setenv("CQRSLESS_STORE", url)
    return url


@pytest.fixture
def on_dynamodb(url: str, opened: Callable[..., Console]) -> Iterator[Console]:
    console = opened(store=url, dynamodb=True)
    console.app.create_tables()
    yield console


@pytest.fixture
def deliver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Be the function of a processor that the table's stream feeds."""

    def deliver(console: Console, processor: str, *commits: tuple[str, int]) -> Any:
        monkeypatch.setenv("CQRSLESS_PROCESSOR", processor)
        app = App(console.app.store.url, registry=console.app.registry)
        results = [CommandResult(aggregate="Order", aggregate_id=id, version=version) for id, version in commits]
        return handle(lambda_events.dynamodb_stream(app, *results), LambdaContext("dev", "r-1", clock=app.now), app)

    return deliver


def test_commands_and_histories_are_those_of_the_tables(on_dynamodb: Console) -> None:
    assert on_dynamodb.place("o-1")["cost"] == {"requests": 1, "read": 0, "write": 1}
    assert on_dynamodb.post("send", name="ShipOrder", payload={"order_id": "o-1"})["version"] == 2
    refused = on_dynamodb.post("send", name="ShipOrder", payload={"order_id": "o-1"})
    assert (refused["ok"], refused["detail"]) == (False, "the order has already shipped")
    commits = on_dynamodb.get("commits", type="Order", id="o-1")
    assert [one["command"]["name"] for one in commits["commits"]] == ["ShipOrder", "PlaceOrder"]
    state = on_dynamodb.get("state", type="Order", id="o-1", version=2)
    assert (state["before"]["state"]["status"], state["after"]["state"]["status"]) == ("placed", "shipped")
    assert on_dynamodb.get("event", type="Order", id="o-1", version=1)["sent"] is None, "commands are not recorded"
    status = on_dynamodb.get("status")
    assert (status["embedded"], status["commits"], status["broken"]) == (False, None, False)
    (shipping,) = (one for one in on_dynamodb.get("costs")["totals"] if one["command"] == "ShipOrder")
    assert (shipping["done"], shipping["refused"]) == (1, 1)


def test_the_timeline_is_the_table_in_the_order_of_time(on_dynamodb: Console) -> None:
    for number in range(5):
        on_dynamodb.place(f"o-{number}")
    on_dynamodb.post("send", name="ShipOrder", payload={"order_id": "o-0"})
    first = on_dynamodb.get("events", limit=4)
    assert [(one["id"], one["version"]) for one in first["commits"]] == [("o-0", 2), ("o-4", 1), ("o-3", 1), ("o-2", 1)]
    second = on_dynamodb.get("events", limit=4, before=first["before"])
    assert [one["id"] for one in second["commits"]] == ["o-1", "o-0"]
    assert (first["tail"], first["why"], second["before"]) == (6, None, None)
    assert [one["version"] for one in on_dynamodb.get("events", name="OrderShipped")["commits"]] == [2]
    assert [one["id"] for one in on_dynamodb.get("events", after=5)["commits"]] == ["o-0"]


def test_aggregates_are_listed_by_their_ids(on_dynamodb: Console) -> None:
    for id in ("b-2", "a-1", "b-1"):
        on_dynamodb.place(id)
    on_dynamodb.post("send", name="ShipOrder", payload={"order_id": "b-1"})
    first = on_dynamodb.get("aggregates", type="Order", limit=2)
    assert [(one["id"], one["version"]) for one in first["aggregates"]] == [("a-1", 1), ("b-1", 2)]
    second = on_dynamodb.get("aggregates", type="Order", limit=2, after=first["after"])
    assert [one["id"] for one in second["aggregates"]] == ["b-2"] and second["after"] is None
    found = on_dynamodb.get("aggregates", type="Order", prefix="b-")
    assert [one["id"] for one in found["aggregates"]] == ["b-1", "b-2"]


def test_what_a_large_table_does_not_show_is_said(on_dynamodb: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        on_dynamodb.place(f"o-{number}")
    monkeypatch.setattr(sweeping, "MOST", 3)
    for name, parameters in (("events", {}), ("aggregates", {"type": "Order"})):
        page = on_dynamodb.get(name, **parameters)
        assert page["why"] == "The table holds more than 3 items, in no order; this is what 3 of them show."
        assert len(page.get("commits", page.get("aggregates"))) == 3


def test_rows_are_those_that_the_deployed_functions_write(on_dynamodb: Console, deliver: Callable[..., Any]) -> None:
    for number in range(3):
        on_dynamodb.place(f"o-{number}")
    assert on_dynamodb.get("rows", view="Summary")["rows"] == [], "no stream delivers here"
    assert deliver(on_dynamodb, "views", *((f"o-{number}", 1) for number in range(3))) == {"batchItemFailures": []}
    first = on_dynamodb.get("rows", view="Summary", limit=2)
    second = on_dynamodb.get("rows", view="Summary", limit=2, cursor=first["cursor"])
    assert [row["order_id"] for row in first["rows"] + second["rows"]] == ["o-0", "o-1", "o-2"]
    assert second["cursor"] is None
    by_status = on_dynamodb.get("rows", view="Summary", index="by_status", value="placed")
    assert len(by_status["rows"]) == 3
    assert on_dynamodb.post("ask", name="GetOrder", payload={"order_id": "o-1"})["value"]["status"] == "placed"


def test_what_is_parked_is_seen_and_retried(
    on_dynamodb: Console, deliver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = {"nobody@example.org"}
    shop: Any = __import__(on_dynamodb.server.project.name.partition(":")[0])  # type: ignore[union-attr]
    monkeypatch.setattr(shop, "unreachable", unreachable)
    on_dynamodb.place("o-1", mail="nobody@example.org")
    on_dynamodb.post("send", name="ShipOrder", payload={"order_id": "o-1"})
    deliver(on_dynamodb, "mailer", ("o-1", 1), ("o-1", 2))
    (mailer,) = (one for one in on_dynamodb.get("processors")["processors"] if one["name"] == "mailer")
    assert (mailer["letters"], mailer["behind"]) == (1, None)
    (letter,) = on_dynamodb.get("letters", consumer="mailer")["letters"]
    assert (letter["id"], letter["commit"], letter["events"]) == ("o-1", 2, ["OrderShipped"])
    assert on_dynamodb.post("retry", consumer="mailer")["left"] == 1
    unreachable.clear()
    assert on_dynamodb.post("retry", consumer="mailer") == {"left": 0, "why": None}
    assert on_dynamodb.get("letters", consumer="mailer")["count"] == 0


def test_a_view_is_built_anew(on_dynamodb: Console) -> None:
    on_dynamodb.place("o-1")
    assert on_dynamodb.post("replay", consumer="Summary") == {"commits": 1}
    assert [row["order_id"] for row in on_dynamodb.get("rows", view="Summary")["rows"]] == ["o-1"]


def test_routes_answer_from_the_tables(on_dynamodb: Console) -> None:
    placed = on_dynamodb.client.post("/orders", json=order("o-1"))
    assert placed.status_code == 201
    assert on_dynamodb.client.get("/orders/o-1").status_code == 404, "no view has it yet"


def test_schedules_and_the_clock_are_those_of_aws(on_dynamodb: Console) -> None:
    assert on_dynamodb.get("due")["embedded"] is False
    answer = on_dynamodb.client.post(
        "/_cqrsless/api/advance", json={"seconds": 60}, headers={"x-cqrsless-console": "1"}
    )
    assert "is AWS's, and cannot be moved" in answer.json["detail"]
