"""The picture of an event model, and what handlers' sources say of it."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Command, Event, Registry
from cqrsless.describing.diagram import Picture, mermaid, picture
from cqrsless.describing.mentions import mentions
from cqrsless.loading import Setting, load
from cqrsless.registry import EventType

Paid = EventType("OrderPaid")
REFUSED = "PaymentRefused"


def paid(payload: Any) -> Event:
    return Paid(payload)


def names(drawn: Picture) -> set[tuple[str, str]]:
    by_id = {node.id: node.name for node in drawn.nodes}
    return {(by_id[edge.source], by_id[edge.target]) for edge in drawn.edges}


@pytest.fixture(scope="module")
def orders() -> Picture:
    registry: Any = load(Setting("examples.orders.app", ""))
    return picture(registry.freeze())


def test_commands_lead_to_the_events_that_their_handlers_make(orders: Picture) -> None:
    assert {
        ("CreateOrder", "OrderCreated"),
        ("CancelOrder", "OrderCancelled"),
        ("CancelOrder", "OrderRefunded"),
    } <= names(orders)


def test_events_lead_through_processors_to_commands_and_through_views_to_queries(orders: Picture) -> None:
    expected = {
        ("OrderCreated", "deadlines"), ("deadlines", "ExpireOrder"), ("PaymentReceived", "payments"),
        ("OrderPaid", "OrderSummary"), ("OrderSummary", "GetOrder"), ("OrderCreated", "eventbridge://shop"),
    }  # fmt: skip
    assert expected <= names(orders)


def test_the_event_that_stands_for_a_refusal_is_the_commands(orders: Picture) -> None:
    assert ("PayOrder", "PaymentRefused") in names(orders)
    (node,) = (node for node in orders.nodes if node.name == "PaymentRefused")
    assert node.aggregate == "Order"


def test_a_view_leads_to_the_command_without_an_aggregate_that_reads_it() -> None:
    shop = Registry("shop")
    Sales = shop.view("Sales", key="day")

    @shop.command_handler("MailReport")
    def mail_report(command: Any, *, views: Any) -> Any:
        return views.get(Sales, command["day"])

    assert names(picture(shop.freeze())) == {("Sales", "MailReport")}


def test_an_external_event_is_not_the_domain_event_of_that_name() -> None:
    shop = Registry("shop")
    shop.event_handler("Paid", processor="ours")(lambda event: None)
    shop.event_handler("Paid", processor="theirs", source="bank")(lambda event: None)
    assert [(node.kind, node.name) for node in picture(shop.freeze()).nodes if node.name == "Paid"] == [
        ("event", "Paid"), ("external", "Paid"),
    ]  # fmt: skip


def test_an_event_that_only_an_evolver_names_stands_in_its_aggregate() -> None:
    shop = Registry("shop")
    shop.aggregate("Account", id_field="id", event_sourced=True)
    shop.evolver("Moved", aggregate="Account")(lambda account, event: account)
    drawn = picture(shop.freeze())
    assert drawn.aggregates == ("Account",)
    assert [(node.name, node.aggregate) for node in drawn.nodes] == [("Moved", "Account")]


def test_events_are_drawn_once_under_their_present_names() -> None:
    shop = Registry("shop")
    shop.event_type("Deposited", was="MoneyPaidIn")
    shop.aggregate("Account", id_field="id")

    @shop.command_handler("PayIn", aggregate="Account", creation="always")
    def pay_in(command: Any, account: Any) -> Any:
        return {}, Event("MoneyPaidIn", {})

    shop.event_handler("Deposited", processor="p")(lambda event: None)
    assert names(picture(shop.freeze())) == {("PayIn", "Deposited"), ("Deposited", "p")}


def test_an_empty_application_is_an_empty_picture() -> None:
    assert mermaid(picture(Registry("nothing").freeze())) == "flowchart LR\n"


def test_no_name_ends_its_label() -> None:
    shop = Registry("shop")
    shop.query_handler('a"] --> b["<img src=x onerror=alert(1)>')(lambda query: None)
    (box,) = (line for line in mermaid(picture(shop.freeze())).splitlines() if "query0" in line)
    inside = box.partition('[/"')[2].rpartition('"/]')[0]
    assert inside and not set(inside) & set('"<>[]')


# -- what a source mentions


def test_what_is_called_in_the_same_package_is_followed_and_loops_end() -> None:
    def first(command: Any) -> Any:
        return second(command)

    def second(command: Any) -> Any:
        return first(command) if command else paid(command)

    assert mentions(first).events == ("OrderPaid",)


def test_names_are_found_in_every_plain_form() -> None:
    def handler(event: Any, *, views: Any) -> Any:
        views.get("Summary", event["id"])
        yield Event(name="Told")
        yield Command("Pay", event, on_rejected=REFUSED)
        yield Command("Elsewhere", event)

    found = mentions(handler, commands=["Pay"], views=["Summary", "Other"])
    assert found == (("Told",), ("Pay",), ("Summary",), (("Pay", "PaymentRefused"),))


def test_a_function_without_a_source_mentions_nothing() -> None:
    scope: dict[str, Any] = {"Event": Event}
    exec("def made(command): return Event('Hidden')", scope)
    for fn in (scope["made"], len, int):
        assert mentions(fn) == ((), (), (), ())
