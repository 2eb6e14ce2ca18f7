"""`given(...)` for reactions: the commands of handlers, rows of views, public events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from marshmallow import Schema, fields

from cqrsless import (
    Command,
    Event,
    Registry,
    UnknownMessage,
    ValidationFailed,
    cancel,
)
from cqrsless.testing import given
from tests.testing.shop_of_stories import NOON, O1, Notes, Order, Summary, billing, deadlines, order

# -- reactions: commands


def test_the_commands_of_a_handler_are_checked_in_their_order() -> None:
    reaction = order().when(Event("OrderCreated", O1), processor=deadlines)
    reaction.then(Command("ShipOrder", O1, due=timedelta(days=3)))
    reaction.then(Command("ShipOrder", O1, id="ship-o-1", due=timedelta(days=3)))


def test_what_is_due_is_the_same_however_it_is_written() -> None:
    reaction = order(now=NOON).when(Event("OrderCreated", O1))
    reaction.then(Command("ShipOrder", O1, due=NOON + timedelta(days=3)))
    with pytest.raises(
        AssertionError,
        match=r"due: expected in 2 days \(2026-01-03 12:00:00 UTC\), got in 3 days \(2026-01-04 12:00:00 UTC\)$",
    ):
        reaction.then(Command("ShipOrder", O1, due=timedelta(days=2)))
    with pytest.raises(AssertionError, match=r"number 1, ShipOrder: due: expected at once, got in 3 days"):
        reaction.then(Command("ShipOrder", O1))


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        (Command("NoteOrder", {**O1, "note": "unpaid"}, on_rejected="NotBilled"), "payload.note: expected 'unpaid'"),
        (Command("NoteOrder", {**O1, "note": "billed"}), "on_rejected: expected None, got 'NotBilled'"),
        (Command("NoteOrder", {**O1, "note": "billed"}, id="x", on_rejected="NotBilled"), "id: expected 'x', got 'e-"),
        (Command("BillOrder", {**O1, "note": "billed"}, on_rejected="NotBilled"), "name: expected 'BillOrder'"),
        (cancel("x"), r"expected cancel\('x'\), got NoteOrder"),
    ],
)
def test_another_command_is_told_field_by_field(expected: Any, line: str) -> None:
    reaction = order().when(Event("OrderShipped", {**O1, "total": 7}), processor="billing")
    reaction.then(Command("NoteOrder", {**O1, "note": "billed"}, on_rejected="NotBilled"))
    with pytest.raises(AssertionError, match=line):
        reaction.then(expected)


def test_more_or_fewer_commands_fail() -> None:
    reaction = order().when(Event("OrderCreated", O1))
    with pytest.raises(AssertionError, match="OrderCreated should ask for no command\n  but asked for ShipOrder"):
        reaction.then_nothing()
    with pytest.raises(AssertionError, match="2 expected, 1 asked for"):
        reaction.then(Command("ShipOrder", O1), cancel("x"))


def test_handlers_see_the_views_of_what_happened_before() -> None:
    shipped = Event("OrderShipped", {**O1, "total": 7})
    order(Event("OrderCreated", O1)).when(shipped, processor=deadlines).then(cancel("ship-o-1"))
    order(Command("CreateOrder", O1)).when(shipped, processor=deadlines).then(cancel("ship-o-1"))
    order().when(shipped, processor=deadlines).then_nothing()


def test_what_steers_a_processor_is_checked() -> None:
    late = order().when(Event("OrderShipped", O1), processor=billing)
    late.then_retry_later().then_retry_later(60).then_retry_later(timedelta(minutes=1))
    order().when(Event("OrderShipped", O1), processor=billing, attempt=2).then_retry_later(after=120)
    order().when(Event("OrderShipped", {**O1, "total": 0}), processor=billing).then_give_up(match="nothing to bill")
    with pytest.raises(AssertionError, match=r"retried after 0:02:00\n  but is retried after 0:01:00"):
        late.then_retry_later(120)
    with pytest.raises(AssertionError, match=r"be given up\n  but raised RetryLater: no total yet"):
        late.then_give_up()
    with pytest.raises(AssertionError, match=r"ask for no command\n  but raised RetryLater: no total yet"):
        late.then_nothing()
    with pytest.raises(AssertionError, match=r"be retried later\n  but asked for ShipOrder"):
        order().when(Event("OrderCreated", O1)).then_retry_later()


def test_an_external_event_reaches_the_handlers_of_its_source() -> None:
    paid = Event("PaymentReceived", {"order": "o-1"})
    order().when(paid, source="bank", id="p-1").then(Command("ShipOrder", O1)).twice()
    with pytest.raises(UnknownMessage, match="nothing here listens to an event of source 'bnk' named"):
        order().when(paid, source="bnk")
    with pytest.raises(TypeError, match="id= is for one external event"):
        order().when(Event("OrderCreated", O1), id="x")


def test_a_command_that_could_not_be_executed_fails_the_test() -> None:
    class Total(Schema):
        thing_id = fields.String(required=True)
        amount = fields.Integer(required=True)

    odd = Registry("odd")
    thing = odd.aggregate("Thing", id_field="thing_id")

    @odd.command_handler("Charge", schema=Total, aggregate=thing)
    def charge(command: Any, state: Any) -> Any:
        return state

    @odd.event_handler("Made", processor="wrong")
    def wrong(event: Any) -> Any:
        return Command("Charge", {"thing_id": "t", "amount": "many"})

    @odd.event_handler("Made", processor="typo")
    def typo(event: Any) -> Any:
        return Command("Chagre", {})

    made = Event("Made", {"thing_id": "t"})
    with pytest.raises(ValidationFailed, match="amount"):
        given(registry=odd).when(made, processor="wrong").then()
    with pytest.raises(UnknownMessage, match="did you mean 'Charge'"):
        given(registry=odd).when(made, processor="typo").then()


def test_a_bug_in_a_handler_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError, match="order_id"):
        order().when(Event("OrderCreated", {}), of=(Order, "o-1")).then()
    with pytest.raises(TypeError, match="NoneType"):
        order().when(Event("OrderShipped", O1)).then_row(Summary, "o-1", None)


def test_a_command_under_a_new_id_each_time_is_found_by_twice() -> None:
    odd = Registry("odd-ids")
    thing = odd.aggregate("Thing", id_field="thing_id")

    @odd.command_handler("Charge", aggregate=thing)
    def charge(command: Any, state: Any) -> Any:
        return state

    @odd.event_handler("Made", processor="wrong")
    def wrong(event: Any) -> Any:
        return Command("Charge", event, id=uuid4().hex)

    @odd.event_handler("Made", processor="right")
    def right(event: Any) -> Any:
        return Command("Charge", event)

    made = Event("Made", {"thing_id": "t"})
    given(registry=odd).when(made, processor="right").twice()
    with pytest.raises(AssertionError, match="Made should ask for the same when it is delivered again"):
        given(registry=odd).when(made, processor="wrong").twice()


# -- reactions: views and publishers


def test_rows_are_checked_after_events() -> None:
    reaction = order(Event("OrderCreated", O1)).when(
        Event("OrderShipped", O1), Event("OrderCreated", {"order_id": "2"})
    )
    reaction.then_row(Summary, "o-1", {**O1, "status": "shipped"}).then_row("OrderSummary", "3", None).twice()
    reaction.then_rows(Summary, {"order_id": "2", "status": "placed"}, {**O1, "status": "shipped"})


def test_rows_of_an_aggregates_own_id_and_of_several_key_fields() -> None:
    line = Event("LineAdded", {"line": 2})
    reaction = order(line, of=(Order, "o-1")).when(line, of=("Order", "o-1"))
    reaction.then_row(Notes, "o-1", 2, {**O1, "line": 2, "count": 2}).twice()
    assert reaction.row(Notes, "o-1", 2) == {**O1, "line": 2, "count": 2}


def test_another_row_is_told_field_by_field() -> None:
    reaction = order(Event("OrderCreated", O1)).when(Event("OrderShipped", O1))
    with pytest.raises(
        AssertionError, match=r"leave OrderSummary 'o-1' as .*\n.*\n  status: expected 'placed', got 'sh"
    ):
        reaction.then_row(Summary, "o-1", {**O1, "status": "placed"})
    with pytest.raises(AssertionError, match=r"it has 1\n  not expected: {'order_id': 'o-1'"):
        reaction.then_rows(Summary)
    with pytest.raises(AssertionError, match=r"missing: {'order_id': '9'}"):
        reaction.then_rows(Summary, {**O1, "status": "shipped"}, {"order_id": "9"})
    order(Event("OrderCreated", O1)).when(Event("OrderDropped", O1)).then_rows(Summary)


def test_a_view_is_checked_without_any_handler_being_called() -> None:
    order(Event("OrderCreated", O1)).when(Event("OrderShipped", O1)).then_row(
        Summary, "o-1", {**O1, "status": "shipped"}
    )


def test_public_events_are_checked() -> None:
    reaction = order().when(Event("OrderShipped", O1))
    reaction.then_published(Event("ParcelSent", {"order": "o-1"}))
    with pytest.raises(AssertionError, match=r"should publish nothing\n  but published ParcelSent"):
        reaction.then_published()
    with pytest.raises(AssertionError, match=r"\[0\].payload.order: expected 'o-2', got 'o-1'"):
        reaction.then_published(Event("ParcelSent", {"order": "o-2"}))
    order().when(Event("OrderCreated", O1)).then_published()
