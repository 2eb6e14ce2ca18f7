"""An aggregate's life: how it begins, what refuses to happen to it, and how it ends for good."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import (
    DELETED,
    AlreadyExists,
    App,
    Command,
    Event,
    NotFound,
    Registry,
    UnknownEvent,
    ValidationFailed,
    VersionMismatch,
)
from cqrsless.errors import InvalidReturn
from cqrsless.store import Store
from tests.aggregates.around import Around, commits
from tests.aggregates.box import KindOfBox, box, numbers, opened


def both(app: App, store: Store, kind: KindOfBox) -> list[App]:
    """Give an application that remembers, and one that has to read."""
    return [app, App(store, registry=box(kind))]


# -- creation


def test_never_needs_what_exists(kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind))
    with pytest.raises(NotFound, match="there is no Box b for Put"):
        app.execute("Put", {"id": "b", "n": 1})
    app.execute("Open", {"id": "b"})
    assert app.execute("Put", {"id": "b", "n": 1}).version == 2


def test_always_needs_what_does_not_exist(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    for each in both(app, store, kind):
        with pytest.raises(AlreadyExists, match="Box b exists already, and Open creates one"):
            each.execute("Open", {"id": "b"})
    assert len(commits(store, "Box#b")) == 1


def test_if_missing_takes_both(kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind))
    assert [app.execute("Ensure", {"id": "b", "n": n}).version for n in (1, 2)] == [1, 2]
    assert numbers(app.load("Box", "b").state) == [1, 2]


def test_a_handler_gets_none_where_nothing_is_stored_and_an_initial_state_where_it_is_folded(
    kind: KindOfBox, store: Store
) -> None:
    seen: list[Any] = []
    app = App(store, registry=box(kind, seen=lambda name, command, state: seen.append(state)))
    app.execute("Ensure", {"id": "b", "n": 1})
    assert (seen[0] is None) == (kind == "stored")
    assert kind != "sourced" or seen[0] == {}


# -- expected versions


def test_an_expected_version_that_is_the_aggregates_lets_the_command_pass(kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind))
    assert app.execute("Open", {"id": "b"}, expected_version=0).version == 1
    for each in both(app, store, kind):
        version = each.load("Box", "b").version
        assert each.execute("Put", {"id": "b", "n": 1}, expected_version=version).version == version + 1


@pytest.mark.parametrize("expected", [0, 1, 3, 99])
def test_any_other_expected_version_refuses(expected: int, kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    app.execute("Put", {"id": "b", "n": 1})
    for each in both(app, store, kind):
        with pytest.raises(VersionMismatch, match=f"Box b is at version 2, and Put expects {expected}"):
            each.execute("Put", {"id": "b", "n": 2}, expected_version=expected)


def test_an_expected_version_is_not_decided_again_on_a_newer_one(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    with pytest.raises(VersionMismatch, match="is at version 2, and Put expects 1"):
        app.execute("Put", {"id": "b", "n": 2}, expected_version=1)
    assert numbers(app.load("Box", "b").state) == [0, 1]


def test_an_expected_version_of_what_does_not_exist_is_not_found(kind: KindOfBox, store: Store) -> None:
    with pytest.raises(NotFound):
        App(store, registry=box(kind)).execute("Put", {"id": "b", "n": 1}, expected_version=3)


# -- refusals that are recorded


def test_a_recorded_refusal_is_an_event_on_an_unchanged_state(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    app.execute("Put", {"id": "b", "n": 1})
    result = app.execute(Command("Refuse", {"id": "b", "n": 5}, on_rejected="Refused"))
    assert result.version == 3
    assert [(event.name, event.payload) for event in result.events] == [
        ("Refused", {"id": "b", "n": 5, "reason": "the box says no"})
    ]
    for each in both(app, store, kind):
        assert numbers(each.load("Box", "b").state) == [0, 1]
        assert each.history("Box", "b")[-1] == result.events[0]
    app.execute("Put", {"id": "b", "n": 2})
    assert numbers(app.load("Box", "b").state) == [0, 1, 2]


def test_a_refused_creation_of_what_exists_is_recorded_on_it(kind: KindOfBox, store: Store) -> None:
    for app in both(opened(kind, store), store, kind):
        result = app.execute("Open", {"id": "b"}, on_rejected="Refused")
        assert result.events[0].payload["reason"] == "Box b exists already, and Open creates one"
        assert numbers(app.load("Box", "b").state) == [0]


def test_a_refusal_recorded_on_nothing_creates_nothing(kind: KindOfBox, around: Around) -> None:
    app = App(around, registry=box(kind))
    result = app.execute("Refuse", {"id": "b"}, on_rejected="Refused")
    assert (result.version, around.taken()) == (1, ["query", "put"])
    for each in [app, App(around, registry=box(kind))]:
        with pytest.raises(NotFound, match="there is no Box b"):
            each.execute("Put", {"id": "b", "n": 1})
        assert [event.name for event in each.history("Box", "b")] == ["Refused"]
        why = r"^there is no Box b: its history, up to version 1, is refusals by on_rejected=, which create nothing$"
        with pytest.raises(NotFound, match=why):
            each.load("Box", "b")
        with pytest.raises(NotFound, match=why):
            each.load("Box", "b", 1)
        with pytest.raises(NotFound, match=r"^there is no Box c$"):
            each.load("Box", "c")
        assert [event.name for event in each.history("Box", "b")] == ["Refused"]
    app.execute("Refuse", {"id": "b"}, on_rejected="Refused")
    with pytest.raises(NotFound):
        App(around, registry=box(kind)).execute("Put", {"id": "b", "n": 1})
    seen: list[Any] = []
    cold = App(around, registry=box(kind, seen=lambda name, command, state: seen.append(state)))
    assert cold.execute("Open", {"id": "b", "n": 3}, expected_version=2).version == 3
    assert (seen[0] is None) == (kind == "stored")
    for each in [app, cold, App(around, registry=box(kind))]:
        assert numbers(each.load("Box", "b").state) == [3]
        with pytest.raises(AlreadyExists):
            each.execute("Open", {"id": "b"})


def test_not_found_and_version_mismatch_are_not_recorded(kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind))
    with pytest.raises(NotFound):
        app.execute("Put", {"id": "b", "n": 1}, on_rejected="Refused")
    app.execute("Open", {"id": "b"})
    with pytest.raises(VersionMismatch):
        app.execute("Refuse", {"id": "b"}, on_rejected="Refused", expected_version=7)
    assert len(commits(store, "Box#b")) == 1


def test_a_refusal_cannot_be_recorded_as_an_event_that_nobody_knows(store: Store) -> None:
    app = opened("sourced", store)
    with pytest.raises(UnknownEvent, match="Box is about to record Nonsense"):
        app.execute("Refuse", {"id": "b"}, on_rejected="Nonsense")
    assert len(commits(store, "Box#b")) == 1


# -- the end


def test_what_was_deleted_is_gone_for_good(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    app.execute("Put", {"id": "b", "n": 1})
    result = app.execute("Close", {"id": "b"})
    assert [event.name for event in result.events] == ["Closed"]
    for each in both(app, store, kind):
        for _ in range(2):
            for name in ("Put", "Ensure", "Close", "Refuse", "Leave", "PutBelow"):
                with pytest.raises(NotFound, match="Box b was deleted"):
                    each.execute(name, {"id": "b", "n": 1, "most": 9})
            with pytest.raises(
                AlreadyExists, match="Box b was deleted, and an id is not used twice: Open needs a new one"
            ):
                each.execute("Open", {"id": "b"})
        with pytest.raises(NotFound, match="Box b was deleted"):
            each.load("Box", "b")
        assert numbers(each.load("Box", "b", 2).state) == [0, 1]
        assert [event.name for event in each.history("Box", "b")] == ["Opened", "Put", "Closed"]
    assert len(commits(store, "Box#b")) == 3


def test_what_was_deleted_answers_with_the_event_that_a_command_asks_for_and_stays_deleted(
    kind: KindOfBox, store: Store
) -> None:
    app = opened(kind, store)
    app.execute("Close", {"id": "b"})
    for number, (each, name) in enumerate(
        [(one, name) for one in both(app, store, kind) for name in ("Put", "Open", "Refuse")], 3
    ):
        result = each.execute(name, {"id": "b", "n": 1}, id=f"{name}-{number}", on_rejected="Refused")
        (event,) = result.events
        assert (result.version, event.name) == (number, "Refused")
        assert event.payload["reason"].startswith("Box b was deleted")
        assert each.execute(name, {"id": "b", "n": 1}, id=f"{name}-{number}", on_rejected="Refused").duplicate
        with pytest.raises(NotFound, match="Box b was deleted"):
            each.execute("Put", {"id": "b", "n": 1})
        with pytest.raises(NotFound, match="Box b was deleted"):
            each.load("Box", "b")
    again = App(store, registry=box(kind, state_version=2)) if kind == "sourced" else App(store, registry=box(kind))
    with pytest.raises(NotFound, match="Box b was deleted"):
        again.execute("Put", {"id": "b", "n": 1})
    assert [event.name for event in again.history("Box", "b")] == ["Opened", "Closed", *["Refused"] * 6]


def test_a_deletion_that_beats_a_command_refuses_it(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Close", {"id": "b"}))
    with pytest.raises(NotFound, match="was deleted"):
        app.execute("Put", {"id": "b", "n": 1})


def test_a_command_that_beats_a_deletion_is_deleted_too(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    assert app.execute("Close", {"id": "b"}).version == 3
    with pytest.raises(NotFound):
        other.execute("Put", {"id": "b", "n": 2})


def test_a_life_may_end_as_it_begins(store: Store) -> None:
    registry = Registry("short")
    Fly = registry.aggregate("Fly", id_field="id")

    @registry.command_handler("Hatch", aggregate=Fly, creation="always")
    def hatch(command: Any, fly: Any) -> Any:
        return DELETED

    app = App(store, registry=registry)
    assert app.execute("Hatch", {"id": "f"}).version == 1
    with pytest.raises(AlreadyExists, match="was deleted"):
        App(store, registry=registry).execute("Hatch", {"id": "f"})


def test_nothing_happens_to_what_an_event_deleted(store: Store) -> None:
    app = opened("sourced", store)
    registry = app.registry

    @registry.command_handler("CloseAndPut", aggregate="Box")
    def close_and_put(command: Any, box: Any) -> Any:
        return [Event("Closed", {}), Event(command["then"], {"n": 1})]

    with pytest.raises(InvalidReturn, match="Put follows an event that deleted its Box"):
        app.execute("CloseAndPut", {"id": "b", "then": "Put"})
    assert app.execute("CloseAndPut", {"id": "b", "then": "Noted"}).version == 2
    with pytest.raises(NotFound):
        app.execute("Put", {"id": "b", "n": 1})


# -- ids


@pytest.mark.parametrize("id", ["", None, 5, "a\nb", "x" * 2048, ["b"]])
def test_a_bad_id_is_a_validation_error_before_anything_is_asked(id: Any, kind: KindOfBox, around: Around) -> None:
    with pytest.raises(ValidationFailed) as caught:
        App(around, registry=box(kind)).execute("Open", {"id": id})
    assert list(caught.value.messages) == ["id"]
    assert around.taken() == []


@pytest.mark.parametrize(
    "id", ["#", "a#b", "Box#b", "1:b", " ", "é" * 1000, "x" * 2044, "日本", "'; DROP TABLE events"]
)
def test_any_text_is_an_id(id: str, kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind))
    app.execute("Open", {"id": id, "n": 1})
    App(store, registry=box(kind)).execute("Put", {"id": id, "n": 2})
    assert numbers(app.load("Box", id).state) == [1, 2]
    assert app.history("Box", id)[0].id == f"Box#{id}@1"
