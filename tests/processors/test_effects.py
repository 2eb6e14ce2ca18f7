"""Commands from events: dispatched once however often the event comes, refusals taken as answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from cqrsless import DELETED, Command, CommandResult, Event, Message, Registry, Rejected, from_command_id
from cqrsless.processors.effects import derived_id
from cqrsless.store import Delete
from tests.processors.harness import Bench, Died, Dying, registry


def charge(card: str = "c", **options: Any) -> Command:
    return Command("ToCard", {"id": card, "events": [["Charged", {}]]}, **options)


def shop(react: Callable[..., Any], **options: Any) -> Bench:
    made = registry()
    made.processor("billing", start="beginning", **{"retries": 0, **options})
    made.event_handler("Placed", processor="billing")(react)

    @made.command_handler("Refuse", aggregate="Card", creation="if_missing")
    def refuse(command: Any, card: Any) -> Any:
        raise Rejected("no credit")

    @made.command_handler("Block", aggregate="Card")
    def block(command: Any, card: Any) -> Any:
        return card, Event("Blocked", {})

    @made.command_handler("Open", aggregate="Card", creation="always")
    def open_card(command: Any, card: Any) -> Any:
        return {}, Event("Opened", {})

    @made.command_handler("Forget", aggregate="Card")
    def forget(command: Any, card: Any) -> Any:
        return DELETED

    return Bench(made)


def again(bench: Bench, item: Any) -> None:
    """Handle an event as if nobody had noted that it was handled."""
    for place in bench.items("p#"):
        bench.store.write([Delete("views", place["pk"], place["sk"])], bench.container().offer().cost)
    bench.container().batch(item)


def test_a_command_from_an_event_knows_where_it_comes_from() -> None:
    got: list[Message] = []

    def react(event: Any) -> Command:
        return Command("Note", {"x": 1}, metadata={"tenant": "t"}, expected_version=3)

    bench = shop(react)

    @bench.registry.command_handler("Note")
    def note(command: Any, *, message: Message) -> None:
        got.append(message)

    result = bench.app.execute(
        "ToOrder", {"id": "1", "events": [["Placed", {}]]}, metadata={"correlation_id": "conversation"}
    )
    bench.advance(hours=1)
    bench.container().batch(bench.item("Order#1", 1))
    (message,) = got
    assert message == Message(
        id=derived_id("Order#1@1", "billing", react.__qualname__, "Note", "", "0"),
        name="Note",
        kind="command",
        payload={"x": 1},
        time=result.events[0].time,
        source="event",
        correlation_id="conversation",
        causation_id="Order#1@1",
        metadata={"tenant": "t"},
        expected_version=3,
        sent=result.events[0].time,
    )


def test_an_event_that_comes_again_does_not_repeat_its_command() -> None:
    bench = shop(lambda event: charge())
    item = bench.commit("Order#1", "Placed")
    for _ in range(3):
        again(bench, item)
    assert bench.events("Card#c") == ["Charged"]


def test_an_event_that_comes_again_after_many_other_commands_does_not_repeat_its_own() -> None:
    bench = shop(lambda event: charge())
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    for _ in range(40):
        bench.advance(minutes=1)
        bench.commit("Card#c", "Other")
    again(bench, item)
    assert bench.events("Card#c").count("Charged") == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_repeats_no_command_and_loses_none(after: bool) -> None:
    for at in range(1, 6):
        bench = shop(lambda event: [charge("a"), charge("b")])
        item = bench.commit("Order#1", "Placed")
        dying = Dying(bench.store)
        dying.dies_at, dying.dies_after = at, after
        try:
            bench.container(dying).batch(item)
        except Died:
            bench.container().batch(item)
        assert bench.events("Card#a") == bench.events("Card#b") == ["Charged"], at
        assert bench.place("billing", "Order#1") == {"mark": 1}


def test_equal_commands_are_as_many_commands() -> None:
    bench = shop(lambda event: [charge("a"), charge("a"), charge("b"), charge("a")])
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    again(bench, item)
    assert bench.events("Card#a") == ["Charged"] * 3
    assert bench.events("Card#b") == ["Charged"]


def test_two_events_of_one_commit_make_two_commands() -> None:
    bench = shop(lambda event: charge())
    bench.container().batch(bench.commit("Order#1", "Placed", "Placed"))
    assert bench.events("Card#c") == ["Charged"] * 2


def test_two_handlers_of_one_event_make_two_commands() -> None:
    bench = shop(lambda event: charge())

    @bench.registry.event_handler("Placed", processor="billing")
    def other(event: Any) -> Command:
        return charge()

    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert bench.events("Card#c") == ["Charged"] * 2


def test_an_explicit_id_is_kept_and_makes_one_command_of_several_events() -> None:
    bench = shop(lambda event: charge(id="charge-1"))
    bench.container().batch(bench.commit("Order#1", "Placed", "Placed"))
    (event,) = bench.app.history("Card", "c")
    assert event.metadata["causation_id"] == "charge-1"


def test_a_failure_leaves_the_rest_to_the_next_attempt() -> None:
    def react(event: Any) -> list[Command]:
        return [charge("a"), Command("Block", {"id": "nobody"}), charge("b")]

    bench = shop(react, retries=5)
    item = bench.commit("Order#1", "Placed")
    container = bench.container()
    assert container.batch(item) == ["Order#1@1"]
    assert bench.events("Card#a") == ["Charged"]
    bench.commit("Card#nobody", "Opened")
    assert container.batch(item) == []
    assert bench.events("Card#a") == bench.events("Card#b") == ["Charged"]
    assert bench.events("Card#nobody") == ["Opened", "Blocked"]


# -- answers and failures


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("Refuse", {"id": "c"}), "Refuse refused: Rejected: no credit"),
        (Command("Open", {"id": "there"}), "Open refused: AlreadyExists: Card there exists already"),
        (Command("ToCard", {"id": "there", "events": []}, expected_version=9), "ToCard refused: VersionMismatch"),
    ],
)
def test_a_refusal_is_an_answer_and_is_logged(command: Command, said: str, caplog: pytest.LogCaptureFixture) -> None:
    bench = shop(lambda event: [command, charge("next")])
    bench.commit("Card#there", "Opened")
    with caplog.at_level(logging.INFO, "cqrsless"):
        assert bench.container().batch(bench.commit("Order#1", "Placed")) == []
    assert said in caplog.text
    assert bench.events("Card#next") == ["Charged"]
    assert bench.container().letters.list("billing") == []


def test_a_refusal_with_on_rejected_is_an_event_of_the_target() -> None:
    bench = shop(lambda event: Command("Refuse", {"id": "c"}, on_rejected="ChargeRefused"))
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    again(bench, item)
    (event,) = bench.app.history("Card", "c")
    assert (event.name, event.payload) == ("ChargeRefused", {"id": "c", "reason": "no credit"})


def test_a_deleted_target_answers_with_the_event_that_a_process_asks_for() -> None:
    bench = shop(lambda event: Command("Block", {"id": "c"}, on_rejected="BlockRefused"))
    bench.commit("Card#c", "Opened")
    bench.app.execute("Forget", {"id": "c"})
    container = bench.container()
    assert container.batch(bench.commit("Order#1", "Placed")) == []
    assert bench.app.history("Card", "c")[-1].payload == {"id": "c", "reason": "Card c was deleted"}
    assert container.letters.list("billing") == []


def test_what_does_not_exist_yet_is_tried_again_and_then_parked() -> None:
    bench = shop(lambda event: Command("Block", {"id": "nobody"}), retries=1, retry_on=(KeyError,))
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    assert container.batch(item) == ["Order#1@1"]
    assert container.batch(item) == []
    assert container.letters.list("billing")[0].why == "NotFound: there is no Card nobody for Block"


def test_a_command_that_nobody_handles_parks_with_the_name() -> None:
    bench = shop(lambda event: Command("ToCrad", {"id": "c"}))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert "did you mean 'ToCard'" in bench.container().letters.list("billing")[0].why


def test_an_invalid_payload_parks_with_what_is_wrong() -> None:
    bench = shop(lambda event: Command("ToCard", {"events": []}))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    why = bench.container().letters.list("billing")[0].why
    assert why.startswith(
        "ValidationFailed: event handler test_an_invalid_payload_parks_with_what_is_wrong.<locals>.<lambda>"
    )
    assert "of processor 'billing' returned a Command that is refused: no valid id of Card: id: Missing data" in why
    assert why.endswith("(sent was 'events')")


def test_another_payload_at_a_later_attempt_leaves_the_first_command_as_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = ["Charged", "Refunded"]
    bench = shop(lambda event: Command("ToCard", {"id": "c", "events": [[names.pop(0), {}]]}))
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    again(bench, item)
    assert bench.events("Card#c") == ["Charged"]
    assert "was sent before with another payload, which stands" in caplog.text
    assert bench.container().letters.list("billing") == []


def test_an_explicit_id_used_for_another_payload_is_a_failure() -> None:
    names = ["Charged", "Refunded"]
    bench = shop(lambda event: Command("ToCard", {"id": "c", "events": [[names.pop(0), {}]]}, id="mine"))
    bench.container().batch(bench.commit("Order#1", "Placed", "Placed"))
    assert "DuplicateMismatch" in bench.container().letters.list("billing")[0].why


def test_a_refusal_is_counted_where_commands_are(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("CQRSLESS_METRICS", "emf")
    bench = shop(lambda event: Command("Refuse", {"id": "c"}))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert '"Command": "Refuse"' in (out := capsys.readouterr().out)
    assert '"Refused": 1' in out.splitlines()[-1]


def test_a_command_without_an_aggregate_is_dispatched_each_time() -> None:
    ran: list[int] = []
    bench = shop(lambda event: Command("Note"))

    @bench.registry.command_handler("Note")
    def note(command: Any) -> None:
        ran.append(1)

    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    again(bench, item)
    assert len(ran) == 2  # nothing is committed that could tell


def test_a_new_id_made_of_the_commands_id_is_the_same_at_each_attempt() -> None:
    made = Registry("shop")
    made.aggregate("Order", id_field="id")
    made.aggregate("Ticket", id_field="ticket", new_id=from_command_id)
    made.processor("support", start="beginning", retries=0)

    @made.command_handler("Place", aggregate="Order", creation="always")
    def place(command: Any, order: Any) -> Any:
        return {}, Event("Placed", {})

    @made.command_handler("OpenTicket", aggregate="Ticket", creation="always")
    def open_ticket(command: Any, ticket: Any) -> Any:
        return {}, Event("TicketOpened", {})

    @made.event_handler("Placed", processor="support")
    def ask(event: Any) -> list[Command]:
        return [Command("OpenTicket"), Command("OpenTicket")]

    bench = Bench(made)
    result: CommandResult = bench.app.execute("Place", {"id": "1"})
    item = bench.item("Order#1", result.version or 0)
    bench.container().batch(item)
    again(bench, item)
    tickets = {change.pk for change in bench.store.changes("events", 0, 100) if change.pk.startswith("Ticket")}
    assert len(tickets) == 2
