"""What a test gives to its story and what it asks of it: a mistake is told as one, with what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cqrsless import Command, Event, Rejected, UnknownMessage
from cqrsless.testing import given
from tests.testing.shop_of_stories import O1, PLACED, account, order

SHIPPED = Event("OrderShipped", {**O1, "total": 2})


def decided() -> Any:
    return order(PLACED).when("ShipOrder", O1)


def reacted() -> Any:
    return order().when(Event("OrderCreated", O1))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: order().when(5),
            "when() takes a command, when('ShipOrder', {...}) or when(Command(...)), or events, "
            "when(Event('OrderShipped', {...})), and not 5",
        ),
        (lambda: order().when(Event, O1), "when(Event('OrderShipped', {...})), and not a type"),
        (
            lambda: order().when(SHIPPED, O1),
            "when() takes events, as in when(Event('OrderShipped', {...})), and not a dict",
        ),
        (
            lambda: order().when(SHIPPED, Command("ShipOrder", O1)),
            "not the command ShipOrder; a command has a story of its own: given(...).when(Command(...))",
        ),
        (lambda: order().when("ShipOrder", O1, O1), "takes one payload, and is given 2 things behind the name"),
        (
            lambda: order().when(Command("ShipOrder", O1), {"note": ""}, id="c-1"),
            "when(Command('ShipOrder', ...)) takes the command whole, and nothing beside it, such as a payload, id=: "
            "write it in Command(...), or when('ShipOrder', {...}, ...)",
        ),
        (
            lambda: order().when("ShipOrder", O1, time=5),
            "and not time=; the time of a story is given(..., now=)",
        ),
        (
            lambda: given(clock=5),  # type: ignore[arg-type]
            "given() takes registry=, resources=, now=, of=, and not clock=; the time of a story is given(..., now=)",
        ),
        (lambda: given(registri=5), "and not registri=; did you mean 'registry'?"),  # type: ignore[arg-type]
        (
            lambda: order().when("ShipOrder", O1, of="Order"),
            "when() of a command takes id=, metadata=, expected_version=, and not of=; that is for events, "
            "when(Event('OrderShipped', {...}))",
        ),
        (
            lambda: order().when(SHIPPED, surce="bank"),
            "when() of events takes of=, source=, processor=, id=, metadata=, attempt=, and not surce=; did you mean "
            "'source'?",
        ),
        (
            lambda: decided().then("OrderShipped"),
            "then() takes events, as in then(Event('OrderShipped', {...})), and not 'OrderShipped'",
        ),
        (
            lambda: decided().then([SHIPPED]),
            "not a list of them: write them one by one, or with a star before the list",
        ),
        (
            lambda: decided().then(Command("ShipOrder", O1)),
            "and not the command ShipOrder; commands are what events ask for: "
            "given().when(Event(...)).then(Command(...))",
        ),
        (
            lambda: reacted().then(SHIPPED),
            "then() of a story of events takes the commands that their handlers ask for, and not the event "
            "OrderShipped: what is published is checked by then_published(Event(...)), a row of "
            "a view by then_row(...)",
        ),
        (
            lambda: reacted().then("ShipOrder"),
            "then() takes commands and cancel(id)s, as in then(Command('ShipOrder', {...})), and not 'ShipOrder'",
        ),
        (lambda: reacted().then_published("X"), "as in then_published(Event('X', {...})), and not 'X'"),
        (
            lambda: reacted().then_row("OrderSummary", "o-1", "placed"),
            "then_row() takes a row, as in then_row('OrderSummary', 'o-1', {...}), "
            "or None for no row, and not 'placed'",
        ),
        (
            lambda: reacted().then_rows("OrderSummary", None),
            "then_rows() takes a row, as in then_rows('OrderSummary', {...}), and not None",
        ),
        (
            lambda: decided().then_rejected("shipped"),
            "then_rejected() takes the error's class, and its text by name: then_rejected(match='shipped')",
        ),
        (
            lambda: decided().then_rejected(Rejected("no")),
            "takes the error's class, and not a Rejected: write then_rejected(Rejected, match='no')",
        ),
    ],
)
def test_what_is_given_wrong_is_told_with_what_is_right(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(TypeError) as told:
        make()
    assert text in str(told.value)


def test_a_check_of_the_other_kind_of_story_is_told_with_what_this_one_has() -> None:
    with pytest.raises(AttributeError) as told:
        decided().then_rows("OrderSummary")
    assert str(told.value) == (
        "a story of a command has no then_rows, which is for events: it has then, then_state, then_rejected, "
        "then_invalid, then_nothing, then_cost, twice, result, error, events, cost"
    )
    with pytest.raises(AttributeError) as told:
        reacted().then_rejected()
    assert str(told.value) == (
        "a story of events has no then_rejected, which is for a command: it has then, then_nothing, then_retry_later, "
        "then_give_up, then_published, then_row, then_rows, twice, commands, published, row, rows"
    )
    with pytest.raises(AttributeError, match="a story of a command has no then_stat; did you mean 'then_state'"):
        decided().then_stat(PLACED)


def test_an_events_name_in_the_place_of_a_command_is_told_how_it_arrives() -> None:
    with pytest.raises(UnknownMessage) as told:
        order().when("OrderShipped", O1)
    assert str(told.value) == (
        "OrderShipped is an event, and no command: let it arrive by when(Event('OrderShipped', ...))"
    )


def test_a_near_name_goes_before_the_question_whose_an_event_is() -> None:
    for story in (lambda: order().when(Event("OrderShiped")), lambda: order(Event("OrderShiped")).when(SHIPPED)):
        with pytest.raises(UnknownMessage) as told:
            story()
        assert str(told.value).startswith(
            "nothing here knows an event named 'OrderShiped'; did you mean 'OrderShipped'"
        )


def test_an_event_of_another_number_is_no_typo_and_only_has_to_be_listened_to() -> None:
    with pytest.raises(UnknownMessage, match="nothing here listens to an event named 'OrderShipped2'"):
        order().when(Event("OrderShipped2"), of="Order").then_nothing()


def test_another_refusal_is_told_with_its_check() -> None:
    with pytest.raises(AssertionError, match="an invalid payload is checked by then_invalid"):
        order(PLACED).when("ShipOrder", {}).then_rejected()
    with pytest.raises(AssertionError, match=r"that is checked by then_rejected\(NotFound\)"):
        order().when("ShipOrder", O1).then_rejected()
    with pytest.raises(AssertionError) as told:
        account().when("Withdraw", {}).then_rejected(match="the balance")
    assert str(told.value).endswith("then_invalid()")
    with pytest.raises(AssertionError) as told:
        order({"status": "shipped"}).when("ShipOrder", O1).then_rejected(match="other")
    assert str(told.value).splitlines()[1:-1] == ["  but refused with Rejected: the order has already shipped"]


def test_a_key_of_another_length_is_the_tests() -> None:
    with pytest.raises(Exception, match=r"^the test gave 2 values for the key of the view OrderSummary, which is"):
        reacted().then_row("OrderSummary", "o-1", 2, {})
