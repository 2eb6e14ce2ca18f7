"""`given(...)` for decisions: races, snapshots, repeats, costs; and for reactions: commands, rows, public events."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from marshmallow import Schema, fields

from cqrsless import (
    DELETED,
    AlreadyExists,
    Command,
    Event,
    GiveUp,
    Registry,
    Rejected,
    RetryLater,
    UnknownMessage,
    ValidationFailed,
    cancel,
)
from cqrsless.testing import Clock, given

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
O1 = {"order_id": "o-1"}
PLACED = {"status": "placed"}

shop = Registry("shop-of-stories")
Order = shop.aggregate("Order", id_field="order_id")
Shelf = shop.aggregate("Shelf", id_field="sku")


class OrderRef(Schema):
    order_id = fields.String(required=True)


@shop.command_handler("CreateOrder", aggregate=Order, creation="always")
def create_order(command: Any, order: Any) -> Any:
    return PLACED, Event("OrderCreated", command)


@shop.command_handler("ShipOrder", schema=OrderRef, aggregate=Order)
def ship_order(command: Any, order: Any) -> Any:
    if order["status"] == "shipped":
        raise Rejected("the order has already shipped")
    return {**order, "status": "shipped"}, Event("OrderShipped", command)


@shop.command_handler("NoteOrder", aggregate=Order)
def note_order(command: Any, order: Any) -> Any:
    return {**order, "notes": [*order.get("notes", []), command["note"]]}


@shop.command_handler("DropOrder", aggregate=Order, creation="if_missing")
def drop_order(command: Any, order: Any) -> Any:
    return DELETED


@shop.command_handler("StockShelf", aggregate=Shelf, creation="if_missing")
def stock_shelf(command: Any, shelf: Any) -> Any:
    return {"sku": command["sku"]}, Event("ShelfStocked", command)


@shop.command_handler("Ping")
def ping(command: Any) -> str:
    return "pong"


Summary = shop.view("OrderSummary", key="order_id", indexes={"by_status": ("status", "order_id")})
Notes = shop.view("OrderLines", key=("order_id", "line"))


@shop.projector("OrderCreated", view=Summary)
def summary_created(row: Any, event: Any) -> Any:
    return {"order_id": event["order_id"], "status": "placed"}


@shop.projector("OrderShipped", view=Summary)
def summary_shipped(row: Any, event: Any) -> Any:
    return {**row, "status": "shipped"}


@shop.projector("OrderDropped", view=Summary)
def summary_dropped(row: Any, event: Any) -> None:
    return None


@shop.projector("LineAdded", view=Notes, key=lambda event, message: (message.aggregate_id, event["line"]))
def line_added(row: Any, event: Any) -> Any:
    return {"order_id": "o-1", "line": event["line"], "count": (row or {"count": 0})["count"] + 1}


deadlines = shop.processor("deadlines")
billing = shop.processor("billing", retries=2)


@shop.event_handler("OrderCreated", processor=deadlines)
def set_deadline(event: Any) -> Any:
    order = event["order_id"]
    return Command("ShipOrder", {"order_id": order}, id=f"ship-{order}", due=timedelta(days=3))


@shop.event_handler("OrderShipped", processor=deadlines)
def in_time(event: Any, *, views: Any) -> Any:
    return cancel(f"ship-{event['order_id']}") if views.get(Summary, event["order_id"]) else None


@shop.event_handler("OrderShipped", processor=billing)
def bill(event: Any, *, message: Any) -> Any:
    if event.get("total") is None:
        raise RetryLater("no total yet", after=60 * message.attempt)
    if event["total"] == 0:
        raise GiveUp("nothing to bill")
    return [Command("NoteOrder", {"order_id": event["order_id"], "note": "billed"}, on_rejected="NotBilled")]


@shop.event_handler("PaymentReceived", source="bank", processor="payments")
def ship_what_is_paid(event: Any) -> Any:
    return Command("ShipOrder", {"order_id": event["order"]})


@shop.publisher("OrderShipped", to="eventbridge://shop")
def parcel_sent(event: Any) -> Event:
    return Event("ParcelSent", {"order": event["order_id"]})


bank = Registry("bank-of-stories")


@dataclass(frozen=True)
class AccountState:
    balance: int = 0
    seen: tuple[str, ...] = ()


Account = bank.aggregate("Account", id_field="account_id", event_sourced=True, state=AccountState)
FOLDED: list[str] = []


@bank.evolver("Deposited", aggregate=Account)
def deposited(account: AccountState, event: Any) -> AccountState:
    FOLDED.append("Deposited")
    return replace(account, balance=account.balance + event["amount"])


@bank.evolver("Noted", aggregate=Account)
def noted(account: AccountState, event: Any) -> AccountState:
    return replace(account, seen=tuple(event["notes"]))


@bank.evolver("Withdrawn", aggregate=Account)
def withdrawn(account: AccountState, event: Any) -> AccountState:
    return replace(account, balance=account.balance - event["amount"])


@bank.command_handler("Withdraw", aggregate=Account)
def withdraw(command: Any, account: AccountState) -> Any:
    if command["amount"] > account.balance:
        raise Rejected(f"the balance is {account.balance}")
    return Event("Withdrawn", {"amount": command["amount"]})


TWO = Event("Deposited", {"amount": 2})
WITHDRAW_TWO = ("Withdraw", {"account_id": "a-1", "amount": 2})


def order(*past: Any, **how: Any) -> Any:
    return given(*past, registry=shop, **how)


def account(*past: Any, **how: Any) -> Any:
    return given(*past, registry=bank, **how)


# -- races


def test_a_lost_race_is_decided_again_on_what_the_other_left() -> None:
    account(TWO).when(*WITHDRAW_TWO).then(Event("Withdrawn", {"amount": 2}))
    account(TWO).racing(Event("Withdrawn", {"amount": 1})).when(*WITHDRAW_TWO).then_rejected(match="balance is 1")
    account(TWO).racing(TWO).when(*WITHDRAW_TWO).then_state(AccountState(2))


def test_a_race_is_against_a_state_or_a_command_too() -> None:
    order(PLACED).racing({"status": "shipped"}).when("ShipOrder", O1).then_rejected(match="already shipped")
    order(PLACED).racing(Command("ShipOrder", O1)).when("ShipOrder", O1).then_rejected(match="already shipped")
    order(PLACED).racing(Command("NoteOrder", {**O1, "note": "n"})).when("ShipOrder", O1).then_state(
        {"status": "shipped", "notes": ["n"]}
    )


def test_a_create_loses_a_race() -> None:
    order().racing(PLACED).when("CreateOrder", O1).then_rejected(AlreadyExists)
    order().racing(DELETED).when("CreateOrder", O1).then_rejected(AlreadyExists, match="deleted")


def test_several_races_are_lost_one_after_the_other() -> None:
    outcome = account(TWO).racing(TWO, TWO, TWO).when(*WITHDRAW_TWO).then_state(AccountState(6))
    assert outcome.result is not None and outcome.result.version == 5


def test_a_lost_race_costs_one_request() -> None:
    account(TWO).when(*WITHDRAW_TWO).then_cost(requests=2, write_units=1)
    raced = account(TWO).racing(TWO).when(*WITHDRAW_TWO).then_cost(requests=3, write_units=2)
    with pytest.raises(AssertionError, match=r"^Withdraw costs too much: it took 3 requests, and may take 2"):
        raced.then_cost(requests=2)


def test_a_race_that_never_took_place_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="Withdraw lost 0 of 1 races: it came to Rejected"):
        account(TWO).racing(TWO).when("Withdraw", {"account_id": "a-1", "amount": 3})
    with pytest.raises(AssertionError, match="Withdraw lost 1 of 2 races"):
        account(TWO).racing(Event("Withdrawn", {"amount": 1}), TWO).when(*WITHDRAW_TWO)
    with pytest.raises(TypeError, match="nobody in it"):
        account(TWO).racing()
    with pytest.raises(TypeError, match="for commands"):
        order().racing(PLACED).when(Event("OrderShipped", O1))


def test_what_the_rival_wrote_is_not_the_commands() -> None:
    past = order(PLACED).racing({**PLACED, "notes": []})
    with pytest.raises(AssertionError, match="ShipOrder should write nothing"):
        past.when("ShipOrder", O1).then_nothing()


def test_a_past_with_races_can_be_used_again() -> None:
    past = account(TWO).racing(TWO)
    for _ in range(2):
        past.when(*WITHDRAW_TWO).then_state(AccountState(2))


# -- snapshots


def test_through_snapshot_nothing_is_folded() -> None:
    long = Event("Deposited", {"amount": 1, "note": str(uuid4())})
    large = account(Event("Noted", {"notes": [uuid4().hex for _ in range(60)]}), long)  # too large to be due a snapshot
    folds: list[int] = []
    for past in (large, large.through_snapshot()):
        FOLDED.clear()
        past.when("Withdraw", {"account_id": "a-1", "amount": 1})
        folds.append(len(FOLDED))
    assert folds[0] > folds[1]


def test_a_state_that_its_stored_form_changes_is_found() -> None:
    class Loose(Schema):
        kept = fields.Integer()

    loose = Registry("loose")
    thing = loose.aggregate("Thing", id_field="thing_id", event_sourced=True, state=Loose)

    @loose.evolver("Made", aggregate=thing)
    def made(state: Any, event: Any) -> Any:
        return {"kept": 1}

    @loose.command_handler("Use", aggregate=thing)
    def use(command: Any, state: Any) -> Any:
        return Event("Made", {"was": sorted(state)})

    given(Event("Made", {}), registry=loose).through_snapshot().when("Use", {"thing_id": "t"}).then(
        Event("Made", {"was": ["kept"]})
    )


def test_a_snapshot_needs_a_past_of_events_or_a_state() -> None:
    order(PLACED).through_snapshot().when("ShipOrder", O1).then_state({"status": "shipped"})
    with pytest.raises(TypeError, match="for commands"):
        order().through_snapshot().when(Event("OrderShipped", O1))


# -- repeats


def test_a_command_delivered_twice_changes_nothing_more() -> None:
    order(PLACED).when("ShipOrder", O1).twice().then(Event("OrderShipped", O1))
    order({"status": "shipped"}).when("ShipOrder", O1).twice().then_rejected()
    account(TWO).when(*WITHDRAW_TWO).twice().then_state(AccountState(0))
    order(PLACED).racing(Command("NoteOrder", {**O1, "note": "n"})).when("ShipOrder", O1).twice()


def test_an_id_that_is_new_each_time_is_found_by_twice() -> None:
    forgetful = Registry("forgetful")
    ticket = forgetful.aggregate("Ticket", id_field="ticket_id", new_id=lambda message: uuid4().hex)

    @forgetful.command_handler("OpenTicket", aggregate=ticket, creation="always")
    def open_ticket(command: Any, state: Any) -> Any:
        return {"open": True}, Event("TicketOpened", command)

    with pytest.raises(AssertionError, match="OpenTicket should come to the same when it is delivered again"):
        given(registry=forgetful).when("OpenTicket", {}).twice()


def test_what_has_no_aggregate_is_not_remembered() -> None:
    with pytest.raises(TypeError, match="Ping has no aggregate, so it is not remembered"):
        given(registry=shop).when("Ping").twice()


# -- reactions: commands


def test_the_commands_of_a_handler_are_checked_in_their_order() -> None:
    reaction = order().when(Event("OrderCreated", O1), processor=deadlines)
    reaction.then(Command("ShipOrder", O1, due=timedelta(days=3)))
    reaction.then(Command("ShipOrder", O1, id="ship-o-1", due=timedelta(days=3)))


def test_what_is_due_is_the_same_however_it_is_written() -> None:
    reaction = order(now=NOON).when(Event("OrderCreated", O1))
    reaction.then(Command("ShipOrder", O1, due=NOON + timedelta(days=3)))
    with pytest.raises(AssertionError, match="number 1, ShipOrder: due: expected"):
        reaction.then(Command("ShipOrder", O1, due=timedelta(days=2)))
    with pytest.raises(AssertionError, match="number 1, ShipOrder: due: expected None"):
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


# -- mistakes in a test


def test_an_event_that_nothing_listens_to_is_a_mistake() -> None:
    with pytest.raises(UnknownMessage, match="named 'OrderShiped'; did you mean 'OrderShipped'"):
        order().when(Event("OrderShiped", O1))
    with pytest.raises(UnknownMessage, match="no event handler is of the processor 'biling'; did you mean 'billing'"):
        order().when(Event("OrderShipped", O1), processor="biling")


def test_an_event_that_may_be_anybodys_asks_whose_it_is() -> None:
    line = Event("LineAdded", {"line": 1})
    for call, asks in (("when", lambda: order().when(line)), ("given", lambda: order(line).when(line, of=Order))):
        with pytest.raises(TypeError) as asked:
            asks()
        assert str(asked.value) == (
            f"{call}(Event('LineAdded', ...)) may be an event of Order or of Shelf: say of which, as in "
            f"{call}(Event('LineAdded', ...), of='Order'), or with the aggregate's id, of=('Order', 'an id')"
        )
    with pytest.raises(UnknownMessage, match="no aggregate 'Ordr' is registered; did you mean 'Order'"):
        order().when(Event("LineAdded", {"line": 1}), of="Ordr")


def test_a_registry_without_functions_asks_for_its_modules() -> None:
    with pytest.raises(UnknownMessage, match=r"no aggregate is registered in 'empty' .*: import the modules whose"):
        given(registry=Registry("empty")).when(Event("BookLent", {"isbn": "1"}))


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock()
    clock.advance(hours=1)
    reaction = order(now=clock).when(Event("OrderCreated", O1))
    reaction.then(Command("ShipOrder", O1, due=clock() + timedelta(days=3)))
    with pytest.raises(ValueError, match="cannot be advanced by -1 day"):
        clock.advance(days=-1)
    with pytest.raises(ValueError, match="no time zone"):
        Clock(datetime(2026, 1, 1))
    clock.set(NOON)
    assert clock() == NOON


def test_a_failing_check_shows_the_tests_own_line(tmp_path: Any) -> None:
    (tmp_path / "test_it.py").write_text(
        "from cqrsless import Event, Registry\n"
        "from cqrsless.testing import given\n"
        "shop = Registry('s'); shop.aggregate('Order', id_field='order_id')\n"
        "@shop.event_handler('A')\n"
        "def handle(event): ...\n"
        "def test_it():\n"
        "    given(registry=shop).when(Event('A', {'order_id': '1'})).then_give_up()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "then_give_up()" in done.stdout and "reactions.py" not in done.stdout, done.stdout
