"""A command that comes again is recognised, by its full identity and payload, and gives the original result again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrsless import (
    AlreadyExists,
    App,
    CommandResult,
    DuplicateMismatch,
    Message,
    NotFound,
    Rejected,
    VersionMismatch,
)
from cqrsless.aggregates import duplicates
from cqrsless.aggregates.duplicates import ENTRY, covers, identity, places, remember
from cqrsless.store import Store
from tests.aggregates.around import Around, commits
from tests.aggregates.box import KindOfBox, box, executor_of, numbers, opened

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def send(
    app: App,
    name: str,
    payload: Any,
    id: str,
    *,
    sent: datetime | None = None,
    source: str = "sqs",
    actor: str | None = None,
) -> CommandResult:
    """Dispatch a command as a source does that sends it again."""
    message = Message(id, name, "command", payload, app.now(), source, actor, correlation_id=id, sent=sent)
    result: CommandResult = app.dispatch(message)
    return result


class Ticking:
    """A clock that goes on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def fill(app: App, count: int, start: int = 1) -> None:
    for n in range(start, start + count):
        app.execute("Put", {"id": "b", "n": n}, id=f"put-{n}")


# -- the ring


@given(st.lists(st.binary(min_size=8, max_size=8), max_size=40), st.integers(0, 20))
def test_an_entrys_place_is_how_many_commits_ago_it_was(entries: list[bytes], keep: int) -> None:
    ring = b""
    for time, entry in enumerate(entries):
        ring = remember(ring, entry, time * 1_000_000, keep)
    newest_first = entries[::-1][:keep]
    assert len(ring) == ENTRY * len(newest_first)
    for entry in entries:
        assert places(ring, entry) == [ago for ago, held in enumerate(newest_first) if held == entry]


def test_an_entry_that_lies_across_two_others_is_none() -> None:
    ring = remember(remember(b"", b"AAAABBBB", 0), b"CCCCDDDD", 0)
    assert places(ring, ring[6:14]) == []
    assert places(b"\0" * ENTRY * 3, b"\0" * 8) == [0, 1, 2]


def message(**fields: Any) -> Message:
    return Message(**{"id": "c", "name": "Put", "kind": "command", "payload": {}, "time": AT, **fields})


def test_each_part_of_a_commands_identity_counts_and_none_runs_into_the_next() -> None:
    different = [
        message(), message(id="d"), message(name="Pu", id="tc"), message(actor="c"),
        message(source="directP", name="ut"), message(source="s", actor="1:a"),
        message(source="s1:", actor="a"), message(actor="a", name="b", id="c"),
    ]  # fmt: skip
    assert len({identity(each) for each in different}) == len(different)
    assert identity(message(time=AT + timedelta(1), payload={"a": 1})) == identity(message())
    assert len(identity(message(id="\ud800"))) == 8


def test_a_ring_covers_what_was_sent_after_its_oldest_entry() -> None:
    ring = b""
    for second in range(100, 120):
        ring = remember(ring, b"x" * 8, second * 1_000_000, 16)
    oldest = datetime.fromtimestamp(104, timezone.utc)
    assert not covers(ring, 20, oldest)
    assert not covers(ring, 20, oldest + timedelta(seconds=2))  # clocks differ
    assert covers(ring, 20, oldest + timedelta(seconds=3))
    assert covers(ring, 16, datetime.fromtimestamp(0, timezone.utc))  # all there is
    assert not covers(b"", 1, datetime.fromtimestamp(10**9, timezone.utc))
    assert covers(b"", 0, oldest)


# -- recognised


@pytest.mark.parametrize("warm", [True, False])
def test_each_of_the_last_commands_gives_its_original_result_again(warm: bool, kind: KindOfBox, around: Around) -> None:
    app = opened(kind, around)
    originals = [app.execute("PutMany", {"id": "b", "ns": [n, n]}, id=f"c-{n}") for n in range(20)]
    for ago, original in enumerate(reversed(originals[4:])):
        again = app if warm else App(around, registry=box(kind))
        around.taken()
        found = again.execute("PutMany", {"ns": original_numbers(original), "id": "b"}, id=f"c-{19 - ago}")
        assert found.duplicate
        assert replace(found, duplicate=False) == original
        assert around.taken() == ["query"] * (not warm) + ["get"] * (ago > 0)
        assert found.cost.requests == (not warm) + (ago > 0)
        assert found.cost.write_units == 0
    assert len(commits(around.inner, "Box#b")) == 21


def original_numbers(result: CommandResult) -> list[int]:
    return [event.payload["n"] for event in result.events]


def test_beyond_the_last_commands_an_untimed_command_is_a_new_one(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    fill(app, 17)
    assert app.execute("Put", {"id": "b", "n": 2}, id="put-2").duplicate
    assert not app.execute("Put", {"id": "b", "n": 1}, id="put-1").duplicate


def test_how_many_are_remembered_may_change_between_deployments(kind: KindOfBox, store: Store) -> None:
    def app(remembered: int) -> App:
        made = App(store, registry=box(kind))
        executor_of(made).remembered = remembered
        return made

    app(16).execute("Open", {"id": "b"}, id="open")
    last = 0
    for remembered, reach in ((16, 16), (4, 4), (16, 10), (0, 0), (2, 2), (16, 8)):
        fill(app(remembered), 6, last + 1)
        last += 6
        for ago in range(10):
            n = last - ago
            if n < 1:
                continue
            if ago < reach:
                assert app(16).execute("Put", {"id": "b", "n": n}, id=f"put-{n}").duplicate
    assert len(commits(store, "Box#b")) == 1 + last


def test_a_hit_is_a_hint_and_the_commit_itself_is_compared(
    kind: KindOfBox, around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "identity", lambda message: b"collides")
    app = opened(kind, around)
    fill(app, 5)
    assert numbers(app.load("Box", "b").state) == [0, 1, 2, 3, 4, 5]
    found = app.execute("Put", {"id": "b", "n": 2}, id="put-2")
    assert (found.duplicate, found.version) == (True, 3)


def test_a_used_id_with_another_payload_is_refused(kind: KindOfBox, around: Around) -> None:
    app = opened(kind, around)
    fill(app, 3)
    around.taken()
    text = r"Put put-2 was executed before with another payload, as commit 3 of Box b: give a new command a new id"
    for again in (app, App(around, registry=box(kind))):
        with pytest.raises(DuplicateMismatch, match=text):
            again.execute("Put", {"id": "b", "n": 5}, id="put-2")
    assert around.taken() == ["get", "query", "get"]
    app.execute("Put", {"id": "b", "n": 4}, id="put-4")
    assert numbers(app.load("Box", "b").state) == [0, 1, 2, 3, 4]


def test_another_actor_source_or_name_with_the_same_id_is_another_command(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    payload = {"id": "b", "n": 1}
    assert not send(app, "Put", payload, "c", source="sqs").duplicate
    assert not send(app, "Put", payload, "c", source="sns").duplicate
    assert not send(app, "Put", payload, "c", source="http", actor="ann").duplicate
    assert not send(app, "Put", payload, "c", source="http", actor="bob").duplicate
    assert not send(app, "Ensure", payload, "c", source="sqs").duplicate
    assert send(app, "Put", payload, "c", source="http", actor="bob").duplicate
    assert app.load("Box", "b").version == 6


def test_the_same_id_on_another_aggregate_is_another_command(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    assert not app.execute("Open", {"id": "c"}, id="open").duplicate


# -- before anything else is asked


@pytest.mark.parametrize("warm", [True, False])
def test_a_creation_that_comes_again_is_a_duplicate_and_not_a_refusal(
    warm: bool, kind: KindOfBox, around: Around
) -> None:
    app = opened(kind, around)
    fill(app, 3)
    again = app if warm else App(around, registry=box(kind))
    found = again.execute("Open", {"id": "b"}, id="open")
    assert (found.duplicate, found.version) == (True, 1)
    assert found.cost.write_units == (0 if warm else 1)  # a condition that failed
    with pytest.raises(AlreadyExists):
        again.execute("Open", {"id": "b"}, id="open-2")


def test_a_creation_is_recognised_however_much_happened_since(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    fill(app, 40)
    cold = App(store, registry=box(kind))
    assert cold.execute("Open", {"id": "b"}, id="open").duplicate


def test_a_creation_behind_a_recorded_refusal_is_recognised(kind: KindOfBox, around: Around) -> None:
    app = App(around, registry=box(kind))
    app.execute("Refuse", {"id": "b"}, on_rejected="Refused")
    app.execute("Open", {"id": "b"}, id="open")
    found = App(around, registry=box(kind)).execute("Open", {"id": "b"}, id="open")
    assert (found.duplicate, found.version) == (True, 2)


def test_what_happened_before_a_deletion_is_still_recognised(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    fill(app, 1)
    app.execute("Close", {"id": "b"}, id="close")
    for again in (app, App(store, registry=box(kind))):
        assert again.execute("Close", {"id": "b"}, id="close").version == 3
        assert again.execute("Put", {"id": "b", "n": 1}, id="put-1").version == 2
        assert again.execute("Open", {"id": "b"}, id="open").version == 1
        with pytest.raises(NotFound):
            again.execute("Put", {"id": "b", "n": 2}, id="put-2")


def test_an_expected_version_does_not_refuse_a_command_that_comes_again(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    app.execute("Put", {"id": "b", "n": 1}, id="c", expected_version=1)
    assert app.execute("Put", {"id": "b", "n": 1}, id="c", expected_version=1).duplicate
    with pytest.raises(VersionMismatch):
        app.execute("Put", {"id": "b", "n": 1}, id="d", expected_version=1)


def test_a_handler_is_not_asked_again(kind: KindOfBox, store: Store) -> None:
    asked: list[str] = []
    app = opened(kind, store, seen=lambda name, command, state: asked.append(name))
    app.execute("PutBelow", {"id": "b", "most": 2, "n": 1}, id="c")
    assert app.execute("PutBelow", {"id": "b", "most": 2, "n": 1}, id="c").duplicate
    assert asked == ["Open", "PutBelow"]


def test_refusals_and_nothing_to_do_are_not_remembered(kind: KindOfBox, around: Around) -> None:
    app = opened(kind, around)
    with pytest.raises(Rejected):
        app.execute("PutBelow", {"id": "b", "most": 1, "n": 1}, id="c")
    with pytest.raises(Rejected):  # another payload, and no mismatch
        app.execute("PutBelow", {"id": "b", "most": 0, "n": 1}, id="c")
    assert not app.execute("PutBelow", {"id": "b", "most": 2, "n": 1}, id="c").duplicate
    for _ in range(2):
        result = app.execute("Swap", {"id": "b", "n": 1}, id="d")
        assert (result.duplicate, result.version, result.events) == (False, 2, ())
    assert app.execute("Swap", {"id": "b", "n": 2}, id="d").version == 3


def test_a_recorded_refusal_is_remembered(kind: KindOfBox, store: Store) -> None:
    app = opened(kind, store)
    first = app.execute("Refuse", {"id": "b"}, id="c", on_rejected="Refused")
    again = app.execute("Refuse", {"id": "b"}, id="c", on_rejected="Refused")
    assert replace(again, duplicate=False) == first
    assert again.duplicate and first.events[0].name == "Refused"


# -- after every fold


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(lambda other: [other.execute("Put", {"id": "b", "n": 1}, id="c")], id="this command"),
        pytest.param(
            lambda other: [other.execute("Put", {"id": "b", "n": 1}, id="c"), fill(other, 3, 7)], id="this, then more"
        ),
        pytest.param(
            lambda other: [fill(other, 1, 7), other.execute("Put", {"id": "b", "n": 1}, id="c")], id="more, then this"
        ),
        pytest.param(
            lambda other: [fill(other, 3, 7), other.execute("Put", {"id": "b", "n": 1}, id="c"), fill(other, 9, 17)],
            id="more, this, then more",
        ),
    ],
)
@pytest.mark.parametrize("warm", [True, False])
def test_a_race_lost_to_an_earlier_attempt_is_a_duplicate(
    warm: bool, meanwhile: Callable[[App], Any], kind: KindOfBox, around: Around
) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    if not warm:
        app = App(around, registry=box(kind))
    around.before_put.append(lambda: meanwhile(other))
    found = app.execute("Put", {"id": "b", "n": 1}, id="c")
    assert found.duplicate
    assert numbers(app.load("Box", "b").state).count(1) == 1


def test_a_refusal_of_what_was_done_already_is_its_result(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    other.execute("PutBelow", {"id": "b", "most": 2, "n": 1}, id="c")
    fill(other, 3, 7)
    app.execute("Put", {"id": "b", "n": 5})
    fill(other, 3, 17)
    found = app.execute("PutBelow", {"id": "b", "most": 2, "n": 1}, id="c")
    assert (found.duplicate, found.version) == (True, 2)


def test_another_payload_in_the_commit_that_beat_this_one_is_refused(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}, id="c"))
    with pytest.raises(DuplicateMismatch):
        app.execute("Put", {"id": "b", "n": 2}, id="c")
    assert numbers(app.load("Box", "b").state) == [0, 1]


# -- old messages


def aged(kind: KindOfBox, around: Around, count: int) -> tuple[App, datetime]:
    """Make a box into which a message sent at a known time put 100, and then others put many."""
    clock = Ticking()
    app = App(around, registry=box(kind), clock=clock)
    app.execute("Open", {"id": "b"}, id="open")
    fill(app, 20)
    sent = clock.now
    assert not send(app, "Put", {"id": "b", "n": 100}, "old", sent=sent).duplicate
    fill(app, count, 200)
    around.taken()
    return app, sent


@pytest.mark.parametrize("count", [0, 15, 16, 17, 40, 130])
@pytest.mark.parametrize("warm", [True, False])
def test_a_message_that_was_sent_long_ago_is_found_beyond_the_last_commands(
    warm: bool, count: int, kind: KindOfBox, around: Around
) -> None:
    app, sent = aged(kind, around, count)
    if not warm:
        app = App(around, registry=box(kind))
    found = send(app, "Put", {"id": "b", "n": 100}, "old", sent=sent)
    assert (found.duplicate, found.version) == (True, 22)
    with pytest.raises(DuplicateMismatch):
        send(app, "Put", {"id": "b", "n": 101}, "old", sent=sent)
    assert len(around.taken()) <= 2 * 3


def test_the_search_for_an_old_message_ends_where_it_was_sent(kind: KindOfBox, around: Around) -> None:
    app, sent = aged(kind, around, 130)
    assert not send(app, "Put", {"id": "b", "n": 1}, "new", sent=sent + timedelta(seconds=60)).duplicate
    assert around.taken() == ["query", "put"]
    assert not send(app, "Put", {"id": "b", "n": 2}, "never", sent=AT - timedelta(days=1)).duplicate
    assert around.taken() == ["query", "query", "put"]


def test_a_message_just_sent_is_not_searched_for(kind: KindOfBox, around: Around) -> None:
    app, _ = aged(kind, around, 130)
    assert not send(app, "Put", {"id": "b", "n": 1}, "new", sent=app.now() - timedelta(seconds=5)).duplicate
    assert around.taken() == ["put"]


def test_a_lost_race_does_not_search_again(kind: KindOfBox, around: Around) -> None:
    app, sent = aged(kind, around, 30)
    other = App(around.inner, registry=box(kind), clock=app.now)
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}))
    assert not send(app, "Put", {"id": "b", "n": 1}, "new", sent=sent).duplicate
    assert around.taken() == ["query", "put", "put"]


def test_what_was_committed_between_the_search_and_now_is_searched_too(kind: KindOfBox, around: Around) -> None:
    app, sent = aged(kind, around, 30)
    other = App(around.inner, registry=box(kind), clock=app.now)

    def much() -> None:
        fill(other, 2, 500)
        send(other, "Put", {"id": "b", "n": 77}, "again", sent=sent)
        fill(other, 40, 600)

    around.before_put.append(much)
    found = send(app, "Put", {"id": "b", "n": 77}, "again", sent=sent)
    assert found.duplicate
    assert numbers(app.load("Box", "b").state).count(77) == 1
