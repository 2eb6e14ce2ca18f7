"""What each command asks of the store: by its own account, and by the calls that really leave."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest

from cqrsless import AlreadyExists, App, CommandResult, Event, NotFound, Registry, Rejected
from cqrsless.aggregates.commits import read_head
from cqrsless.log.indexer import Indexer
from cqrsless.messages import Cost
from cqrsless.store import Item, item_size, write_units
from cqrsless.stores.dynamodb import DynamoDBStore
from cqrsless.stores.memory import MemoryStore
from tests.aggregates.around import commits
from tests.aggregates.counting import Counted, noise

Kind = Literal["stored", "sourced"]
KINDS: tuple[Kind, ...] = ("stored", "sourced")


@dataclass(frozen=True)
class Counter:
    count: int = 0
    ballast: str = ""


def counters(kind: Kind) -> Registry:
    registry = Registry("counters")
    sourced = kind == "sourced"
    Counter_ = registry.aggregate("Counter", id_field="id", event_sourced=sourced, state=Counter)

    def answer(state: Counter | None, *events: Event) -> Any:
        if sourced:
            return events
        after = state or Counter()
        for event in events:
            after = counted(after, event.payload)
        return after, events

    def counted(state: Counter, event: Any) -> Counter:
        return Counter(state.count + event["by"], event.get("ballast", state.ballast))

    @registry.command_handler("Start", aggregate=Counter_, creation="always")
    def start(command: Any, counter: Counter) -> Any:
        return answer(counter, Event("Counted", {"by": 0, **command}))

    @registry.command_handler("Add", aggregate=Counter_)
    def add(command: Any, counter: Counter) -> Any:
        if command.get("below", 10**9) <= counter.count:
            raise Rejected("that is enough")
        return answer(counter, Event("Counted", {"by": 1, **command}))

    @registry.command_handler("AddOrStart", aggregate=Counter_, creation="if_missing")
    def add_or_start(command: Any, counter: Counter) -> Any:
        return answer(counter, Event("Counted", {"by": 1}), Event("Counted", {"by": 1}))

    @registry.command_handler("Look", aggregate=Counter_)
    def look(command: Any, counter: Counter) -> Any:
        return [] if sourced else counter

    if sourced:
        registry.evolver("Counted", aggregate=Counter_)(counted)
    return registry


def stream(kind: Kind, length: int, *, note: str = "", ballast: str = "") -> list[Item]:
    """Make the commits of a counter: the first 96 by its handlers, the rest of the same form."""
    app = App("memory://", registry=counters(kind))
    app.execute("Start", {"id": "c", "ballast": ballast})
    for n in range(1, min(length, 96)):
        app.execute("Add", {"id": "c", "note": note}, id=f"add-{n}")
    items = commits(app.store, "Counter#c")
    for number in range(len(items) + 1, length + 1):
        model = items[-8]  # a snapshot stands every 8 commits, where it is not in each
        head = {**read_head(model), "id": f"add-{number - 1}", "last": {"Counted": number - 1}}
        item = {**model, "c": number, "seq": number, "head": json.dumps(head)}
        if "state" in item and not isinstance(item["state"], bytes):
            item["state"] = json.dumps({"count": number - 1, "ballast": ballast})
        items.append(item)
    return items


def app_with(counted: Counted, kind: Kind, length: int, **options: str) -> App:
    counted.load(stream(kind, length, **options))
    counted.taken()
    return App(counted.store, registry=counters(kind))


def assert_cost(
    counted: Counted, cost: Cost, calls: list[str], *, read: tuple[float, float] = (0, 0), write: int = 0
) -> None:
    assert counted.taken() == calls
    assert cost.requests == len(calls)
    if counted.exact_units:
        assert read[0] <= cost.read_units <= read[1]
        assert cost.write_units == write


LENGTHS = [10, 1000]


# -- commands


@pytest.mark.parametrize("kind", KINDS)
def test_a_creation_is_one_request_and_reads_nothing(kind: Kind, counted: Counted) -> None:
    app = App(counted.store, registry=counters(kind))
    for id in "abc":
        result = app.execute("Start", {"id": id}, id="start", metadata={"tenant": "acme"})
        assert_cost(counted, result.cost, ["put"], write=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_creation_that_may_find_something_reads_once(kind: Kind, counted: Counted) -> None:
    app = App(counted.store, registry=counters(kind))
    assert_cost(counted, app.execute("AddOrStart", {"id": "c"}).cost, ["query", "put"], read=(1, 1), write=1)
    assert_cost(counted, app.execute("AddOrStart", {"id": "c"}).cost, ["put"], write=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_command_is_two_requests_cold_and_one_warm(length: int, kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, length)
    result = app.execute("Add", {"id": "c"}, id="x", metadata={"tenant": "acme"})
    assert result.version == length + 1
    assert_cost(counted, result.cost, ["query", "put"], read=(1, 2), write=1)
    for _ in range(3):
        assert_cost(counted, app.execute("Add", {"id": "c"}).cost, ["put"], write=1)
    assert app.load("Counter", "c").state.count == length + 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"ballast": "".join(map(chr, range(33, 1033)))}], ids=["light", "heavy"])
def test_a_commands_cost_is_flat(kind: Kind, options: dict[str, str]) -> None:
    costs: list[tuple[Cost, Cost]] = []
    for length in (96, 1000, 100_000):
        counted = Counted(MemoryStore(), exact_units=True)
        app = app_with(counted, kind, length, **options)
        result = app.execute("Add", {"id": "c"})
        assert result.version == length + 1
        assert counted.taken() == ["query", "put"]
        warm = app.execute("Add", {"id": "c"})
        assert counted.taken() == ["put"]
        costs.append((replace(result.cost), replace(warm.cost)))
    assert costs[0] == costs[1] == costs[2]
    assert costs[0][0].read_units <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_more_than_a_megabyte_costs_no_more(kind: Kind, counted: Counted) -> None:
    items = stream(kind, 1500, note="".join(chr(33 + n * 7 % 90) for n in range(400)))
    assert sum(map(item_size, items)) > 1024 * 1024
    counted.load(items)
    counted.taken()
    app = App(counted.store, registry=counters(kind))
    result = app.execute("Add", {"id": "c"})
    assert_cost(counted, result.cost, ["query", "put"], read=(1, 2), write=1)
    assert result.version == 1501


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 900, 2000, 10_000, 100_000])
def test_a_write_is_a_unit_for_each_kilobyte(size: int, kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, 10)
    app.execute("Look", {"id": "c"})
    counted.taken()
    result = app.execute("Add", {"id": "c", "note": noise(size)})
    (item,) = commits(counted.inner, "Counter#c")[-1:]
    counted.taken()
    assert result.cost.requests == 1
    if counted.exact_units:
        assert result.cost.write_units == write_units(item_size(item))


@pytest.mark.parametrize("kind", KINDS)
def test_ids_metadata_events_and_snapshots_are_inside_the_same_write(kind: Kind, counted: Counted) -> None:
    app = App(counted.store, registry=counters(kind))
    app.execute("Start", {"id": "c"})
    counted.taken()
    for number in range(20):  # more than two snapshots apart, where a commit does not carry its state anyway
        plain = app.execute("Add", {"id": "c"})
        assert_cost(counted, plain.cost, ["put"], write=1)
        named = app.execute("Add", {"id": "c"}, id=f"mine-{number}", metadata={"tenant": "acme"})
        assert_cost(counted, named.cost, ["put"], write=1)
        two_events = app.execute("AddOrStart", {"id": "c"})
        assert len(two_events.events) == 2
        assert_cost(counted, two_events.cost, ["put"], write=1)


# -- everything else


class Reads:
    """What the queries of a store take, and whether they ask for the newest."""

    def __init__(self, counted: Counted) -> None:
        self.units: list[float] = []
        self.writes = 0.0
        self.strong: list[bool] = []
        query = counted.around.query

        def counting(table: Any, pk: str, cost: Cost, **bounds: Any) -> Any:
            before = cost.read_units
            found = query(table, pk, cost, **bounds)
            self.units.append(cost.read_units - before)
            self.writes += cost.write_units
            return found

        counted.around.query = counting  # type: ignore[method-assign]
        if isinstance(counted.inner, DynamoDBStore):
            events = counted.inner.client.meta.events
            events.register("provide-client-params.dynamodb.Query", self._asked, unique_id="reads")

    def _asked(self, params: dict[str, Any], **_: Any) -> None:
        self.strong.append(params.get("ConsistentRead", False))


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_takes_one_read_unit_of_a_strong_read(kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, 10)
    reads = Reads(counted)
    for _ in range(2):  # cold, then warm
        with pytest.raises(Rejected):
            app.execute("Add", {"id": "c", "below": 0})
    assert len(reads.units) == 2
    assert reads.writes == 0
    if counted.exact_units:
        assert reads.units == [1, 1]
    if isinstance(counted.inner, DynamoDBStore):
        assert reads.strong == [True, True]
        counted.inner.client.meta.events.unregister("provide-client-params.dynamodb.Query", unique_id="reads")


def test_the_log_takes_less_than_a_tenth_of_a_write_unit_at_a_hundred_a_page(counted: Counted) -> None:
    made = App("memory://", registry=counters("stored"))
    for number in range(300):
        made.execute("Start", {"id": noise(22, number)})
    indexer, costs = Indexer(counted.store), []
    for start in (0, 100, 200):
        counted.taken()
        cost = Cost()
        indexer.index([change.item for change in made.store.changes("events", start, 100) if change.item], cost)
        costs.append(cost)
        calls = counted.taken()
    assert calls == ["get", "put"]
    assert costs[-1].requests == 2
    if counted.exact_units:
        assert 0 < costs[-1].write_units / 100 < 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_refusal_is_one_strong_read_and_never_a_write(length: int, kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, length)
    for _ in range(2):  # cold, then warm
        with pytest.raises(Rejected):
            app.execute("Add", {"id": "c", "below": 0})
        assert counted.taken() == ["query"]
    assert len(commits(counted.inner, "Counter#c")) == length


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_far_behind_the_tip_is_one_strong_read(kind: Kind, counted: Counted) -> None:
    app = App(counted.store, registry=counters(kind))
    app.execute("Start", {"id": "c"})
    counted.load(stream(kind, 500)[1:])
    counted.taken()
    with pytest.raises(Rejected):
        app.execute("Add", {"id": "c", "below": 0})
    assert counted.taken() == ["query"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_exist_is_found_out_by_one_read(kind: Kind, counted: Counted) -> None:
    app = App(counted.store, registry=counters(kind))
    with pytest.raises(NotFound):
        app.execute("Add", {"id": "nobody"})
    assert counted.taken() == ["query"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_do_is_one_strong_read(kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, 10)
    for _ in range(2):
        assert_cost(counted, app.execute("Look", {"id": "c"}).cost, ["query"], read=(1, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_race_is_one_request_more(kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, 10)
    other = App(counted.store, registry=counters(kind))
    app.execute("Add", {"id": "c"})
    counted.taken()
    counted.before_next_put(lambda: other.execute("Add", {"id": "c"}))
    result = app.execute("Add", {"id": "c"})
    assert result.version == 13
    assert_cost(counted, result.cost, ["put", "put"], write=2)
    counted.before_next_put(lambda: other.execute("Add", {"id": "c"}))
    with pytest.raises(Rejected):
        app.execute("Add", {"id": "c", "below": 13})
    assert counted.taken() == ["put", "query"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_duplicate_is_recognised_without_a_write(kind: Kind, counted: Counted) -> None:
    app = app_with(counted, kind, 10)
    for calls in (["query"], []):  # cold, then warm
        found = app.execute("Add", {"id": "c", "note": ""}, id="add-9")
        assert found.duplicate
        assert_cost(counted, found.cost, calls, read=(0, 2))
    found = app.execute("Add", {"id": "c", "note": ""}, id="add-5")
    assert found.duplicate
    assert_cost(counted, found.cost, ["get"], read=(1, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_creation_that_comes_again_writes_nothing(kind: Kind, counted: Counted) -> None:
    app = App(counted.store, registry=counters(kind))
    app.execute("Start", {"id": "c"}, id="start")
    counted.taken()
    found: list[CommandResult] = [app.execute("Start", {"id": "c"}, id="start")]
    assert counted.taken() == []
    found.append(App(counted.store, registry=counters(kind)).execute("Start", {"id": "c"}, id="start"))
    assert counted.taken() == ["put"]
    assert all(result.duplicate and result.version == 1 for result in found)
    with pytest.raises(AlreadyExists):
        app.execute("Start", {"id": "c"})
    assert counted.taken() == ["query"]
    assert len(commits(counted.inner, "Counter#c")) == 1
