"""One command, one write: what a commit is, what proves it, and what happens when another writer was faster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cqrsless import (
    AlreadyExists,
    App,
    Command,
    CommitTooLarge,
    ConcurrencyConflict,
    Event,
    NotFound,
    Registry,
    Rejected,
    StoreUnavailable,
    VersionMismatch,
)
from cqrsless.aggregates import executing
from cqrsless.aggregates.commits import read_head
from cqrsless.store import Store
from tests.aggregates.around import Around, commits
from tests.aggregates.box import Failure, KindOfBox, box, box_aggregate, executor_of, numbers, opened

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


def state(app: App, id: str = "b") -> list[int]:
    return numbers(app.load(box_aggregate(app), id).state)


# -- a commit


def test_a_commit_is_one_item_with_all_that_a_command_changed(kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind), clock=Clock())
    app.execute("Open", {"id": "b", "n": 5}, id="c-1", metadata={"tenant": "acme", "correlation_id": "k-1"})
    (item,) = commits(store, "Box#b")
    recorded = {"command"} if store.url.startswith("sqlite:") else set()  # its default
    assert item.keys() == {"pk", "c", "time", "seq", "head", "recent", "events", "names", "state", "sv"} | recorded
    assert (item["pk"], item["c"], item["seq"], item["sv"]) == ("Box#b", 1, 1, 1)
    assert item["time"] == 1767225600000000
    assert item["events"] == '[["Opened",{"n":5}]]'
    assert item["names"] == {"Opened": "1"}
    assert len(item["recent"]) == 12
    head = read_head(item)
    assert head["digest"]
    assert {**head, "digest": ""} == {
        "id": "c-1", "name": "Open", "source": "direct", "digest": "", "cor": "k-1", "meta": '{"tenant":"acme"}'
    }  # fmt: skip


def test_numbers_and_sequences_are_dense(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    app.execute("PutMany", {"id": "b", "ns": [1, 2, 3]})
    app.execute("Leave", {"id": "b"})
    result = app.execute("Put", {"id": "b", "n": 4})
    assert [item["c"] for item in commits(store, "Box#b")] == [1, 2, 3]
    events = app.history(box_aggregate(app), "b")
    assert [(event.version, event.sequence) for event in events] == [(1, 1), (2, 2), (2, 3), (2, 4), (3, 5)]
    assert [event.id for event in events] == [f"Box#b@{n}" for n in range(1, 6)]
    assert result.events == tuple(events[-1:])


def test_names_are_a_map_with_a_key_for_each_and_left_out_where_nothing_happened(store: Store) -> None:
    registry = Registry("shop")
    Order = registry.aggregate("Order", id_field="id")

    @registry.command_handler("Place", aggregate=Order, creation="if_missing")
    def place(command: Any, order: Any) -> Any:
        return {"n": command["n"]}, [Event(name, {}) for name in command["events"]]

    app = App(store, registry=registry)
    app.execute("Place", {"id": "1", "n": 1, "events": ["A", "B", "A"]})
    app.execute("Place", {"id": "1", "n": 2, "events": []})
    first, second = commits(store, "Order#1")
    assert first["names"] == {"A": "1", "B": "1"}
    assert "names" not in second and "events" not in second
    assert second["seq"] == 3


def test_a_commit_is_written_only_where_none_stands(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    app.execute("Put", {"id": "b", "n": 2})
    assert state(app) == state(other) == [0, 1, 2]
    assert [event.payload["n"] for event in app.history("Box", "b")] == [0, 1, 2]


def test_two_aggregates_know_nothing_of_each_other(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    for id in ("b#1", "b 1", "B", "1:b"):
        app.execute("Open", {"id": id, "n": 1})
        app.execute("Put", {"id": id, "n": 2})
        assert state(app, id) == [1, 2]
    assert state(app) == [0]


# -- what was decided on what is only remembered


def stale(kind: KindOfBox, around: Around, *more: tuple[str, Any]) -> App:
    """Make an application that remembers an empty box, to which another one has done more."""
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    for name, payload in more:
        other.execute(name, {"id": "b", **payload})
    around.taken()
    return app


def test_a_refusal_decided_on_what_is_remembered_is_decided_again(kind: KindOfBox, around: Around) -> None:
    app = stale(kind, around, ("Close", {}))
    with pytest.raises(NotFound, match="Box b was deleted"):
        app.execute("Refuse", {"id": "b"})
    assert around.taken() == ["query"]


def test_nothing_to_do_on_what_is_remembered_is_decided_again(kind: KindOfBox, around: Around) -> None:
    app = stale(kind, around, ("Put", {"n": 7}))
    result = app.execute("Swap", {"id": "b", "n": 0})  # 0 is in it
    assert (result.version, result.events, around.taken()) == (2, (), ["query"])
    app = stale(kind, Around(), ("Close", {}))
    with pytest.raises(NotFound, match="Box b was deleted"):
        app.execute("Swap", {"id": "b", "n": 0})


def test_a_refusal_stands_only_on_a_state_just_read(kind: KindOfBox, around: Around) -> None:
    app = opened(kind, around)
    seen: list[int] = []

    def watch(name: str, command: Any, state: Any) -> None:
        seen.append(len(numbers(state)))

    app = App(around, registry=box(kind, seen=watch))
    app.execute("PutBelow", {"id": "b", "most": 3, "n": 1})
    App(around.inner, registry=box(kind)).execute("Put", {"id": "b", "n": 2})
    around.taken()
    with pytest.raises(Rejected, match="there are 3 already"):
        app.execute("PutBelow", {"id": "b", "most": 2, "n": 3})
    assert around.taken() == ["query"]
    assert seen == [1, 2, 3]  # decided on what is remembered, and again on what was read


@pytest.mark.parametrize("behind", [1, 7, 8, 9, 30])
def test_a_refusal_stands_only_on_the_tip_however_far_behind(behind: int, kind: KindOfBox, around: Around) -> None:
    app = stale(kind, around, *[("Put", {"n": n}) for n in range(behind)], ("Close", {}))
    with pytest.raises(NotFound, match="Box b was deleted"):
        app.execute("Refuse", {"id": "b"})
    assert around.taken() == ["query"]


@pytest.mark.parametrize(
    ("name", "payload", "error"),
    [
        ("Refuse", {}, Rejected),
        ("Break", {}, Failure),
        ("Open", {}, AlreadyExists),
        ("Note", {"as": "Noted", "text": "x" * 5_000_000}, CommitTooLarge),
        ("Put", {"n": "x"}, TypeError),
    ],
)
def test_every_refusal_takes_one_read_and_no_write(
    name: str, payload: dict[str, Any], error: type[Exception], kind: KindOfBox, around: Around
) -> None:
    app = opened(kind, around)
    around.taken()
    for _ in range(2):
        with pytest.raises(error):
            app.execute(name, {"id": "b", **payload})
        assert around.taken() == ["query"]
    cold = App(around, registry=box(kind))
    if name != "Open":
        with pytest.raises(error):
            cold.execute(name, {"id": "b", **payload})
        assert around.taken() == ["query"]
    assert len(commits(around.inner, "Box#b")) == 1


def test_a_version_that_was_expected_on_what_is_remembered_is_looked_up(kind: KindOfBox, around: Around) -> None:
    app = stale(kind, around, ("Put", {"n": 1}))
    result = app.execute("Put", {"id": "b", "n": 2}, expected_version=2)
    assert (result.version, around.taken()) == (3, ["query", "put"])
    app = stale(kind, Around(), ("Put", {"n": 1}))
    with pytest.raises(VersionMismatch, match="Box b is at version 2, and Put expects 1"):
        app.execute("Put", {"id": "b", "n": 2}, expected_version=1)


def test_a_missing_aggregate_is_looked_for_once(kind: KindOfBox, around: Around) -> None:
    app = App(around, registry=box(kind))
    with pytest.raises(NotFound, match="there is no Box b for Put"):
        app.execute("Put", {"id": "b", "n": 1})
    assert around.taken() == ["query"]


def test_a_refused_creation_of_what_nobody_knows_takes_one_read(kind: KindOfBox, around: Around) -> None:
    app = App(around, registry=box(kind))
    with pytest.raises(KeyError):
        app.execute("Note", {"id": "b"})
    assert around.taken() == ["query"]
    with pytest.raises(TypeError):
        app.execute("Open", {"id": "b", "n": "x"})
    assert around.taken() == ["query"]


# -- lost races


def test_a_lost_race_is_decided_again_on_the_returned_commit(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.taken()
    around.before_put.append(lambda: other.execute("PutMany", {"id": "b", "ns": [1, 2]}))
    result = app.execute("Put", {"id": "b", "n": 3})
    assert around.taken() == ["put", "put"]
    assert (result.version, result.events[0].sequence, result.cost.requests) == (3, 4, 2)
    assert result.cost.read_units == 0
    assert state(other) == [0, 1, 2, 3]


def test_only_a_second_miss_needs_a_read(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.taken()
    for _ in range(2):
        around.before_put.append(lambda: [other.execute("Put", {"id": "b", "n": 1}) for _ in range(3)])
    assert app.execute("Put", {"id": "b", "n": 2}).version == 8
    # the first miss tells of commit 2, the second, at 3, of commit 3 of 7
    assert around.taken() == ["put", "put", "query", "put"]
    assert state(app) == [0, 1, 1, 1, 1, 1, 1, 2]


def test_a_command_that_lost_may_be_refused_on_what_beat_it(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.taken()
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    with pytest.raises(Rejected, match="there are 2 already"):
        app.execute("PutBelow", {"id": "b", "most": 2, "n": 2})
    assert around.taken() == ["put", "query"]
    assert state(app) == [0, 1]


def test_two_creations_make_one_aggregate(kind: KindOfBox, around: Around) -> None:
    app, other = App(around, registry=box(kind)), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Open", {"id": "b", "n": 1}))
    with pytest.raises(AlreadyExists, match="Box b exists already, and Open creates one"):
        app.execute("Open", {"id": "b", "n": 2})
    assert around.taken() == ["put", "query"]
    assert state(app) == [1]


def test_whoever_loses_every_race_gives_up(kind: KindOfBox, around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "ATTEMPTS", 5)
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put += [lambda: other.execute("Put", {"id": "b", "n": 1})] * 10
    with pytest.raises(ConcurrencyConflict, match="Put lost 5 races for Box b: other writers were faster every time"):
        app.execute("Put", {"id": "b", "n": 2})
    around.before_put.clear()
    app.execute("Put", {"id": "b", "n": 2})
    assert state(app) == [0, 1, 1, 1, 1, 1, 2]


def test_patience_ends(kind: KindOfBox, around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "PATIENCE", -1.0)
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    app.execute("Put", {"id": "b", "n": 2})  # the first loss is always made good
    around.before_put += [lambda: other.execute("Put", {"id": "b", "n": 1})] * 2
    with pytest.raises(ConcurrencyConflict, match="Put lost 2 races"):
        app.execute("Put", {"id": "b", "n": 2})


def test_whoever_was_only_behind_does_not_wait(kind: KindOfBox, around: Around) -> None:
    waited: list[float] = []
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    executor_of(app).sleep = waited.append
    for n in range(5):
        other.execute("Put", {"id": "b", "n": n})
    app.execute("Put", {"id": "b", "n": 9})
    assert waited == []
    around.before_put += [lambda: [other.execute("Put", {"id": "b", "n": 1}) for _ in range(2)]] * 4
    app.execute("Put", {"id": "b", "n": 9})
    assert len(waited) == 2


def test_the_pauses_differ_between_copies_of_a_frozen_process() -> None:
    import random

    waited: list[float] = []
    for _ in range(2):
        random.seed(1)  # as in two containers that were restored from one image
        executor = executing.Executor(Around(), Clock(), sleep=waited.append)
        for misses in range(1, 20):
            executor.pause(misses)
    assert waited[:19] != waited[19:]
    assert min(waited) >= 0 and max(waited) <= 1


def test_a_commit_that_somebody_deletes_is_a_conflict(around: Around) -> None:
    from cqrsless.store import ConditionFailed

    app = opened("stored", around)

    def gone() -> None:
        raise ConditionFailed(None)

    around.before_put.append(gone)
    with pytest.raises(ConcurrencyConflict, match="commit 2 of Box#b was deleted while it was written"):
        app.execute("Put", {"id": "b", "n": 1})


# -- time


def test_time_never_goes_back(kind: KindOfBox, store: Store) -> None:
    clock = Clock()
    app = App(store, registry=box(kind), clock=clock)
    app.execute("Open", {"id": "b"})
    clock.now = AT - timedelta(hours=1)
    result = app.execute("Put", {"id": "b", "n": 1})
    cold = App(store, registry=box(kind), clock=clock)
    cold.execute("Put", {"id": "b", "n": 2})
    clock.now = AT + timedelta(seconds=1)
    app.execute("Put", {"id": "b", "n": 3})
    assert result.events[0].time == AT
    assert [event.time for event in app.history("Box", "b")] == [AT, AT, AT, AT + timedelta(seconds=1)]


def test_an_evolver_is_told_the_same_when_it_is_decided_and_when_it_is_read(store: Store) -> None:
    seen: dict[int, list[Any]] = {1: [], 2: []}

    def registry(version: int) -> Registry:
        made = Registry("clocks")
        Watch = made.aggregate("Watch", id_field="id", event_sourced=True, state_version=version)

        @made.command_handler("Tick", aggregate=Watch, creation="if_missing")
        def tick(command: Any, watch: Any) -> Any:
            return [Event("Ticked", {}), Event("Ticked", {})]

        @made.evolver("Ticked", aggregate=Watch)
        def ticked(watch: Any, event: Any, *, message: Any) -> Any:
            seen[version].append(message)
            return {"at": [*watch.get("at", ()), message.time]}

        return made

    times = iter([AT + timedelta(seconds=n) for n in range(99)])
    app = App(store, registry=registry(1), clock=lambda: next(times))
    metadata = {"tenant": "acme", "tags": ("a",), "correlation_id": "k", "causation_id": "e-1", "actor": "nobody"}
    for id in ("c-1", "c-2", "c-3"):
        app.execute(Command("Tick", {"id": "w"}, id=id, metadata=metadata))
    new = App(store, registry=registry(2))
    assert new.load("Watch", "w") == app.load("Watch", "w")
    assert [m._replace(id=m.id) for m in seen[1]] == seen[2]
    assert seen[1][0].time > AT  # the commit's time, and not the command's
    assert seen[1][0].metadata == {
        "tenant": "acme", "tags": ["a"], "correlation_id": "k", "causation_id": "c-1"
    }  # fmt: skip


# -- the cache after an error


@pytest.mark.parametrize("where", ["put", "query"])
def test_a_store_that_fails_spoils_nothing(where: str, kind: KindOfBox, around: Around) -> None:
    app = opened(kind, around)

    def fail() -> None:
        raise StoreUnavailable("not now")

    hooks: list[Callable[[], object]] = around.before_put if where == "put" else around.before_query
    hooks.append(fail)
    with pytest.raises(StoreUnavailable, match="not now"):
        app.execute("Put" if where == "put" else "Refuse", {"id": "b", "n": 1})
    app.execute("Put", {"id": "b", "n": 2})
    assert state(app) == [0, 2]
    assert [item["c"] for item in commits(around.inner, "Box#b")] == [1, 2]
