"""Mistakes that applications make: each passes its unit tests, and the simulator says what is wrong with it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from cqrsless import App, Command, Event, Registry, Rejected
from cqrsless.testing import SimulationFailed, simulate


def shop() -> Registry:
    """Orders, which take from a stock of two; each mistake reacts to them in its own way."""
    made = Registry("shop")
    Order = made.aggregate("Order", id_field="order")
    Stock = made.aggregate("Stock", id_field="stock")

    @made.command_handler("Place", aggregate=Order, creation="always")
    def place(command: Any, order: Any) -> Any:
        return {"status": "placed"}, Event("Placed", command)

    @made.command_handler("Confirm", aggregate=Order)
    def confirm(command: Any, order: Any) -> Any:
        return {"status": "confirmed"}, Event("Confirmed", command)

    @made.command_handler("Refuse", aggregate=Order)
    def refuse(command: Any, order: Any) -> Any:
        return {"status": "refused"}, Event("Refused", command)

    @made.command_handler("Take", aggregate=Stock, creation="if_missing")
    def take(command: Any, stock: Any) -> Any:
        taken = (stock or {"taken": 0})["taken"] + 1
        if taken > 2:
            raise Rejected("there is nothing left")
        return {"taken": taken}, Event("Taken", command)

    made.processor("desk", start="beginning")

    @made.event_handler("Taken", processor="desk")
    def go_on(event: Any) -> Any:
        return Command("Confirm", {"order": event["order"]})

    return made


ORDERS = [f"o-{number}" for number in range(5)]


def orders(random: Random) -> Command:
    return Command("Place", {"order": random.choice(ORDERS)})


def all_have_ended(app: App) -> None:
    placed = {change.pk.partition("#")[2] for change in app.store.changes("events", 0, 1000) if "Order#" in change.pk}
    for order in placed:
        status = app.load("Order", order).state["status"]
        assert status != "placed", f"{order} is {status} for ever"


def failure(registry: Registry, **options: Any) -> str:
    with pytest.raises(SimulationFailed) as failed:
        simulate(registry, orders, schedules=200, seed=2, **options)
    assert len(failed.value.story) < 20, "the story is short"
    return failed.value.what


def test_the_application_without_a_mistake_passes() -> None:
    made = shop()

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Command("Take", {"stock": "s", "order": event["order"]}, on_rejected="NotTaken")

    @made.event_handler("NotTaken", processor="desk")
    def give_in(event: Any) -> Any:
        return Command("Refuse", {"order": event["order"]})

    simulate(made, orders, schedules=60, seed=2, check=all_have_ended)


def test_a_forgotten_on_rejected_leaves_a_process_standing() -> None:
    made = shop()

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Command("Take", {"stock": "s", "order": event["order"]})

    assert "is placed for ever" in failure(made, check=all_have_ended)


def test_a_process_that_drops_a_refusal_leaves_it_standing() -> None:
    made = shop()

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Command("Take", {"stock": "s", "order": event["order"]}, on_rejected="NotTaken")

    assert "is placed for ever" in failure(made, check=all_have_ended)


def told_at_once(made: Registry, **options: Any) -> str:
    at_once = "a mistake of the application's, which no other attempt can pass: "
    said, _, why = failure(made, **options).partition(at_once)
    assert said.startswith("Order#o-") and said.endswith(" was parked at once for desk at commit 1 by ")
    return why


def test_an_event_handler_that_returns_an_event_is_told_with_the_reason() -> None:
    made = shop()

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Event("Begun", {})

    assert told_at_once(made).startswith("InvalidReturn: event handler ")


def test_a_command_that_nobody_handles_is_told_with_the_reason() -> None:
    made = shop()

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Command("Tak", {"stock": "s", "order": event["order"]})

    assert "no command handler is registered for 'Tak'; did you mean 'Take'" in told_at_once(made)


def test_a_creation_that_returns_nothing_is_told_with_the_reason() -> None:
    made = shop()
    Shelf = made.aggregate("Shelf", id_field="shelf")

    @made.command_handler("Stow", aggregate=Shelf, creation="if_missing")
    def stow(command: Any, shelf: Any) -> Any:
        return None

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Command("Stow", {"shelf": "s"})

    assert told_at_once(made).startswith("InvalidReturn: ")
    simulate(made, orders, schedules=20, seed=2, may_park=True)


def test_a_handler_that_counts_by_itself_counts_repeats() -> None:
    made = shop()
    mails: dict[str, int] = {}

    @made.event_handler("Placed", processor="desk")
    def mail(event: Any) -> None:
        mails[event["order"]] = mails.get(event["order"], 0) + 1

    def check(app: App) -> None:
        sent = dict(mails)
        mails.clear()
        for order, times in sent.items():
            assert times == 1, f"{times} mails were sent for {order}"

    assert "mails were sent for o-" in failure(made, check=check)


def test_a_projector_with_a_memory_of_its_own_is_found_out() -> None:
    made = shop()
    seen: list[str] = []

    @made.projector("Placed", view=made.view("Orders", key="order"))
    def placed(row: Any, event: Any) -> Any:
        seen.append(event["order"])
        return {"place": len(seen)}

    assert "folding the same events once and in order gives" in failure(made)


def test_a_projector_that_reads_the_clock_of_its_process_is_found_out() -> None:
    made = shop()
    ticks = iter(range(10**9))

    @made.projector("Placed", view=made.view("Orders", key="order"))
    def placed(row: Any, event: Any) -> Any:
        return {"at": next(ticks)}

    assert "folding the same events once and in order gives" in failure(made)


def test_a_random_id_of_a_command_is_found_out() -> None:
    made = shop()
    ids = iter(range(10**9))

    @made.event_handler("Placed", processor="desk")
    def begin(event: Any) -> Any:
        return Command("Take", {"stock": event["order"], "order": event["order"]}, id=f"take-{next(ids)}")

    assert "commits of Take, and its handlers asked for 1" in failure(made)
