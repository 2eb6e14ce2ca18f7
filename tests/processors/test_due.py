"""Commands with `due=`: kept until their time, and run once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from cqrsless import Command
from cqrsless.processors.scheduling import due_time
from tests.processors.deadlines import expire, shop
from tests.processors.harness import NOON, Died, Dying

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
    with pytest.raises(ValueError, match=r"due=datetime.timedelta.* of Expire is behind the last date there is"):
        due_time(timedelta.max, NOON, "Expire")


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
