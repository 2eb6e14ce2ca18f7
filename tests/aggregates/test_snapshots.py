"""When an event-sourced commit bears the state after it, and which states a load takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import App, Event, NotFound, Registry, SerializationFailed
from cqrsless.aggregates.snapshots import is_due
from cqrsless.store import ITEM_LIMIT, PAGE_LIMIT, Store, read_units
from cqrsless.stores.memory import MemoryStore
from tests.aggregates.around import Around, commits
from tests.aggregates.box import KindOfBox, box, numbers, opened
from tests.aggregates.counting import noise


def pile(*, every: int = 8, version: int = 1, factor: int = 1) -> Registry:
    """Make a registry of piles: `Add` adds so many units, a note of any size, and replaces the ballast in the state."""
    registry = Registry("piles")
    Pile = registry.aggregate("Pile", id_field="id", event_sourced=True, state_version=version, snapshot_every=every)

    @registry.command_handler("Add", aggregate=Pile, creation="if_missing")
    def add(command: Any, pile: Any) -> Any:
        return Event(
            "Added", {"n": command["n"], "note": noise(command["note"], command["n"]), "ballast": command["ballast"]}
        )

    @registry.evolver("Added", aggregate=Pile)
    def added(pile: Any, event: Any) -> Any:
        return {"total": pile.get("total", 0) + factor * event["n"], "ballast": noise(event["ballast"], event["n"])}

    return registry


def add(app: App, n: int = 1, *, note: int = 0, ballast: int = 0) -> int | None:
    return app.execute("Add", {"id": "p", "n": n, "note": note, "ballast": ballast}).version


def with_state(store: Store) -> list[int]:
    return [item["c"] for item in commits(store, "Pile#p") if "state" in item]


def total(app: App) -> int:
    found: int = app.load("Pile", "p").state["total"]
    return found


# -- when


def test_a_snapshot_that_costs_nothing_is_always_taken(store: Store) -> None:
    app = App(store, registry=pile())
    for _ in range(10):
        add(app, note=100, ballast=100)
    assert with_state(store) == list(range(1, 11))


@pytest.mark.parametrize("every", [1, 2, 3, 8, 20])
def test_a_snapshot_that_costs_something_is_taken_at_least_so_often(every: int, store: Store) -> None:
    app = App(store, registry=pile(every=every))
    for _ in range(41):
        add(app, note=100, ballast=5000)
    assert with_state(store) == list(range(every, 42, every))


def test_a_snapshot_is_taken_where_reading_the_tail_would_cost_more() -> None:
    # a kilobyte more, and a tail of 20 KB costs the five read units that a write unit does
    assert not is_due(size=1000, full=1900, gap=2, tail=16 * 1024, every=8)
    assert is_due(size=1000, full=1900, gap=2, tail=16 * 1024 + 1, every=8)
    assert is_due(size=100, full=1024, gap=1, tail=100, every=8)
    assert not is_due(size=100, full=1025, gap=1, tail=100, every=8)


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 500, 5_000, 120_000]), st.sampled_from([0, 500, 5_000, 250_000])), max_size=30
    ),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_load_is_one_request_whatever_the_sizes(steps: list[tuple[int, int]], every: int, random: Any) -> None:
    around = Around(MemoryStore())
    app = App(around, registry=pile(every=every))
    for n, (note, ballast) in enumerate(steps, 1):
        if random.random() < 0.3:
            app = App(around, registry=pile(every=every))
        add(app, n, note=note, ballast=ballast)
        around.taken()
        assert total(App(around, registry=pile(every=every))) == n * (n + 1) // 2
        assert around.taken() == ["query"]


def test_a_snapshot_is_taken_before_a_load_would_take_a_second_page(store: Store) -> None:
    around = Around(store)
    app = App(around, registry=pile())
    for n in range(20):
        add(app, n, note=100_000, ballast=250_000)
        around.taken()
        total(App(around, registry=pile()))
        assert around.taken() == ["query"]
    assert sum(len(str(item)) for item in commits(store, "Pile#p")) > PAGE_LIMIT


def test_the_tail_that_a_snapshot_saves_is_what_a_load_reads(store: Store) -> None:
    app = App(store, registry=pile())
    for n in range(1, 60):
        add(app, n, note=1000 if n % 3 else 0, ballast=900)
        cold = App(store, registry=pile())
        units = cold.execute("Add", {"id": "p", "n": 0, "note": 0, "ballast": 900}).cost.read_units
        assert units <= read_units(8 * 2100)


# -- what does not fit


def test_a_snapshot_that_does_not_fit_is_left_out(store: Store) -> None:
    around = Around(store)
    app = App(around, registry=pile(every=2))
    for n in range(1, 6):
        assert add(app, n, note=100_000, ballast=480_000) == n
        assert total(App(around, registry=pile(every=2))) == n * (n + 1) // 2
    assert with_state(store) == []
    assert add(app, 6, ballast=0) == 6
    assert with_state(store) == [6]
    around.taken()
    assert total(App(around, registry=pile(every=2))) == 21
    assert around.taken() == ["query"]


def test_a_state_beyond_every_bound_is_left_out_too(store: Store) -> None:
    app = App(store, registry=pile(every=1))
    for n in range(3):
        add(app, n, ballast=ITEM_LIMIT * 12)
    assert with_state(store) == []
    assert total(App(store, registry=pile(every=1))) == 3


# -- which


def test_a_raised_state_version_folds_again_from_the_events(store: Store) -> None:
    around = Around(store)
    old = App(around, registry=pile())
    for n in range(1, 31):
        add(old, n)
    new = App(around, registry=pile(version=2, factor=10))
    around.taken()
    assert total(new) == 4650
    assert around.taken() == ["query", "query"]  # the second takes all that is left
    assert add(new, 1) == 31
    around.taken()
    assert total(App(around, registry=pile(version=2, factor=10))) == 4660
    assert around.taken() == ["query"]
    assert new.load("Pile", "p", 30).state["total"] == 4650
    assert old.load("Pile", "p", 30).state["total"] == 465


def test_two_state_versions_at_once_keep_out_of_each_others_way(store: Store) -> None:
    old, new = App(store, registry=pile()), App(store, registry=pile(version=2, factor=10))
    for n in range(1, 40):
        add((old, new)[n % 2], n)
        add((old, new)[n % 3 % 2], n)
        for app in (old, App(store, registry=pile())):
            assert total(app) == n * (n + 1)
        for app in (new, App(store, registry=pile(version=2, factor=10))):
            assert total(app) == 10 * n * (n + 1)


def test_every_version_can_be_loaded_across_snapshots(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store, snapshot_every=3)
    for n in range(1, 30):
        app.execute("Put", {"id": "b", "n": n})
    for state_version in (1, 2) if kind != "stored" else (1,):
        cold = App(store, registry=box(kind, snapshot_every=3, state_version=state_version))
        for version in range(1, 31):
            as_of = cold.load("Box", "b", version)
            assert (numbers(as_of.state), as_of.version) == (list(range(version)), version)
        with pytest.raises(NotFound):
            cold.load("Box", "b", 31)


# -- stored states


def shelf(version: int) -> Registry:
    """Make the registry of a stored aggregate whose state was {"n"}, then {"count"}, then {"count", "unit"}."""
    registry = Registry("shelves")
    Shelf = registry.aggregate("Shelf", id_field="id", state_version=version)
    field = "n" if version == 1 else "count"

    @registry.command_handler("Add", aggregate=Shelf, creation="if_missing")
    def add(command: Any, shelf: Any) -> Any:
        shelf = shelf or {field: 0, **({"unit": "kg"} if version == 3 else {})}
        shelf[field] += command["n"]
        return shelf, Event("Added", {})

    @registry.command_handler("Look", aggregate=Shelf)
    def look(command: Any, shelf: Any) -> Any:
        return shelf

    if version > 1:

        @registry.state_upcaster(Shelf, from_version=1)
        def to_2(state: Any) -> Any:
            return {"count": state["n"]}

    if version > 2:

        @registry.state_upcaster(Shelf, from_version=2)
        def to_3(state: Any) -> Any:
            state["unit"] = "kg"
            return state

    return registry


def test_a_stored_state_is_brought_up_to_date_step_by_step(store: Store) -> None:
    App(store, registry=shelf(1)).execute("Add", {"id": "s", "n": 1})
    third = App(store, registry=shelf(3))
    assert third.load("Shelf", "s").state == {"count": 1, "unit": "kg"}
    assert third.execute("Look", {"id": "s"}).cost.write_units == 0
    second = App(store, registry=shelf(2))
    second.execute("Add", {"id": "s", "n": 1})
    assert App(store, registry=shelf(3)).load("Shelf", "s").state == {"count": 2, "unit": "kg"}
    assert third.execute("Add", {"id": "s", "n": 1}).version == 3
    assert [item["sv"] for item in commits(store, "Shelf#s")] == [1, 2, 3]
    for version, count in ((1, 1), (2, 2), (3, 3)):
        assert third.load("Shelf", "s", version).state == {"count": count, "unit": "kg"}


@pytest.mark.parametrize("name", ["Add", "Look"])
@pytest.mark.parametrize("warm", [True, False])
def test_an_old_container_refuses_a_newer_stored_state(name: str, warm: bool, store: Store) -> None:
    old = App(store, registry=shelf(1))
    old.execute("Add", {"id": "s", "n": 1})
    App(store, registry=shelf(2)).execute("Add", {"id": "s", "n": 1})
    text = r"Shelf#s is stored with state_version 2, and this application reads 1: deploy the newer code"
    with pytest.raises(SerializationFailed, match=text):
        (old if warm else App(store, registry=shelf(1))).execute(name, {"id": "s", "n": 1})
    assert len(commits(store, "Shelf#s")) == 2
    assert [event.name for event in old.history("Shelf", "s")] == ["Added", "Added"]
    assert old.load("Shelf", "s", 1).state == {"n": 1}


def test_a_stored_aggregate_that_was_folded_before_says_so(store: Store) -> None:
    App(store, registry=pile(every=100)).execute("Add", {"id": "p", "n": 1, "note": 0, "ballast": 5000})
    registry = Registry("piles")
    registry.aggregate("Pile", id_field="id")
    with pytest.raises(SerializationFailed, match="commit 1 of Pile#p bears no state: was Pile event-sourced"):
        App(store, registry=registry).load("Pile", "p")
