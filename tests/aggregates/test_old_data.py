"""Events of yesterday read by the code of today, and of tomorrow by the code of yesterday."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import Schema, fields

from cqrsless import App, Event, Registry, SerializationFailed, UnknownEvent
from cqrsless.store import Store
from tests.aggregates.around import Around, commits


def bank(version: int, *, sourced: bool = True, extra: Callable[[Registry], None] = lambda registry: None) -> Registry:
    """Make a bank: `Paid` held {"euros"}, then {"cents"}, then {"cents", "by"}; from 2 on it is called `Deposited`."""
    registry = Registry("bank")
    Account = registry.aggregate(
        "Account", id_field="id", event_sourced=sourced, state_version=version if sourced else 1
    )
    name = "Paid" if version == 1 else "Deposited"
    if version > 1:
        registry.event_type("Deposited", version=version, was="Paid")

        @registry.upcaster("Deposited", from_version=1)
        def to_2(payload: Any) -> Any:
            return {"cents": payload["euros"] * 100}

    if version > 2:

        @registry.upcaster("Paid", from_version=2)  # a former name is as good
        def to_3(payload: Any) -> Any:
            payload["by"] = "somebody"
            return payload

    @registry.command_handler("Pay", aggregate=Account, creation="if_missing")
    def pay(command: Any, account: Any) -> Any:
        amount = command["euros"]
        payload = {1: {"euros": amount}, 2: {"cents": amount * 100}, 3: {"cents": amount * 100, "by": "Ann"}}[version]
        event = Event(name, payload)
        return event if sourced else ({"paid": (account or {"paid": 0})["paid"] + amount}, event)

    if sourced:

        @registry.evolver(name, aggregate=Account)
        def paid(account: Any, event: Any) -> Any:
            cents = event["euros"] * 100 if version == 1 else event["cents"]
            return {"cents": account.get("cents", 0) + cents}

    extra(registry)
    return registry


@pytest.mark.parametrize("sourced", [True, False])
def test_old_events_are_read_as_those_of_today(sourced: bool, store: Store) -> None:
    for version in (1, 2, 3):
        App(store, registry=bank(version, sourced=sourced)).execute("Pay", {"id": "a", "euros": version})
    assert [item["names"] for item in commits(store, "Account#a")] == [
        {"Paid": "1"},
        {"Deposited": "1"},
        {"Deposited": "1"},
    ]
    today = App(store, registry=bank(3, sourced=sourced))
    assert [(event.name, event.payload) for event in today.history("Account", "a")] == [
        ("Deposited", {"cents": 100, "by": "somebody"}),
        ("Deposited", {"cents": 200, "by": "somebody"}),
        ("Deposited", {"cents": 300, "by": "Ann"}),
    ]
    assert today.load("Account", "a").state == ({"cents": 600} if sourced else {"paid": 6})


def test_a_duplicate_gives_its_events_brought_up_to_date(store: Store) -> None:
    App(store, registry=bank(1)).execute("Pay", {"id": "a", "euros": 1}, id="c")
    found = App(store, registry=bank(3)).execute("Pay", {"id": "a", "euros": 1}, id="c")
    assert found.duplicate
    assert (found.events[0].name, found.events[0].payload) == ("Deposited", {"cents": 100, "by": "somebody"})


@pytest.mark.parametrize("warm", [True, False])
def test_a_newer_version_of_an_event_stops_old_code_that_would_fold_it(warm: bool, store: Store) -> None:
    old = App(store, registry=bank(2))
    old.execute("Pay", {"id": "a", "euros": 1})
    App(store, registry=bank(3)).execute("Pay", {"id": "a", "euros": 2})
    app = old if warm else App(store, registry=bank(2))
    text = "Account#a holds Deposited of version 3, and this application knows version 2: deploy the newer code"
    for attempt in (lambda: app.execute("Pay", {"id": "a", "euros": 3}), lambda: app.load("Account", "a")):
        with pytest.raises(UnknownEvent, match=text):
            attempt()
    with pytest.raises(UnknownEvent, match="deploy the newer code"):
        app.history("Account", "a")
    assert app.load("Account", "a", 1).state == {"cents": 100}
    assert len(commits(store, "Account#a")) == 2


@pytest.mark.parametrize("warm", [True, False])
def test_an_unknown_event_stops_code_that_would_fold_it(warm: bool, store: Store) -> None:
    def interest(registry: Registry) -> None:
        @registry.command_handler("Earn", aggregate="Account")
        def earn(command: Any, account: Any) -> Any:
            return Event("InterestEarned", {})

        @registry.evolver("InterestEarned", aggregate="Account")
        def earned(account: Any, event: Any) -> Any:
            return {"cents": account["cents"] + 1}

    around = Around(store)
    old = App(around, registry=bank(2))
    old.execute("Pay", {"id": "a", "euros": 1})
    # No snapshot hides it: those of another state_version are not taken.
    App(store, registry=bank(3, extra=interest)).execute("Earn", {"id": "a"})
    app = old if warm else App(around, registry=bank(2))
    for attempt in (lambda: app.execute("Pay", {"id": "a", "euros": 3}), lambda: app.load("Account", "a")):
        with pytest.raises(UnknownEvent, match=r"holds InterestEarned, which this application does not know: deploy"):
            attempt()
    assert len(commits(store, "Account#a")) == 2
    assert App(store, registry=bank(2, extra=interest)).load("Account", "a").state == {"cents": 101}


def test_an_unknown_event_is_refused_before_it_is_written(store: Store) -> None:
    def nonsense(registry: Registry) -> None:
        @registry.command_handler("Babble", aggregate="Account", creation="if_missing")
        def babble(command: Any, account: Any) -> Any:
            return Event("Babbled", {})

        @registry.evolver("Babled", aggregate="Account")
        def babled(account: Any, event: Any) -> Any:
            return account

    app = App(store, registry=bank(1, extra=nonsense))
    with pytest.raises(UnknownEvent) as caught:
        app.execute("Babble", {"id": "a"})
    assert str(caught.value).startswith(
        "Account is about to record Babbled, which this application could not fold again: "
        "add @evolver('Babbled', aggregate='Account'), or event_type('Babbled') if it changes no state; "
        "did you mean 'Babled'? (in babble, tests/aggregates/test_old_data.py:"
    )
    assert commits(store, "Account#a") == []


def test_an_event_that_changes_no_state_needs_only_a_type(store: Store) -> None:
    def noted(registry: Registry) -> None:
        Noted = registry.event_type("Noted")

        @registry.command_handler("Note", aggregate="Account", creation="if_missing")
        def note(command: Any, account: Any) -> Any:
            return Noted(text="hello")

    app = App(store, registry=bank(1, extra=noted))
    assert app.execute("Note", {"id": "a"}).events[0].payload == {"text": "hello"}
    assert App(store, registry=bank(1, extra=noted)).load("Account", "a").state == {}


def test_a_stored_aggregate_may_record_events_of_any_name(store: Store) -> None:
    registry = Registry("free")
    Thing = registry.aggregate("Thing", id_field="id")

    @registry.command_handler("Say", aggregate=Thing, creation="if_missing")
    def say(command: Any, thing: Any) -> Any:
        return {}, Event(command["what"], {"n": 1})

    app = App(store, registry=registry)
    for what in ("Said", "with space", "ünïcödé", "*", "a.b/c", "$dec"):
        assert app.execute("Say", {"id": "t", "what": what}).events[0].name == what
    assert [event.name for event in app.history("Thing", "t")] == [
        "Said",
        "with space",
        "ünïcödé",
        "*",
        "a.b/c",
        "$dec",
    ]


class DepositedSchema(Schema):
    amount = fields.Decimal(required=True)
    at = fields.AwareDateTime()


def schemaed() -> App:
    registry = Registry("schemas")
    Account = registry.aggregate("Account", id_field="id", event_sourced=True)
    registry.event_type("Deposited", schema=DepositedSchema)

    @registry.command_handler("Deposit", aggregate=Account, creation="if_missing")
    def deposit(command: Any, account: Any) -> Any:
        return Event("Deposited", {k: v for k, v in command.items() if k != "id"})

    @registry.evolver("Deposited", aggregate=Account)
    def deposited(account: Any, event: Any) -> Any:
        return {"total": account.get("total", 0) + event["amount"]}

    return App("memory://", registry=registry)


def test_an_events_schema_says_how_it_is_stored_and_read() -> None:
    app = schemaed()
    first = app.execute("Deposit", {"id": "a", "amount": "5.50"})
    assert first.events[0].payload == app.history("Account", "a")[0].payload
    assert str(first.events[0].payload["amount"]) == "5.50"
    assert str(app.load("Account", "a").state["total"]) == "5.50"


@pytest.mark.parametrize("payload", [{}, {"amount": "x"}, {"amount": 1, "note": "undeclared"}])
def test_a_payload_that_does_not_fit_its_events_schema_is_the_applications_error(payload: Any) -> None:
    app = schemaed()
    with pytest.raises(SerializationFailed, match="the payload of Deposited"):
        app.execute("Deposit", {"id": "a", **payload})
    assert app.history("Account", "a") == []
