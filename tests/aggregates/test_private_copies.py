"""Nobody can change what is not theirs: the cache, a retry, a caller's payload and a result are private copies."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import App, Event, Registry, Rejected
from cqrsless.store import Store
from tests.aggregates.around import Around
from tests.aggregates.box import Failure, Frozen, KindOfBox, box, numbers, opened


def test_a_handler_that_changes_its_state_and_fails_spoils_nothing(kind: KindOfBox, around: Around) -> None:
    app = opened(kind, around)
    app.execute("Put", {"id": "b", "n": 1})
    payload = {"id": "b"}
    for _ in range(2):
        with pytest.raises(Failure):
            app.execute("Break", payload)
    assert payload == {"id": "b"}
    app.execute("Put", {"id": "b", "n": 2})
    assert numbers(app.load("Box", "b").state) == [0, 1, 2]


def test_what_a_handler_or_a_reader_keeps_is_nobody_elses(store: Store) -> None:
    registry = Registry("leaky")
    Jar = registry.aggregate("Jar", id_field="id")
    kept: list[Any] = []

    @registry.command_handler("Fill", aggregate=Jar, creation="if_missing")
    def fill(command: Any, jar: Any) -> Any:
        jar = jar or {"things": []}
        jar["things"].append(command["thing"])
        kept.extend([jar, command["thing"]])
        return jar, Event("Filled", {"thing": command["thing"]})

    app = App(store, registry=registry)
    thing = {"colour": "red"}
    result = app.execute("Fill", {"id": "j", "thing": thing})
    for leaked in kept:
        leaked.clear()
    thing.clear()
    result.events[0].payload.clear()
    app.load("Jar", "j").state.clear()
    app.history("Jar", "j")[0].payload.clear()
    app.execute("Fill", {"id": "j", "thing": {"colour": "blue"}})
    assert app.load("Jar", "j").state == {"things": [{"colour": "red"}, {"colour": "blue"}]}
    assert app.history("Jar", "j")[0].payload == {"thing": {"colour": "red"}}


@pytest.mark.parametrize("nested", [False, True])
def test_an_evolver_that_changes_its_payload_changes_nobody_elses(nested: bool, store: Store) -> None:
    made: list[Event] = []
    for state_type in (dict, Frozen):
        registry = Registry("greedy")
        Jar = registry.aggregate("Jar", id_field="id", event_sourced=True, state=state_type)

        @registry.command_handler("Fill", aggregate=Jar, creation="always")
        def fill(command: Any, jar: Any) -> Any:
            made.append(Event("Filled", {"things": command["things"]}))
            return made[-1]

        @registry.evolver("Filled", aggregate=Jar)
        def filled(jar: Any, event: Any) -> Any:
            if nested:
                event["things"].clear()
            else:
                event.pop("things")
            return jar

        app = App(store, registry=registry)
        result = app.execute("Fill", {"id": state_type.__name__, "things": ["a"] if nested else "a"})
        assert result.events[0].payload == app.history("Jar", state_type.__name__)[0].payload
        assert result.events[0].payload["things"]
        assert made[-1].payload == result.events[0].payload


def test_a_decision_lost_to_another_sees_a_clean_state_the_second_time(around: Around) -> None:
    seen: list[Any] = []
    app = opened("stored", around, seen=lambda name, command, state: seen.append(state and list(state["numbers"])))
    other = App(around.inner, registry=box("stored"))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    app.execute("Put", {"id": "b", "n": 2})  # its handler appends to the list that it is given
    assert seen == [None, [0], [0, 1]]


def test_a_refusal_recorded_in_place_of_a_failed_decision_sees_the_payload_as_it_came(store: Store) -> None:
    registry = Registry("refusing")
    Jar = registry.aggregate("Jar", id_field="id")

    @registry.command_handler("Fill", aggregate=Jar, creation="if_missing")
    def fill(command: Any, jar: Any) -> Any:
        command["things"].clear()
        raise Rejected("it leaks")

    app = App(store, registry=registry)
    result = app.execute("Fill", {"id": "j", "things": [1]}, on_rejected="FillRefused")
    assert result.events[0].payload == {"id": "j", "things": [1], "reason": "it leaks"}
