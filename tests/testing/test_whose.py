"""Whose an event is, which a story need not say where the application does."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Command, Event, Registry, UnknownMessage
from cqrsless.testing import given
from tests.testing.shop_of_stories import O1, PLACED, TWO, WITHDRAW_TWO, Order, account, order

LINE = Event("LineAdded", {"line": 1})

transfers = Registry("transfers")
Account = transfers.aggregate("Account", id_field="account_id", event_sourced=True)
Transfer = transfers.aggregate("Transfer", id_field="transfer_id")
Audit = transfers.aggregate("Audit", id_field="audit_id", event_sourced=True)
heard: list[tuple[str, str]] = []


@transfers.evolver("Withdrawn", aggregate=Account)
def withdrawn(account: Any, event: Any) -> Any:
    return event


@transfers.command_handler("Begin", aggregate=Transfer, creation="always")
def begin(command: Any, transfer: Any) -> Any:
    return {}, _begun(command)


def _begun(command: Any) -> Event:
    return Event("TransferBegun", command)


@transfers.command_handler("Audit", aggregate=Audit)
def audit(command: Any, state: Any) -> Any:
    return Event("Audited", {})


@transfers.evolver("Audited", aggregate=Audit)
def audited(state: Any, event: Any) -> Any:
    return event


@transfers.command_handler("Note", aggregate=Account)
def note(command: Any, account: Any) -> Any:
    return Event("Noted", {}) if account != Event("TransferBegun", {}) else None


@transfers.command_handler("NoteTransfer", aggregate=Transfer)
def note_transfer(command: Any, transfer: Any) -> Any:
    return {}, Event("Noted", {})


@transfers.evolver("Noted", aggregate=Account)
def noted(account: Any, event: Any) -> Any:
    return event


@transfers.event_handler("Withdrawn", "TransferBegun", "Noted", "Unheard", "Audited")
def hear(event: Any, *, message: Any) -> None:
    heard.append((message.name, message.aggregate_id))


@pytest.fixture(autouse=True)
def silence() -> None:
    heard.clear()


def story(*past: Any, **how: Any) -> Any:
    return given(*past, registry=transfers, **how)


def test_the_one_that_folds_an_event_or_whose_handler_records_it_is_taken() -> None:
    ids = {"audit_id": "a", "account_id": "b", "transfer_id": "c"}
    for event, id in (("Withdrawn", "b"), ("TransferBegun", "c"), ("Audited", "a")):
        story().when(Event(event, ids)).then_nothing()
        assert heard.pop() == (event, id)


def test_the_id_of_another_aggregate_in_the_payload_misleads_nobody() -> None:
    story().when(Event("TransferBegun", {"account_id": "b"})).then_nothing()
    assert heard == [("TransferBegun", "given")]  # of a Transfer whose id nothing says


def test_of_several_that_record_an_event_the_first_of_them_is_suggested() -> None:
    with pytest.raises(TypeError) as asked:
        story().when(Event("Noted", {}))
    assert str(asked.value) == (
        "when(Event('Noted', ...)) may be an event of Account or of Transfer: say of which, as in "
        "when(Event('Noted', ...), of='Account'), or with the aggregate's id, of=('Account', 'an id')"
    )
    story().when(Event("Noted", {"transfer_id": "t"})).then_nothing()
    assert heard == [("Noted", "t")]


def test_an_event_that_nothing_records_may_be_anybodys() -> None:
    with pytest.raises(TypeError, match="may be an event of Account or of Transfer or of Audit: say of which"):
        story().when(Event("Unheard", {}))
    for call, asks in (
        ("when", lambda: order().when(LINE)),
        ("given", lambda: order(LINE).when(Event("OrderCreated", O1))),
    ):
        with pytest.raises(TypeError) as asked:
            asks()
        assert str(asked.value) == (
            f"{call}(Event('LineAdded', ...)) may be an event of Order or of Shelf: say of which, as in "
            f"{call}(Event('LineAdded', ...), of='Order'), or with the aggregate's id, of=('Order', 'an id')"
        )
    with pytest.raises(UnknownMessage, match="no aggregate 'Ordr' is registered; did you mean 'Order'"):
        order().when(LINE, of="Ordr")


def test_what_the_test_says_wrong_is_told_with_what_is_right() -> None:
    with pytest.raises(TypeError) as told:
        story().when(Event("TransferBegun", {}), of=Account)
    assert str(told.value) == (
        "TransferBegun is no event of Account, which does not know it, but of Transfer: "
        "write when(Event('TransferBegun', ...), of='Transfer')"
    )
    with pytest.raises(TypeError) as told:
        story(Event("TransferBegun", {})).when("Note", {"account_id": "a"})
    assert str(told.value) == (
        "TransferBegun is no event of Account, which does not know it, but of Transfer: "
        "the past of a command is that of its own aggregate"
    )


@pytest.mark.parametrize("said", [{"when": (Order, "o-1")}, {"given": (Order, "o-1")}])
def test_once_in_a_story_is_enough(said: dict[str, Any]) -> None:
    story = order(LINE, of=said.get("given")).when(LINE, of=said.get("when"))
    story.then_row("OrderLines", "o-1", 1, {**O1, "line": 1, "count": 2})


def test_each_call_may_say_another_one() -> None:
    story = order(LINE, of=("Shelf", "s-1")).when(LINE, of=("Order", "o-1"))
    for id in ("s-1", "o-1"):
        story.then_row("OrderLines", id, 1, {**O1, "line": 1, "count": 1})


def test_what_an_event_says_by_itself_goes_before_what_is_said_of_others() -> None:
    past = story(Event("Noted", {}), Event("TransferBegun", {"transfer_id": "t-2"}), of=("Transfer", "t-1"))
    past.when(
        Event("Noted", {}), Event("Withdrawn", {"account_id": "b"}), Event("Noted", {"transfer_id": "t-3"})
    ).then()
    assert heard == [("Noted", "t-1"), ("Withdrawn", "b"), ("Noted", "t-3")]


def test_a_command_goes_by_its_own_aggregate() -> None:
    account(Event("Deposited", {"amount": 2}), of="Account").when(*WITHDRAW_TWO).then(Event("Withdrawn", {"amount": 2}))
    order(Command("CreateOrder", O1)).when("ShipOrder", O1).then(Event("OrderShipped", O1))
    for of, who in (("Shelf", "Shelf"), (("Order", "o-2"), "Order o-2")):
        with pytest.raises(TypeError) as told:
            order({"status": "placed"}, of=of).when("ShipOrder", O1)
        assert str(told.value) == (
            f"given(..., of=...) says {who}, and ShipOrder is for Order o-1: the past of a command is that of its own "
            "aggregate, so leave out of="
        )
    order({"status": "placed"}, of=("Order", "o-1")).when("ShipOrder", O1).then(Event("OrderShipped", O1))


def test_a_past_that_says_it_is_of_another_aggregate_than_the_command_is_refused() -> None:
    with pytest.raises(TypeError) as told:
        account(Event("Deposited", {"account_id": "a-2", "amount": 2})).when(*WITHDRAW_TWO)
    assert str(told.value) == (
        "the past has the event Deposited with account_id 'a-2', and Withdraw is for the Account with account_id "
        "'a-1': the past of a command is that of its own aggregate, so write 'a-1' in both, or say "
        "that it is all the same, by given(..., of=('Account', 'a-1'))"
    )
    for past in (order({"order_id": "o-2", "status": "placed"}), order(PLACED).racing({"order_id": "o-2"})):
        with pytest.raises(TypeError, match="the past has a state with order_id 'o-2', and ShipOrder is for the Order"):
            past.when("ShipOrder", O1)
    with pytest.raises(TypeError, match="the event Deposited with account_id 'a-2'"):
        account(TWO).racing(Event("Deposited", {"account_id": "a-2", "amount": 2})).when(*WITHDRAW_TWO)


def test_only_a_part_of_a_composite_id_that_differs_is_told() -> None:
    hall = Registry("hall")
    Seat = hall.aggregate("Seat", id_field=("show", "row"))

    @hall.command_handler("Hold", aggregate=Seat)
    def hold(command: Any, seat: Any) -> Any:
        return {**seat, "held": True}

    here = {"show": "hamlet", "row": "f"}
    given({"row": "f"}, registry=hall).when("Hold", here).then_state({"row": "f", "held": True})
    with pytest.raises(TypeError, match=r"with row 'g', .* the Seat with row 'f': .*of=\('Seat', \('hamlet', 'f'\)\)"):
        given({"show": "hamlet", "row": "g"}, registry=hall).when("Hold", here)


def test_a_past_that_mentions_another_is_the_commands_where_the_test_says_so() -> None:
    moved = Event("Deposited", {"account_id": "a-2", "amount": 2})
    account(moved, of=("Account", "a-1")).when(*WITHDRAW_TWO).then(Event("Withdrawn", {"amount": 2}))
    account(moved).when("Withdraw", {"amount": 2}).then_invalid()  # a command that is for nobody
