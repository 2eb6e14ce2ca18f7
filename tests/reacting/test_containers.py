"""What containers that share a store do to each other."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Event, Registry
from cqrsless.app import App
from cqrsless.delivery.batches import Delivery
from cqrsless.messages import Cost
from cqrsless.stores import open_store


class Mail:
    def __init__(self) -> None:
        self.sent: list[int] = []

    def registry(self) -> Registry:
        made = Registry("mail")
        Order = made.aggregate("Order", id_field="order_id")
        made.processor("mailer", start="beginning")

        @made.command_handler("Touch", aggregate=Order, creation="if_missing")
        def touch(command: Any, order: Any) -> Any:
            n = (order or {"n": 0})["n"] + 1
            return {"n": n}, Event("Touched", {"n": n})

        @made.event_handler("Touched", processor="mailer")
        def mail(event: Any) -> None:
            self.sent.append(event["n"])

        return made


def test_what_another_container_has_handled_is_not_handled_again() -> None:
    """Behind a failure in its batch a record comes again, and not always to the same container."""
    mail, store = Mail(), open_store("memory://")
    registry = mail.registry()
    one, two = App(store, registry=registry), App(store, registry=registry)
    for _ in range(2):
        one.execute("Touch", {"order_id": "o-1"})
    first, second = (Delivery(str(number), store.get("events", "Order#o-1", number, Cost()) or {}) for number in (1, 2))
    assert one.consume([first]) == []
    assert two.consume([second]) == []
    assert one.consume([second]) == []
    assert mail.sent == [1, 2]


def test_a_container_reads_the_place_of_an_aggregate_once_a_batch() -> None:
    mail, store = Mail(), open_store("memory://")
    app = App(store, registry=mail.registry())
    for _ in range(5):
        app.execute("Touch", {"order_id": "o-1"})
    reads: list[str] = []
    get = store.get

    def counting(table: Any, pk: str, sk: Any, cost: Cost) -> Any:
        reads.append(pk)
        return get(table, pk, sk, cost)

    store.get = counting  # type: ignore[method-assign]
    app.consume([Delivery(str(n), get("events", "Order#o-1", n, Cost()) or {}) for n in range(1, 6)])
    assert reads.count("p#1#mailer#Order#o-1") == 1
    assert mail.sent == [1, 2, 3, 4, 5]


def test_a_batch_reads_the_control_item_of_each_consumer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mail, store = Mail(), open_store("memory://")
    registry = mail.registry()
    registry.projector("Touched", view=registry.view("Touches", key="order_id"))(lambda row, event: event)
    registry.processor("audit", mode="tracking", start="beginning")
    registry.event_handler("Touched", processor="audit")(lambda event: None)
    app = App(store, registry=registry)
    app.create_tables()
    for _ in range(5):
        app.execute("Touch", {"order_id": "o-1"})
    reads: list[str] = []
    get = store.get

    def counting(table: Any, pk: str, sk: Any, cost: Cost) -> Any:
        reads.append(pk)
        return get(table, pk, sk, cost)

    monkeypatch.setattr(store, "get", counting)
    app.consume([Delivery(str(n), get("events", "Order#o-1", n, Cost()) or {}) for n in range(1, 6)])
    assert sorted(pk for pk in reads if pk.startswith("c#")) == ["c#Touches", "c#mailer"]
    reads.clear()
    app.wake([])
    assert reads.count("c#audit") == 2, "for where it starts, and for its one page"
