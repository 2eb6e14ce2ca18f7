"""What a handler may return, and what it is told where it returns something else."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import App, Event, Registry, Rejected
from cqrsless.errors import InvalidReturn
from cqrsless.store import Store
from tests.aggregates.box import opened


def returning(what: Any, *, sourced: bool) -> App:
    registry = Registry("returns")
    Thing = registry.aggregate("Thing", id_field="id", event_sourced=sourced)

    @registry.command_handler("Do", aggregate=Thing, creation="if_missing")
    def do(command: Any, thing: Any) -> Any:
        return what() if callable(what) else what

    if sourced:

        @registry.evolver("Done", aggregate=Thing)
        def done(thing: Any, event: Any) -> Any:
            return {**thing, "done": True}

    return App("memory://", registry=registry)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (None, r"returned no state: return the state, changed or not; to delete it, return DELETED"),
        (Event("Done"), r"returned an event for a state: return \(state, event\): Thing is state-stored"),
        ((Event("Done"), {}), r"returned an event for a state"),
        (({}, Event("Done"), 3), r"returned a tuple of 3: return \(state, event\)"),
        (({}, "Done"), r"returned a str for events: return an Event, several, or nothing"),
        (({}, {"a": 1}), r"returned a dict for events"),
        (({}, [Event("Done"), "Done"]), r"returned a str among its events"),
        (({}, 5), r"returned an event for a state"),
        ((None, Event("Done")), r"returned no state"),
        (({}, Event("")), r"about to record an event named ''"),
        (({}, Event("a\x00")), r"about to record an event named 'a\\x00'"),
        (({}, Event("x" * 256)), r"a name is a string of 1 to 255 characters"),
        (({}, Event(5)), r"about to record an event named 5"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_return_of_a_stored_aggregates_handler_is_explained(what: Any, why: str) -> None:
    app = returning(what, sourced=False)
    with pytest.raises(InvalidReturn, match=why):
        app.execute("Do", {"id": "1"})
    assert app.history("Thing", "1") == []


def test_a_wrong_return_says_whose_it_was_and_where() -> None:
    with pytest.raises(InvalidReturn, match=r"\(in do, tests/aggregates/test_returns\.py:\d+\)$"):
        returning(None, sourced=False).execute("Do", {"id": "1"})


def test_a_creation_that_returns_nothing_is_a_forgotten_return() -> None:
    registry = Registry("returns")
    Thing = registry.aggregate("Thing", id_field="id", event_sourced=True)

    @registry.command_handler("Make", aggregate=Thing, creation="always")
    def make(command: Any, thing: Any) -> Any:
        return command.get("events")

    app = App("memory://", registry=registry)
    with pytest.raises(InvalidReturn, match="the handler of Make returned nothing: return the Event that creates it"):
        app.execute("Make", {"id": "1"})
    assert app.execute("Make", {"id": "1", "events": []}).version == 0  # which nobody writes by mistake


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"a": 1}, r"returned a dict for events: return an Event, several, or nothing"),
        ("Done", r"returned a str for events"),
        (5, r"returned an int for events"),
        (Rejected("no"), r"returned a Rejected \(raise it, do not return it\) for events"),
        ([Rejected], r"returned the class Rejected \(raise it, do not return it\) among its events"),
        (({"a": 1}, Event("Done")), r"returned a dict among its events"),
        ([None], r"returned None among its events"),
    ],
)
def test_a_wrong_return_of_a_folded_aggregates_handler_is_explained(what: Any, why: str) -> None:
    with pytest.raises(InvalidReturn, match=why):
        returning(what, sourced=True).execute("Do", {"id": "1"})


@pytest.mark.parametrize("what", [Event("Done"), [Event("Done")], (Event("Done"),), lambda: iter([Event("Done")])])
def test_events_are_returned_in_any_iterable(what: Any) -> None:
    assert returning(what, sourced=True).execute("Do", {"id": "1"}).version == 1
    stored = returning((lambda: ({}, what())) if callable(what) else ({}, what), sourced=False)
    assert [event.name for event in stored.execute("Do", {"id": "1"}).events] == ["Done"]


@pytest.mark.parametrize("what", [None, [], (), lambda: iter(())])
def test_no_events_are_nothing_to_do(what: Any) -> None:
    result = returning(what, sourced=True).execute("Do", {"id": "1"})
    assert (result.version, result.events, result.cost.write_units) == (0, (), 0)


@pytest.mark.parametrize(("before", "after", "same"), [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ({"a": 1}, {"a": 1.0}, False), ({"a": 1}, {"a": True}, False),
    ({"a": (1,)}, {"a": [1]}, True), ({}, {}, True), ({"a": None}, {}, False),
])  # fmt: skip
def test_an_unchanged_state_without_events_is_not_written(before: Any, after: Any, same: bool) -> None:
    states = iter([before, after])
    app = returning(lambda: next(states), sourced=False)
    app.execute("Do", {"id": "1"})
    states = iter([after, after])
    assert app.execute("Do", {"id": "1"}).version == (1 if same else 2)


def test_an_evolver_that_forgets_to_return_is_an_error(store: Store) -> None:
    app = opened("sourced", store)

    @app.registry.evolver("Forgotten", aggregate="Box")
    def forgetful(state: Any, event: Any) -> Any:
        state["total"] = 5

    @app.registry.command_handler("Forget", aggregate="Box")
    def forget(command: Any, state: Any) -> Any:
        return Event("Forgotten")

    with pytest.raises(
        InvalidReturn, match=r"the evolver .*forgetful \(.*test_returns.py:\d+\) of Forgotten returned None"
    ):
        app.execute("Forget", {"id": "b"})


def test_a_rejection_of_ones_own_is_given_as_it_is() -> None:
    class Shipped(Rejected):
        pass

    def refuse() -> Any:
        raise Shipped("too late")

    with pytest.raises(Shipped, match="too late"):
        returning(refuse, sourced=False).execute("Do", {"id": "1"})
