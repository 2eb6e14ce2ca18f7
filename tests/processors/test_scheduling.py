"""Commands with `due=`: kept until their time, run once, cancelled by their ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from cqrsless import App, Command, Cost, Event, Message, Registry, Rejected, cancel
from cqrsless.errors import MalformedMessage
from cqrsless.processors.scheduling import DETAIL_TYPE, TOMBSTONE, due_time, event_of, message_of, wire_of
from cqrsless.processors.stored_schedules import StoredScheduler
from cqrsless.sources.eventbridge import handle
from cqrsless.sources.forms import Origin, enclosed
from tests.processors.harness import NOON, Bench, Died, Dying, registry


def shop(react: Callable[..., Any], store: str = "memory://") -> Bench:
    made = registry()
    made.processor("deadlines", start="beginning", retries=0)
    made.event_handler("Placed", processor="deadlines")(react)

    @made.command_handler("Refuse", aggregate="Card", creation="if_missing")
    def refuse(command: Any, card: Any) -> Any:
        raise Rejected("no credit")

    @made.command_handler("Break", aggregate="Card", creation="if_missing")
    def break_it(command: Any, card: Any) -> Any:
        raise ZeroDivisionError

    @made.command_handler("Close", aggregate="Card", creation="if_missing")
    def close(command: Any, card: Any, *, message: Message) -> Any:
        return {"n": 0}, Event(
            "Closed", {"message": list(message[:5]), "sent": message.sent, "paid": command.get("paid")}
        )

    return Bench(made, store)


def expire(card: str = "c", after: float = 20, **options: Any) -> Command:
    return Command("ToCard", {"id": card, "events": [["Expired", {}]]}, due=timedelta(minutes=after), **options)


# -- when


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=5, minutes=30))])
def test_an_aware_datetime_is_that_moment_in_any_zone(zone: timezone) -> None:
    due = datetime(2026, 3, 1, 12, tzinfo=timezone.utc).astimezone(zone)
    assert due_time(due, NOON - timedelta(days=1), "X") == NOON


def test_a_timedelta_counts_from_the_events_time_and_not_from_now() -> None:
    bench = shop(lambda event: expire())
    item = bench.commit("Order#1", "Placed")
    bench.advance(minutes=15)
    container = bench.container()
    container.batch(item)
    bench.advance(minutes=5)
    assert container.fire() == 1


def test_a_naive_datetime_is_refused_with_what_to_write() -> None:
    naive = datetime(2026, 3, 1)  # what a user might write
    with pytest.raises(ValueError, match=r"due=datetime.* of Expire has no time zone: write datetime\(\.\.\., tzinfo="):
        due_time(naive, NOON, "Expire")
    bench = shop(lambda event: Command("Close", {"id": "c"}, due=naive))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    assert "has no time zone" in bench.container().letters.list("deadlines")[0].why


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(TypeError, match="due=30 of Expire is no time: give an aware datetime, or a timedelta"):
        due_time(30, NOON, "Expire")  # type: ignore[arg-type]  # what a user might write


# -- running


def test_a_command_waits_for_its_time_and_then_runs() -> None:
    bench = shop(lambda event: expire())
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(minutes=19, seconds=59)
    assert container.fire() == 0
    bench.advance(seconds=1)
    assert container.fire() == 1
    assert bench.events("Card#c") == ["Expired"]
    assert container.fire() == 0
    assert bench.items("s#") == []


def test_a_command_knows_when_it_was_due_and_where_it_came_from() -> None:
    bench = shop(lambda event: Command("Close", {"id": "c", "paid": Decimal("9.90")}, due=timedelta(minutes=20)))
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(hours=3)
    container.fire()
    (event,) = bench.app.history("Card", "c")
    due = NOON + timedelta(minutes=20)
    assert event.payload["message"][1:] == ["Close", "command", {"id": "c", "paid": Decimal("9.90")}, due]
    assert (event.payload["sent"], event.payload["paid"]) == (due, Decimal("9.90"))
    assert event.time == NOON + timedelta(hours=3)
    (placed,) = bench.app.history("Order", "1")
    assert event.metadata["correlation_id"] == placed.metadata["correlation_id"]


def test_a_past_time_is_now_and_the_same_command_as_later() -> None:
    bench = shop(lambda event: Command("Close", {"id": "c", "paid": Decimal("9.90")}, due=NOON - timedelta(days=1)))
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    (event,) = bench.app.history("Card", "c")
    assert event.payload["message"][4] == NOON - timedelta(days=1)
    assert bench.items("s#") == []


def test_an_event_that_comes_again_after_its_deadline_repeats_nothing() -> None:
    bench = shop(lambda event: [expire(), Command("Close", {"id": "d", "paid": Decimal(1)}, due=timedelta(minutes=20))])
    item = bench.commit("Order#1", "Placed")
    container = bench.container()
    container.batch(item)
    bench.advance(minutes=20)
    container.fire()
    bench.advance(minutes=20)
    bench.container(run=2).batch(item)  # handled as if for the first time, with the deadline past
    assert bench.events("Card#c") == ["Expired"]
    assert bench.events("Card#d") == ["Closed"]


def test_an_event_that_comes_again_before_its_deadline_schedules_nothing_twice() -> None:
    bench = shop(lambda event: expire())
    item = bench.commit("Order#1", "Placed")
    for run in (1, 2, 3):
        bench.container(run=run).batch(item)
    assert len(bench.items("s#")) == 2  # the row, and what is noted of its id
    bench.advance(hours=1)
    assert bench.container().fire() == 1
    assert bench.events("Card#c") == ["Expired"]


def test_commands_run_in_the_order_of_their_times() -> None:
    ran: list[str] = []
    bench = shop(lambda event: [expire(str(at), at) for at in (30, 10, 20)])
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(hours=1)
    container.scheduler.fire_due(bench.now(), lambda message: ran.append(message.payload["id"]))
    assert ran == ["10", "20", "30"]


def test_the_next_deadline_can_be_asked_for() -> None:
    bench = shop(lambda event: [expire("a", 30), expire("b", 10)])
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.scheduler.next_due(NOON + timedelta(minutes=9)) is None
    assert container.scheduler.next_due(NOON + timedelta(hours=1)) == NOON + timedelta(minutes=10)


def test_an_id_waits_once_and_its_first_time_stands() -> None:
    bench = shop(lambda event: [expire(after=20, id="x"), expire(after=10, id="x")])
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(minutes=10)
    assert container.fire() == 0
    bench.advance(minutes=10)
    assert container.fire() == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_between_running_and_removing_repeats_no_command(after: bool) -> None:
    for at in range(1, 4):
        bench = shop(lambda event: expire())
        bench.container().batch(bench.commit("Order#1", "Placed"))
        bench.advance(hours=1)
        dying = Dying(bench.store)
        dying.dies_at, dying.dies_after = at, after
        try:
            bench.container(dying).fire()
        except Died:
            bench.container().fire()
        assert bench.events("Card#c") == ["Expired"]
        assert bench.items("s#") == []


def test_two_that_fire_at_once_run_a_command_once() -> None:
    bench = shop(lambda event: expire())
    bench.container().batch(bench.commit("Order#1", "Placed"))
    bench.advance(hours=1)
    dying = Dying(bench.store)
    other = bench.container()
    dying.before[1] = other.fire
    bench.container(dying).fire()
    assert bench.events("Card#c") == ["Expired"]


def test_what_was_scheduled_anew_while_another_fired_is_left_as_it_is() -> None:
    bench = shop(lambda event: expire(id="x"))
    bench.container().batch(bench.commit("Order#1", "Placed"))
    bench.advance(hours=1)
    other = bench.container()

    def meanwhile() -> None:
        other.fire()
        other.scheduler.schedule("x", NOON + timedelta(hours=2), {})

    dying = Dying(bench.store)
    dying.before[2] = meanwhile  # the command has run, its row is about to be removed
    bench.container(dying).fire()
    assert len(bench.items("s#")) == 2
    other.scheduler.cancel("x")
    assert bench.items("s#") == []


def test_a_refusal_is_an_answer() -> None:
    bench = shop(lambda event: Command("Refuse", {"id": "c"}, due=timedelta(minutes=1)))
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(minutes=1)
    assert container.fire() == 1
    assert bench.items("s#") == []


def test_a_refusal_with_on_rejected_becomes_its_event_when_it_is_due() -> None:
    bench = shop(lambda event: Command("Refuse", {"id": "c"}, due=timedelta(minutes=1), on_rejected="NotCharged"))
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(minutes=1)
    container.fire()
    assert bench.events("Card#c") == ["NotCharged"]


def test_a_failure_keeps_no_other_from_its_time_and_is_raised_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    bench = shop(lambda event: [Command("Break", {"id": "x"}, due=timedelta(minutes=1)), expire(after=2)])
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    bench.advance(hours=1)
    with pytest.raises(ZeroDivisionError):
        container.fire()
    assert bench.events("Card#c") == ["Expired"]
    with pytest.raises(ZeroDivisionError):
        container.fire()
    assert bench.items("s#") != []
    with pytest.raises(ZeroDivisionError):
        container.fire()
    assert "failed 3 times: given up" in caplog.text
    assert bench.items("s#") == []


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


def test_what_was_cancelled_before_it_is_scheduled_does_not_wait_however_late_it_is_due() -> None:
    """Its tombstone may be gone by then."""
    app = App("memory://", registry=box())
    app.compiled.reactions.scheduling.cancel("later")
    app.execute("Fill", {"id": "b-1"}, id="later", due=TOMBSTONE * 4)
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
