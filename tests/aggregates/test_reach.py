"""How far back a load reads, by what its container has seen."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import App, Cost, Event, Registry
from cqrsless.aggregates.snapshots import SEEN
from tests.aggregates.around import Around

#: Of digits that no compression makes much less of: a commit of some 3 KB.
LARGE = "".join(str(n * n % 7919) for n in range(1100))


def notes() -> Registry:
    made = Registry("notes")
    note = made.aggregate("Note", id_field="id", event_sourced=True, state=dict)

    @made.command_handler("Write", aggregate=note, creation="if_missing")
    def write(command: Any, state: Any) -> Any:
        return Event("Written", command)

    @made.evolver("Written", aggregate=note)
    def written(state: Any, event: Any) -> Any:
        return {"large": event["large"] * event["states"]}

    return made


def filled(*, states: int) -> Around:
    """Give a store that holds one note of ten large commits, whose state is nothing or as large as many of them."""
    around = Around()
    app = App(around, registry=notes())
    for _ in range(10):
        app.execute("Write", {"id": "n", "large": LARGE, "states": states})
    around.taken()
    return around


def cold_costs(app: App, times: int) -> list[Cost]:
    return [app.execute("Write", {"id": "n", "large": LARGE, "states": 0}).cost for _ in range(times)]


def test_a_container_that_always_saw_the_newest_commit_bear_the_state_reads_that_one_alone() -> None:
    app = App(filled(states=0), registry=notes(), cache=0)
    costs = cold_costs(app, SEEN + 2)
    assert {cost.requests for cost in costs} == {2}
    assert len({cost.read_units for cost in costs[:SEEN]}) == 1
    assert costs[0].read_units > 3 * costs[SEEN].read_units
    assert costs[SEEN].read_units == costs[SEEN + 1].read_units == 1


def test_it_reads_as_at_first_again_once_the_newest_was_not_enough() -> None:
    around = filled(states=0)
    app, other = App(around, registry=notes(), cache=0), App(around, registry=notes())
    before = cold_costs(app, SEEN + 1)
    # States that cost more units than their commits ride along each eighth time only.
    numbers = [other.execute("Write", {"id": "n", "large": LARGE, "states": 40}).version for _ in range(2)]
    around.taken()
    state = app.load("Note", "n")
    assert around.taken() == ["query", "query"]
    assert (len(state.state["large"]), state.version) == (40 * len(LARGE), numbers[-1])
    again = app.execute("Write", {"id": "n", "large": "", "states": 0}).cost
    assert again.requests == 2
    assert before[-1].read_units == 1 < again.read_units


def test_what_does_not_exist_tells_nothing() -> None:
    around = Around()
    app = App(around, registry=notes(), cache=0)
    for number in range(SEEN + 1):
        app.execute("Write", {"id": f"n-{number}", "large": "", "states": 0})
    assert app.compiled.dispatcher.kinds["Note"].reach.commits == 8


@pytest.mark.parametrize("version", [1, 5])
def test_what_is_read_as_of_a_version_tells_nothing_of_the_newest(version: int) -> None:
    app = App(filled(states=0), registry=notes())
    for _ in range(SEEN + 1):
        assert app.load("Note", "n", version=version).version == version
    assert app.compiled.dispatcher.kinds["Note"].reach.commits == 8
