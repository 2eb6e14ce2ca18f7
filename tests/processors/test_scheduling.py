"""Commands with `due=`: cancelled by their ids, kept for as long as it takes, and as they come back from the wire."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cqrsless import App, Command, Cost, Message, Registry, cancel
from cqrsless.errors import MalformedMessage
from cqrsless.processors.scheduling import DETAIL_TYPE, TOMBSTONE, event_of, message_of, wire_of
from cqrsless.processors.stored_schedules import StoredScheduler
from cqrsless.sources.eventbridge import handle
from cqrsless.sources.forms import Origin, enclosed
from tests.processors.deadlines import expire, shop
from tests.processors.harness import NOON, Died, Dying

# -- cancelling


def cancelling(event: dict[str, Any]) -> Any:
    return cancel("expire-1") if event.get("paid") else expire(id="expire-1")


def test_a_cancelled_command_never_runs() -> None:
    bench = shop(cancelling)
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"), bench.commit("Order#1", ("Placed", {"paid": True})))
    assert bench.items("s#") == []
    bench.advance(hours=1)
    assert container.fire() == 0


def test_a_cancellation_may_come_before_what_it_cancels() -> None:
    bench = shop(cancelling)
    container = bench.container()
    container.batch(bench.commit("Order#2", ("Placed", {"paid": True})), bench.commit("Order#1", "Placed"))
    bench.advance(hours=1)
    assert container.fire() == 0
    assert bench.store.get("events", "Card#c", 1, container.offer().cost) is None
    assert bench.items("s#") == []


def test_a_cancelled_command_that_comes_again_after_its_time_does_not_run() -> None:
    bench = shop(cancelling)
    first = bench.commit("Order#1", "Placed")
    bench.container().batch(first, bench.commit("Order#2", ("Placed", {"paid": True})))
    bench.advance(hours=1)
    bench.container(run=2).batch(first)
    assert bench.store.get("events", "Card#c", 1, bench.container().offer().cost) is None


@pytest.mark.parametrize("id", ["", "x" * 257])
def test_an_id_that_could_not_come_back_is_refused(id: str) -> None:
    bench = shop(lambda event: cancel(id))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    said = f"the id of what is cancelled has {len(id)} characters; one that is scheduled has 1 to 256"
    assert said in bench.container().letters.list("deadlines")[0].why


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_cancelling_leaves_nothing_that_runs(after: bool) -> None:
    for at in range(1, 4):
        bench = shop(cancelling)
        bench.container().batch(bench.commit("Order#1", "Placed"))
        item = bench.commit("Order#1", ("Placed", {"paid": True}))
        dying = Dying(bench.store)
        dying.dies_at, dying.dies_after = at, after
        try:
            bench.container(dying).batch(item)
        except Died:
            bench.container().batch(item)
        bench.advance(hours=1)
        bench.container().fire()
        assert bench.store.get("events", "Card#c", 1, bench.container().offer().cost) is None


def test_schedules_outlive_the_process_in_a_file(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    bench = shop(lambda event: expire(), url)
    bench.container().batch(bench.commit("Order#1", "Placed"))
    bench.store.close()
    other = shop(lambda event: expire(), url)
    other.advance(hours=1)
    assert other.container().fire() == 1
    assert other.events("Card#c") == ["Expired"]
    other.store.close()


# -- on the wire


def a_command(**more: Any) -> Message:
    return Message("c-1", "Close", "command", {"id": "c", "paid": Decimal("1.10"), "at": NOON}, NOON, "event", **more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "correlation_id": "k",
            "causation_id": "Order#1@1",
            "metadata": {"tenant": "t"},
            "expected_version": 0,
            "on_rejected": "NotClosed",
        },
    ],
)
def test_a_command_comes_back_from_the_wire_as_it_went(more: dict[str, Any]) -> None:
    message = a_command(**more)
    wire = json.loads(json.dumps(wire_of(message)))
    assert message_of(wire, NOON) == message._replace(
        source="scheduler",
        sent=NOON,
        correlation_id=more.get("correlation_id", "c-1"),
        metadata=more.get("metadata", {}),
    )


def test_what_eventbridge_scheduler_brings_is_the_command_that_was_scheduled() -> None:
    got: list[Message] = []

    class App:
        def dispatch(self, message: Message) -> None:
            got.append(message)

        def now(self) -> datetime:
            return NOON + timedelta(hours=9)

    message = a_command(on_rejected="NotClosed", correlation_id="k")
    due = NOON + timedelta(minutes=20, microseconds=7)
    handle(json.loads(event_of(wire_of(message), due)), None, App())  # type: ignore[arg-type]  # all that it is asked for
    assert got == [message._replace(source="scheduler", time=due, sent=due, metadata={})]


def test_a_queue_cannot_speak_as_the_scheduler() -> None:
    document = json.loads(event_of(wire_of(a_command(on_rejected="PaymentReceived")), NOON))
    assert document["detail-type"] == DETAIL_TYPE
    with pytest.raises(MalformedMessage, match="on_rejected"):
        enclosed(document, Origin("sqs", "m-1", NOON), "the message")


def test_a_scheduled_command_that_is_not_as_we_write_them_is_malformed() -> None:
    for detail in (
        {},
        {"command": "X"},
        {"retry": 7},
        {"command": "X", "id": "1", "payload": "{", "correlation_id": "1"},
    ):
        document = {
            "detail-type": DETAIL_TYPE,
            "source": "aws.scheduler",
            "time": "2026-03-01T12:00:00Z",
            "detail": detail,
        }
        with pytest.raises(MalformedMessage):
            enclosed(document, Origin("eventbridge", "m-1", NOON), "the event")


def test_a_value_that_cannot_be_kept_is_refused_when_it_is_scheduled() -> None:
    bench = shop(lambda event: Command("Close", {"id": "c", "x": object()}, due=timedelta(minutes=1)))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert "the payload of Close at x" in bench.container().letters.list("deadlines")[0].why


def test_a_command_that_nobody_handles_is_refused_when_it_is_scheduled() -> None:
    bench = shop(lambda event: Command("Clsoe", {"id": "c"}, due=timedelta(minutes=1)))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert "'Clsoe'; did you mean 'Close'?" in bench.container().letters.list("deadlines")[0].why
    assert bench.items("s#") == []


def test_the_schedules_of_a_store_are_shared_by_its_applications() -> None:
    bench = shop(lambda event: expire())
    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert StoredScheduler(bench.store).next_due(NOON + timedelta(hours=1)) == NOON + timedelta(minutes=20)


def test_a_tombstone_is_removed_once_nothing_is_likely_to_ask_for_it() -> None:
    app = App("memory://", registry=box())
    app.compiled.reactions.scheduling.cancel("a")

    def tombstones() -> int:
        return sum(item["pk"].startswith("k#") for item in app.store.scan("views", Cost()).items)

    app.advance(TOMBSTONE - timedelta(days=1))
    app.compiled.reactions.scheduling.cancel("b")
    app.compiled.reactions.scheduling.cancel("c")
    assert tombstones() == 6, "each is listed by its time"
    app.advance(timedelta(days=2))
    assert tombstones() == 4
    app.compiled.reactions.scheduling.cancel("c")  # anew
    app.advance(TOMBSTONE - timedelta(days=1))
    assert app.compiled.reactions.scheduling._tombstones.has("c")
    assert not app.compiled.reactions.scheduling._tombstones.has("b")
    app.advance(timedelta(days=2))
    assert tombstones() == 0


def test_what_was_cancelled_before_it_is_scheduled_does_not_wait_however_late_it_is_due(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its tombstone may be gone by then."""
    app = App("memory://", registry=box())
    app.compiled.reactions.scheduling.cancel("later")
    app.execute("Fill", {"id": "b-1"}, id="later", due=TOMBSTONE * 4)
    (warned,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warned.getMessage() == (
        "Fill is not scheduled: its id 'later' was cancelled before, and an id that was cancelled stays so; give what "
        "is scheduled anew an id of its own"
    )
    assert app.advance(TOMBSTONE * 5) == 0


def test_a_cancellation_beside_the_scheduling_leaves_nothing_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App("memory://", registry=box())
    scheduling = app.compiled.reactions.scheduling
    schedule = scheduling.scheduler.schedule

    def beside(*given: Any) -> None:
        schedule(*given)
        monkeypatch.undo()
        scheduling.cancel("later")

    monkeypatch.setattr(scheduling.scheduler, "schedule", beside)
    app.execute("Fill", {"id": "b-1"}, id="later", due=TOMBSTONE * 4)
    assert app.advance(TOMBSTONE * 5) == 0


def box() -> Registry:
    made = Registry("box")
    Box = made.aggregate("Box", id_field="id")
    made.command_handler("Fill", aggregate=Box, creation="if_missing")(lambda command, box: {"full": True})
    return made
