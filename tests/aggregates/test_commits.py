"""A commit as one item: compressed where that saves, refused where it does not fit, and what it tells of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrsless import DELETED, App, CommitTooLarge, Event, Message, Registry
from cqrsless.aggregates import executing
from cqrsless.aggregates.commits import (
    NAMES_KEPT,
    ONE_UNIT,
    Encoded,
    advance_last,
    commit_size,
    events_text,
    fit,
    names_map,
    read_head,
    stored_events,
    stored_events_of,
    usual,
)
from cqrsless.codec import UNCOMPRESSED_LIMIT, compress, dumps, inflate
from cqrsless.store import ITEM_LIMIT, Item, Store, item_size, write_units
from tests.aggregates.around import commits
from tests.aggregates.box import KINDS, NOTES, Frozen, KindOfBox, box, opened
from tests.aggregates.counting import noise


def bare(**more: Any) -> dict[str, Any]:
    return {"pk": "Box#b", "c": 1, "time": 0, "seq": 1, "head": "{}", "recent": b"x" * 12, **more}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=6))
def test_the_events_of_many_commits_are_those_of_each(shapes: list[tuple[bool, int]]) -> None:
    bodies = [dumps([["Noted", {"total": Decimal(at), "text": "x" * 40_000}]] * at) for _, at in shapes]
    items = [
        bare(events=compress(body) if packed else body) if at else bare()
        for body, (packed, at) in zip(bodies, shapes, strict=True)
    ]
    assert list(stored_events_of(items)) == [stored_events(item) for item in items]


# -- compressed


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("x" * 800, False),  # one unit either way
        ("x" * 1100, True),
        ("x" * 100_000, True),
        (noise(1000), True),
        (noise(1500), False),  # two units either way
        (noise(6000), True),
    ],
)
def test_a_body_is_compressed_where_that_saves_units(text: str, packed: bool) -> None:
    item = bare(events=text)
    before = item_size(item)
    size = fit(item)
    assert size == item_size(item)
    assert (type(item["events"]) is bytes) == packed
    assert inflate(item["events"]) == text
    assert (write_units(size) < write_units(before)) == packed


def test_of_two_bodies_only_those_that_get_smaller_are_compressed() -> None:
    item = bare(events="[]", state="x" * 5000)
    fit(item)
    assert (type(item["events"]), type(item["state"])) == (str, bytes)


def test_a_compressed_commit_is_read_as_any_other(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    texts = ["x" * 50_000, noise(50_000), '\n"\\ü日' * 5000]
    for text in texts:
        app.execute("Note", {"id": "b", "as": "Noted", "text": text})
        app.execute("Put", {"id": "b", "n": 1})
    assert all(type(item["events"]) is bytes for item in commits(store, "Box#b") if item["c"] % 2 == 0)
    cold = App(store, registry=box(kind))
    assert [event.payload["text"] for event in cold.history("Box", "b") if event.name == "Noted"] == texts
    assert cold.load("Box", "b") == app.load("Box", "b")


# -- too large


@given(st.integers(ITEM_LIMIT - 200, ITEM_LIMIT + 200))
def test_the_limit_is_the_items(size: int) -> None:
    item = bare(meta="")
    item["meta"] = "x" * (size - item_size(item))
    if size <= ITEM_LIMIT:
        assert fit(item) == size
        return
    with pytest.raises(CommitTooLarge) as caught:
        fit(item)
    assert (caught.value.size, caught.value.limit) == (size, ITEM_LIMIT)
    assert str(caught.value).startswith(
        f"commit 1 of Box#b takes {size} bytes, and an item holds {ITEM_LIMIT}: keep large"
    )


@pytest.mark.parametrize("text", [noise(600_000), "x" * (UNCOMPRESSED_LIMIT + 1)], ids=["item", "uncompressed"])
def test_a_commit_that_does_not_fit_is_refused_before_anything_is_written(
    text: str, kind: KindOfBox, store: Store
) -> None:
    app = opened(kind, store)
    for each in (app, App(store, registry=box(kind))):
        with pytest.raises(CommitTooLarge) as caught:
            each.execute("Note", {"id": "b", "as": "Noted", "text": text}, id="c")
        limit = ITEM_LIMIT if len(text) < UNCOMPRESSED_LIMIT else UNCOMPRESSED_LIMIT
        assert caught.value.limit == limit
        assert caught.value.size is not None and limit < caught.value.size < limit * 2
        assert len(commits(store, "Box#b")) == 1
    assert not app.execute("Note", {"id": "b", "as": "Noted", "text": "short"}, id="c").duplicate


def test_a_commit_of_exactly_the_limit_is_written_and_one_byte_more_is_not(kind: KindOfBox, store: Store) -> None:
    app = App(store, registry=box(kind), clock=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))
    app.execute("Open", {"id": "b"})

    def note(length: int) -> None:
        app.execute("Note", {"id": "b", "as": "Noted"}, id="c", metadata={"note": "x" * length})

    with pytest.raises(CommitTooLarge) as caught:
        note(500_000)
    fitting = 500_000 - (caught.value.size or 0) + ITEM_LIMIT
    with pytest.raises(CommitTooLarge) as caught:
        note(fitting + 1)
    assert caught.value.size == ITEM_LIMIT + 1
    note(fitting)
    assert item_size(commits(store, "Box#b")[-1]) == ITEM_LIMIT


def test_a_state_that_does_not_fit_is_refused_where_it_is_stored(store: Store) -> None:
    registry = Registry("large")
    Thing = registry.aggregate("Thing", id_field="id")

    @registry.command_handler("Grow", aggregate=Thing, creation="if_missing")
    def grow(command: Any, thing: Any) -> Any:
        return {"text": command["text"]}

    app = App(store, registry=registry)
    app.execute("Grow", {"id": "t", "text": noise(300_000)})
    with pytest.raises(CommitTooLarge, match=f"commit 2 of Thing#t takes .* bytes, and an item holds {ITEM_LIMIT}"):
        app.execute("Grow", {"id": "t", "text": noise(600_000)})
    with pytest.raises(CommitTooLarge, match="the state of commit 2 of Thing#t take 5000011 bytes"):
        app.execute("Grow", {"id": "t", "text": "x" * 5_000_000})
    assert app.load("Thing", "t").version == 1


# -- the last earlier commit of each event name


def test_a_commit_tells_the_last_earlier_one_of_each_event_name(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    app.execute("Put", {"id": "b", "n": 1})
    app.execute("Note", {"id": "b", "as": "Noted"})
    App(store, registry=box(kind)).execute("PutMany", {"id": "b", "ns": [1, 2]})
    app.execute("Refuse", {"id": "b"}, on_rejected="Refused")
    app.execute("Close", {"id": "b"})
    assert [read_head(item).get("last", {}) for item in commits(store, "Box#b")] == [
        {},
        {"Opened": 1},
        {"Opened": 1, "Put": 2},
        {"Opened": 1, "Put": 2, "Noted": 3},
        {"Opened": 1, "Put": 4, "Noted": 3},
        {"Opened": 1, "Put": 4, "Noted": 3, "Refused": 5},
    ]


@pytest.mark.parametrize("warm", [True, False])
def test_past_so_many_names_one_number_stands_for_the_rest(warm: bool, kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    for n in range(40):
        app.execute("Note", {"id": "b", "as": f"Noted{n}"})
        if not warm:
            app = App(store, registry=box(kind))
    app.execute("Note", {"id": "b", "as": "Noted"})
    last = read_head(commits(store, "Box#b")[-1])["last"]
    assert last == {"*": 9, **{f"Noted{n}": n + 2 for n in range(8, 40)}}
    assert len(last) == NAMES_KEPT + 1


@given(st.lists(st.lists(st.sampled_from(NOTES), max_size=3), max_size=80))
def test_the_last_commit_of_a_name_is_exact_or_bounded_from_above(history: list[list[str]]) -> None:
    last: dict[str, int] = {}
    truth: dict[str, int] = {}
    for number, names in enumerate(history, 1):
        last = advance_last(last, names, number)
        truth.update(dict.fromkeys(names, number))
        assert len(last) <= NAMES_KEPT + 1
        for name, at in truth.items():
            if name in last:
                assert last[name] == at
            else:
                assert at <= last["*"] < number


def test_more_names_in_one_commit_than_are_kept(store: Store) -> None:
    registry = Registry("wide")
    Thing = registry.aggregate("Thing", id_field="id")

    @registry.command_handler("Do", aggregate=Thing, creation="if_missing")
    def do(command: Any, thing: Any) -> Any:
        return {}, [Event(f"Did{n}") for n in range(50)]

    app = App(store, registry=registry)
    app.execute("Do", {"id": "t"})
    app.execute("Do", {"id": "t"})
    first, second = commits(store, "Thing#t")
    assert len(first["names"]) == 50
    last = read_head(second)["last"]
    assert len(last) == NAMES_KEPT + 1 and set(last.values()) == {1}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)


@given(
    pk=NAMES, number=st.integers(1, 10**6), time=st.integers(0, 10**17), head=NAMES, recent=st.binary(max_size=24),
    events=NAMES, names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    more=st.fixed_dictionaries({}, optional={"void": st.just(True), "state": NAMES, "sv": st.integers(1, 300)}),
)  # fmt: skip
def test_a_commits_size_is_its_items(
    pk: str, number: int, time: int, head: str, recent: bytes, events: str, names: list[str], more: dict[str, Any]
) -> None:
    item: Item = {"pk": pk, "c": number, "time": time, "seq": number, "head": head, "recent": recent}
    assert commit_size(item) == item_size(item)
    item |= {"events": events, "names": dict.fromkeys(names, "1")}
    assert commit_size(item) == item_size(item)
    item |= more
    assert commit_size(item) == item_size(item)


USUAL = st.text("abc", min_size=1, max_size=450) | NAMES


@given(
    pk=NAMES, number=st.integers(1, 10**6), time=st.integers(0, 10**17), head=USUAL, recent=st.binary(max_size=24),
    name=NAMES, text=USUAL, state=USUAL, version=st.integers(1, 300),
)  # fmt: skip
def test_a_usual_commit_is_what_the_single_steps_make(
    pk: str, number: int, time: int, head: str, recent: bytes, name: str, text: str, state: str, version: int
) -> None:
    event = Encoded(name, None, text)
    item: Item = {"pk": pk, "c": number, "time": time, "seq": number, "head": head, "recent": recent}
    item |= {"events": events_text([event]), "names": names_map([event]), "state": state, "sv": version}
    made = usual(pk, number, time, number, head, recent, event, state, version)
    texts = (pk, head, name, text, state)
    if made is None:
        assert item_size(item) > ONE_UNIT or not all(each.isascii() for each in texts)
    else:
        assert (made, list(made), made.size) == (item, list(item), item_size(item))
        assert made.size <= ONE_UNIT


@pytest.mark.parametrize("kind", KINDS)
def test_whether_a_commit_is_made_at_once_or_in_steps_nobody_can_tell(
    kind: KindOfBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=timezone.utc)

    def told() -> list[tuple[Item, int]]:
        app = App("memory://", registry=box(kind), clock=lambda: now)
        for number in range(120):
            metadata = {"tenant": "x" * (number * 13 % 700)}
            app.execute("Open" if number == 0 else "Put", {"id": "b", "n": number}, id=f"c-{number}", metadata=metadata)
        return [(item, item_size(item)) for item in commits(app.store, "Box#b")]

    at_once = told()
    monkeypatch.setattr(executing, "usual", lambda *_: None)
    assert told() == at_once


@pytest.mark.parametrize("with_message", [False, True])
@pytest.mark.parametrize("state", [None, Frozen])
def test_an_event_alone_is_what_a_list_of_it_is(state: Any, with_message: bool) -> None:
    now = datetime(2026, 3, 1, tzinfo=timezone.utc)

    def told(wrapped: Callable[[Event], Any]) -> list[Item]:
        registry = Registry("boxes")
        Box = registry.aggregate("Box", id_field="id", event_sourced=True, state=state)

        @registry.command_handler("Put", aggregate=Box, creation="if_missing")
        def put(command: Any, box: Any) -> Any:
            return wrapped(Event("Closed" if command["n"] == 9 else "Put", {"n": command["n"]}))

        if with_message:

            @registry.evolver("Put", aggregate=Box)
            def evolved_with(box: Any, event: Any, *, message: Message) -> Any:
                return evolved(box, event)
        else:
            registry.evolver("Put", aggregate=Box)(evolved)

        @registry.evolver("Closed", aggregate=Box)
        def closed(box: Any, event: Any) -> Any:
            return DELETED

        app = App("memory://", registry=registry, clock=lambda: now)
        for number in range(10):
            app.execute("Put", {"id": "b", "n": number}, id=f"c-{number}")
        return commits(app.store, "Box#b")

    def evolved(box: Any, event: Any) -> Any:
        event["n"] += 1  # its own copy
        if state is Frozen:
            return replace(box, total=box.total + event["n"])
        box["total"] = box.get("total", 0) + event["n"]
        return box

    assert told(lambda event: event) == told(lambda event: [event])
