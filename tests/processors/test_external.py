"""External events: to the handlers of their source, validated, at least once, their commands once."""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema, fields

from cqrsless import Command, GiveUp, Message, Registry, ValidationFailed
from tests.processors.harness import NOON, Bench, registry


class Payment(Schema):
    card = fields.String(required=True)
    amount = fields.Decimal(required=True)


def shop() -> Registry:
    made = registry()
    made.event_type("PaymentFailed", source="payments", schema=Payment)
    return made


def event(name: str = "PaymentFailed", payload: Any = None, **more: Any) -> Message:
    given = {"card": "c", "amount": "9.90"} if payload is None else payload
    return Message("p-1", name, "event", given, NOON, **{"source": "payments", "sent": NOON, **more})


def test_an_event_goes_to_the_handlers_of_its_name_and_source() -> None:
    made = registry()
    got: list[str] = []
    for label, source in (("ours", "payments"), ("theirs", "refunds")):

        def note(event: Any, *, label: str = label) -> None:
            got.append(label)

        note.__qualname__ = label
        made.event_handler("PaymentFailed", source=source)(note)
    container = Bench(made).container()
    assert container.external.receive(event()) is True
    assert got == ["ours"]
    assert container.external.receive(event(source="unknown")) is False
    assert container.external.receive(event("Other")) is False


def test_a_handler_of_commits_sees_no_external_event_and_the_other_way_round() -> None:
    made = registry()
    made.processor("inside", start="beginning")
    got: list[str] = []

    @made.event_handler("PaymentFailed", processor="inside")
    def inside(event: Any) -> None:
        got.append("inside")

    @made.event_handler("PaymentFailed", source="payments")
    def outside(event: Any) -> None:
        got.append("outside")

    bench = Bench(made)
    container = bench.container()
    container.external.receive(event())
    assert got == ["outside"]
    container.batch(bench.commit("Order#1", ("PaymentFailed", {"card": "c", "amount": 1})))
    assert got == ["outside", "inside"]


def test_a_payload_is_validated_by_the_event_types_schema() -> None:
    made = shop()
    got: list[Any] = []

    @made.event_handler("PaymentFailed", source="payments")
    def note(event: Any, *, message: Message) -> None:
        got.append((event, message.payload is event))

    container = Bench(made).container()
    container.external.receive(event())
    assert got == [({"card": "c", "amount": Decimal("9.90")}, True)]
    with pytest.raises(ValidationFailed) as raised:
        container.external.receive(event(payload={"amount": "x"}))
    assert raised.value.messages == {
        "card": ["Missing data for required field."],
        "amount": ["Not a valid number."],
    }


def test_an_event_type_of_our_own_says_nothing_of_a_foreign_event_of_that_name() -> None:
    made = registry()
    made.event_type("PaymentFailed", schema=Payment)
    got: list[Any] = []

    @made.event_handler("PaymentFailed", source="payments")
    def note(event: Any) -> None:
        got.append(event)

    Bench(made).container().external.receive(event(payload={"anything": 1}))
    assert got == [{"anything": 1}]


def test_an_event_that_comes_again_repeats_no_command() -> None:
    made = shop()

    @made.event_handler("PaymentFailed", source="payments")
    def block(event: Any) -> list[Command]:
        return [Command("ToCard", {"id": event["card"], "events": [["Blocked", {}]]})]

    bench = Bench(made)
    for attempt in (1, 2):
        bench.container().external.receive(event(attempt=attempt))
    assert bench.events("Card#c") == ["Blocked"]
    (blocked,) = bench.app.history("Card", "c")
    assert blocked.metadata["correlation_id"] == "p-1"
    assert bench.container().external.receive(event()._replace(id="p-2"))
    assert bench.events("Card#c") == ["Blocked", "Blocked"]


def test_equal_ids_of_two_sources_are_two_events() -> None:
    made = registry()

    @made.event_handler("Failed", source="payments")
    @made.event_handler("Failed", source="refunds")
    def block(event: Any) -> Command:
        return Command("ToCard", {"id": "c", "events": [["Blocked", {}]]})

    bench = Bench(made)
    for source in ("payments", "refunds", "payments"):
        bench.container().external.receive(event("Failed", source=source))
    assert bench.events("Card#c") == ["Blocked", "Blocked"]


def test_a_failure_is_the_sources_to_send_again_and_keeps_no_other_handler_from_it() -> None:
    made = shop()
    made.processor("other")
    got: list[str] = []

    @made.event_handler("PaymentFailed", source="payments")
    def broken(event: Any) -> None:
        raise ZeroDivisionError

    @made.event_handler("PaymentFailed", source="payments", processor="other")
    def fine(event: Any) -> None:
        got.append("fine")

    container = Bench(made).container()
    with pytest.raises(ZeroDivisionError):
        container.external.receive(event())
    assert got == ["fine"]


def test_give_up_is_the_last_word_on_an_event(caplog: pytest.LogCaptureFixture) -> None:
    made = shop()

    @made.event_handler("PaymentFailed", source="payments")
    def hopeless(event: Any) -> None:
        raise GiveUp("no such card")

    with caplog.at_level(logging.ERROR, "cqrsless"):
        assert Bench(made).container().external.receive(event()) is True
    assert "gave up on PaymentFailed p-1: no such card" in caplog.text


def test_a_handler_sees_what_the_source_says_of_the_event() -> None:
    made = shop()
    got: list[Message] = []

    @made.event_handler("PaymentFailed", source="payments")
    def note(event: Any, *, message: Message) -> None:
        got.append(message)

    container = Bench(made).container()
    container.external.receive(event(attempt=3, correlation_id="k"))
    container.external.receive(event())
    first, second = got
    assert (first.id, first.source, first.attempt, first.correlation_id) == ("p-1", "payments", 3, "k")
    assert first.idempotency_key == second.idempotency_key is not None


def test_a_deadline_counts_from_the_events_time() -> None:
    made = shop()

    @made.event_handler("PaymentFailed", source="payments")
    def later(event: Any) -> Command:
        return Command("ToCard", {"id": "c", "events": [["Blocked", {}]]}, due=timedelta(minutes=20))

    bench = Bench(made)
    bench.advance(minutes=15)
    container = bench.container()
    container.external.receive(event())
    bench.advance(minutes=5)
    assert container.fire() == 1
