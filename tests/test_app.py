"""The application object: commands in, results and what is stored out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqrsless import (
    App,
    Command,
    CommandResult,
    Event,
    MalformedMessage,
    NotFound,
    Query,
    RegistrationError,
    Registry,
    Rejected,
    SerializationFailed,
    UnknownMessage,
    ValidationFailed,
    VersionMismatch,
)
from cqrsless.stores.sqlite import SQLiteStore
from tests.aggregates.box import box

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Account:
    balance: Decimal = Decimal(0)


def bank() -> Registry:
    registry = Registry("bank")
    Account_ = registry.aggregate("Account", id_field=("bank", "number"), event_sourced=True, state=Account)

    @registry.command_handler("Deposit", aggregate=Account_, creation="if_missing")
    def deposit(command: Any, account: Account) -> Any:
        if command["amount"] < 0:
            raise Rejected("that is a withdrawal")
        return Event("Deposited", {"amount": command["amount"]})

    @registry.evolver("Deposited", aggregate=Account_)
    def deposited(account: Account, event: Any) -> Account:
        return replace(account, balance=account.balance + event["amount"])

    @registry.evolver("DepositRefused", aggregate=Account_)
    def refused(account: Account, event: Any) -> Account:
        return account

    @registry.query_handler("Rate")
    def rate(query: Any) -> Any:
        return {"EUR": Decimal("1.1")}.get(query["currency"])

    return registry


def test_a_command_is_given_whole_or_in_parts() -> None:
    app = App("memory://", registry=bank(), clock=lambda: AT)
    payload = {"bank": "b", "number": "1", "amount": Decimal(5)}
    parts = app.execute("Deposit", payload, id="c-1", metadata={"by": "Ann"}, expected_version=0)
    whole = app.execute(Command("Deposit", payload, id="c-1", metadata={"by": "Ann"}, expected_version=0))
    assert replace(whole, duplicate=False) == parts
    assert parts.aggregate_id == "1:b1:1" and parts.aggregate == "Account"
    assert parts.events[0].metadata == {"by": "Ann", "correlation_id": "c-1", "causation_id": "c-1"}
    assert parts.events[0].time == AT


def test_a_keyword_beside_a_whole_command_takes_the_place_of_its_own() -> None:
    app = App("memory://", registry=bank(), clock=lambda: AT)
    payload = {"bank": "b", "number": "1", "amount": 5}
    own = Command("Deposit", payload, id="c-1", metadata={"by": "Ann"}, expected_version=7, due=timedelta(days=1))
    given = app.execute(own, id="c-2", metadata={"by": "Bob"}, expected_version=0, due=timedelta(0))
    assert given.events[0].metadata == {"by": "Bob", "correlation_id": "c-2", "causation_id": "c-2"}
    with pytest.raises(VersionMismatch):
        app.execute(Command("Deposit", payload), expected_version=99)
    assert app.execute(Command("Deposit", payload), due=timedelta(days=1)) == CommandResult()
    refused = app.execute(Command("Deposit", {**payload, "amount": -1}, on_rejected="A"), on_rejected="DepositRefused")
    assert [event.name for event in refused.events] == ["DepositRefused"]


def test_metadata_says_what_caused_a_command_and_never_who_acts() -> None:
    app = App("memory://", registry=bank())
    payload = {"bank": "b", "number": "1", "amount": 5}
    metadata = {"correlation_id": "k", "causation_id": "e", "actor": "root"}
    result = app.execute("Deposit", payload, id="c-1", metadata=metadata)
    assert result.events[0].metadata == {"correlation_id": "k", "causation_id": "c-1"}
    assert app.history("Account", ("b", "1"))[0].metadata == {"correlation_id": "k", "causation_id": "c-1"}


@pytest.mark.parametrize("id", ["", 5, b"x", ["a"], True])
def test_a_commands_id_is_a_string(id: Any) -> None:
    with pytest.raises(MalformedMessage, match="a command's id is a non-empty string"):
        App("memory://", registry=bank()).execute("Deposit", {"bank": "b", "number": "1", "amount": 5}, id=id)


@pytest.mark.parametrize(
    "options", [{"id": "\ud800"}, {"metadata": {"correlation_id": "\udfff"}}, {"metadata": {"a": "\ud800"}}]
)
def test_what_is_no_text_is_a_clear_error(options: Any) -> None:
    app = App("memory://", registry=bank())
    with pytest.raises(SerializationFailed, match="lone surrogate, which is no text"):
        app.execute("Deposit", {"bank": "b", "number": "1", "amount": 5}, **options)
    with pytest.raises(NotFound):
        app.load("Account", ("b", "1"))


def test_metadata_that_cannot_be_stored_names_its_path() -> None:
    with pytest.raises(SerializationFailed, match=r"the metadata of Deposit at a.b: a value of type object"):
        App("memory://", registry=bank()).execute(
            "Deposit", {"bank": "b", "number": "1", "amount": 5}, metadata={"a": {"b": object()}}
        )


def test_many_commands_give_a_result_or_an_error_for_each() -> None:
    app = App("memory://", registry=bank())
    payload = {"bank": "b", "number": "1"}
    outcomes = app.execute_many(
        Command(name, {**payload, "amount": amount})
        for name, amount in [("Deposit", 1), ("Deposit", -1), ("Depos", 1), ("Deposit", 2), ("Deposit", "x")]
    )
    assert [type(outcome) for outcome in outcomes] == [
        CommandResult,
        Rejected,
        UnknownMessage,
        CommandResult,
        TypeError,
    ]
    assert app.load("Account", ("b", "1")).state == Account(Decimal(3))


def test_a_query_is_given_whole_or_in_parts() -> None:
    app = App("memory://", registry=bank())
    assert app.ask("Rate", {"currency": "EUR"}) == app.ask(Query("Rate", {"currency": "EUR"})) == Decimal("1.1")
    assert app.ask("Rate", {"currency": "USD"}) is None


def test_every_version_can_be_loaded_and_history_tells_them_all(tmp_path: Path) -> None:
    for store in ("memory://", f"sqlite:///{tmp_path}/bank.db"):
        app = App(store, registry=bank())
        payload = {"bank": "b", "number": "1"}
        for n in range(30):
            app.execute("Deposit", {**payload, "amount": n})
        for version in range(1, 31):
            as_of = app.load("Account", ("b", "1"), version)
            assert as_of == (Account(Decimal(sum(range(version)))), version)
        assert [event.payload["amount"] for event in app.history("Account", "1:b1:1")] == list(range(30))
        with pytest.raises(NotFound, match="is at version 30, so there is no 31"):
            app.load("Account", ("b", "1"), 31)
        with pytest.raises(ValueError, match="versions start at 1"):
            app.load("Account", ("b", "1"), 0)
        app.store.close()


def test_what_does_not_exist_is_not_found() -> None:
    app = App("memory://", registry=bank())
    with pytest.raises(NotFound, match="there is no Account"):
        app.load("Account", ("b", "1"))
    with pytest.raises(NotFound, match="there is no Account"):
        app.load("Account", ("b", "1"), 1)
    assert app.history("Account", ("b", "1")) == []
    with pytest.raises(ValidationFailed, match="An id is not empty"):
        app.load("Account", ("b", ""))
    with pytest.raises(UnknownMessage, match="no aggregate 'Acount' is registered; there is 'Account'"):
        app.load("Acount", "1")


def test_what_is_registered_after_the_application_was_made_is_seen() -> None:
    registry = bank()
    app = App("memory://", registry=registry)
    app.execute("Deposit", {"bank": "b", "number": "1", "amount": 5})

    @registry.command_handler("Double", aggregate="Account")
    def double(command: Any, account: Account) -> Any:
        return Event("Deposited", {"amount": account.balance})

    assert app.execute("Double", {"bank": "b", "number": "1"}).version == 2
    assert app.load("Account", ("b", "1")).state.balance == 10

    @registry.command_handler("Wrong", aggregate="Acount")
    def wrong(command: Any, account: Account) -> Any: ...

    with pytest.raises(RegistrationError, match="did you mean 'Account'"):
        app.execute("Double", {"bank": "b", "number": "1"})


def test_an_application_may_be_made_before_anything_is_registered() -> None:
    registry = Registry("late")
    app = App("memory://", registry=registry)

    @registry.command_handler("Ping")
    def ping(command: Any) -> Any:
        return "pong"

    assert app.execute("Ping").value == "pong"


def test_registering_while_commands_run_loses_none() -> None:
    registry = box("frozen")
    app = App("memory://", registry=registry)
    app.execute("Open", {"id": "b"})
    errors: list[BaseException] = []

    def put() -> None:
        try:
            for n in range(30):
                app.execute("Put", {"id": "b", "n": n})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(20):
        registry.event_type(f"Later{n}")
    for thread in threads:
        thread.join()
    assert errors == []
    assert app.load("Box", "b").version == 121


def test_the_store_is_a_url_or_a_store_or_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQRSLESS_STORE", f"sqlite:///{tmp_path}/a.db")
    app = App(registry=bank())
    assert app.store.url == f"sqlite:///{tmp_path}/a.db"
    app.store.close()
    assert App("memory://", registry=bank()).store.url == "memory://"
    store = SQLiteStore(str(tmp_path / "b.db"))
    assert App(store, registry=bank()).store is store
    store.close()
    monkeypatch.delenv("CQRSLESS_STORE")
    assert App(registry=bank()).store.url == "memory://"


def test_memory_is_private_to_an_application_unless_it_has_a_name() -> None:
    payload = {"bank": "b", "number": "1", "amount": 5}
    one, two = App("memory://", registry=bank()), App("memory://", registry=bank())
    one.execute("Deposit", payload)
    assert two.history("Account", ("b", "1")) == []
    one, two = App("memory://test-app", registry=bank()), App("memory://test-app", registry=bank())
    one.execute("Deposit", payload)
    assert len(two.history("Account", ("b", "1"))) == 1


def test_each_result_has_its_own_cost() -> None:
    app = App("memory://", registry=bank())
    payload = {"bank": "b", "number": "1", "amount": 5}
    first, second = app.execute("Deposit", payload), app.execute("Deposit", payload)
    assert (first.cost.requests, second.cost.requests) == (2, 1)
    assert (first.cost.read_units, second.cost.write_units) == (1, 1)


def test_a_registry_is_given_as_it_is() -> None:
    with pytest.raises(TypeError, match="registry='bank' is no Registry: give the object"):
        App("memory://", registry="bank")  # type: ignore[arg-type]


def test_a_clock_gives_aware_times() -> None:
    app = App("memory://", registry=bank(), clock=lambda: datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="a time without a time zone"):
        app.execute("Deposit", {"bank": "b", "number": "1", "amount": 1})


@pytest.mark.parametrize("registry", [Registry("nothing"), Registry("aggregates")])
def test_an_application_without_handlers_runs_nothing_that_is_due(registry: Registry) -> None:
    if registry.name == "aggregates":
        registry.aggregate("Order", id_field="order_id")
    app = App("memory://", registry=registry)
    for call, name in ((app.drain, "drain"), (lambda: app.advance(timedelta(days=1)), "advance")):
        with pytest.raises(UnknownMessage) as said:
            call()
        assert str(said.value) == (
            f"app.{name} finds no handler in registry {registry.name!r}: import the modules whose functions it has, or "
            "load what CQRSLESS_APP or pyproject.toml names: app = cqrsless.application()"
        )


@pytest.mark.parametrize(
    ("delta", "kind", "says"),
    [
        (
            "14d",
            TypeError,
            r"app\.advance\('14d'\) is given no length of time: write app\.advance\(timedelta\(days=14\)\)",
        ),
        (14, TypeError, r"app\.advance\(14\) is given no length of time"),
        (timedelta.max, ValueError, "the clock cannot be moved on by .*: the last year is 9999"),
        (timedelta(seconds=-1), ValueError, "the clock cannot be moved back by 0:00:01"),
    ],
)
def test_a_clock_is_moved_on_by_a_length_of_time(delta: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        App("memory://", registry=box("stored")).advance(delta)
