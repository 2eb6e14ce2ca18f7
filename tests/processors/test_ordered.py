"""An ordered processor: one write a commit, in order whatever comes, attempts counted where no crash loses them."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Command, ConcurrencyConflict, GiveUp, Message, NotFound, RetryLater, StoreUnavailable
from tests.processors.harness import Bench, Container, Died, Dying, Seen, registry


def shop(fail: Any = None, **options: Any) -> tuple[Bench, Seen]:
    made, seen = registry(), Seen()
    made.processor("mailer", start="beginning", **options)

    @made.event_handler("Placed", "Paid", processor="mailer")
    def note(event: Any, *, message: Message) -> None:
        if fail is not None:
            fail(message)
        seen.note(message)

    return Bench(made), seen


# -- what it costs


def test_a_commit_on_a_known_aggregate_costs_one_write_and_no_read() -> None:
    bench, _ = shop()
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", "Paid")) == (1, 0, 1)


def test_the_first_commit_of_an_aggregate_costs_a_read_too() -> None:
    bench, _ = shop()
    assert bench.container().cost(bench.commit("Order#1", "Placed")) == (2, 1, 1)


def test_a_commit_without_an_event_of_the_processors_costs_nothing_and_is_no_gap() -> None:
    bench, seen = shop()
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", "Packed")) == (0, 0, 0)
    assert container.cost(bench.commit("Order#1", "Paid")) == (1, 0, 1)
    assert seen.of("1") == [1, 3]


def test_a_commit_of_many_events_costs_one_write() -> None:
    bench, seen = shop()
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", *["Paid"] * 10)) == (1, 0, 1)
    assert seen.of("1") == [1, *[2] * 10]


def test_a_repeat_costs_nothing() -> None:
    bench, seen = shop()
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    container.batch(item)
    assert container.cost(item) == (0, 0, 0)
    assert seen.of("1") == [1]


def test_a_commit_handled_by_another_container_costs_one_read_when_it_comes_again() -> None:
    bench, seen = shop()
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    assert bench.container().cost(item) == (1, 1, 0)
    assert seen.of("1") == [1]


# -- order


def test_what_is_missing_is_read_and_handled_first() -> None:
    bench, seen = shop()
    items = [bench.commit("Order#1", "Placed") for _ in range(5)]
    bench.container().batch(items[4])
    assert seen.of("1") == [1, 2, 3, 4, 5]


def test_every_order_of_arrival_ends_in_the_order_of_the_commits() -> None:
    from itertools import permutations

    for order in permutations(range(4)):
        bench, seen = shop()
        items = [bench.commit("Order#1", name) for name in ("Placed", "Packed", "Paid", "Paid")]
        container = bench.container()
        container.deliver(*(items[at] for at in order))
        assert seen.of("1") == [1, 3, 4], order


def test_events_of_one_commit_are_handled_in_their_order_and_handlers_in_theirs() -> None:
    made, seen = registry(), []
    made.processor("mailer", start="beginning")
    for label in ("first", "second"):

        def note(event: Any, *, message: Message, label: str = label) -> None:
            seen.append((message.name, label))

        note.__qualname__ = label
        made.event_handler("Placed", "Paid", processor="mailer")(note)
    bench = Bench(made)
    bench.container().batch(bench.commit("Order#1", "Paid", "Placed"))
    assert seen == [("Paid", "first"), ("Paid", "second"), ("Placed", "first"), ("Placed", "second")]


def test_processors_have_places_of_their_own() -> None:
    made = registry()
    for name in ("mailer", "books"):
        made.processor(name, start="beginning")

        def fine(event: Any) -> None: ...
        def broken(event: Any) -> None:
            raise ValueError("no")

        made.event_handler("Placed", processor=name)(fine if name == "books" else broken)
    bench = Bench(made)
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    assert container.batch(item) == ["Order#1@1"]
    assert bench.place("books", "Order#1") == {"mark": 1}
    assert bench.place("mailer", "Order#1") == {"fail": 1, "tries": 1}


def test_nothing_older_than_the_start_is_handled_and_nothing_younger_is_left_out() -> None:
    bench, seen = shop()
    old = [bench.commit("Order#1", "Placed"), bench.commit("Order#1", "Paid")]
    bench.advance(hours=1)
    since = int(bench.time.timestamp() * 1_000_000)
    new = [bench.commit("Order#1", "Paid") for _ in range(3)]
    container = bench.container(since=since)
    assert container.batch(*old) == []
    assert seen == []
    container.batch(new[2])
    assert seen.of("1") == [3, 4, 5]


# -- failures


def test_attempts_are_counted_where_a_crash_does_not_lose_them() -> None:
    attempts: list[int] = []

    def fail(message: Message) -> None:
        attempts.append(message.attempt)
        raise ValueError("no address")

    bench, _ = shop(fail, retries=2)
    item = bench.commit("Order#1", "Placed")
    for _ in range(2):
        assert bench.container().batch(item) == ["Order#1@1"]  # each time another container
    assert bench.container().batch(item) == []
    assert attempts == [1, 2, 3]
    (letter,) = bench.container().letters.list("mailer")
    assert (letter.aggregate, letter.id, letter.commit, letter.seen, letter.tries) == ("Order", "1", 1, 1, 3)
    assert letter.why.startswith("ValueError: no address in note (")


def test_a_success_forgets_the_attempts_before() -> None:
    fails = [True, True, False, True, False]

    def fail(message: Message) -> None:
        if fails.pop(0):
            raise ValueError(message.attempt)

    bench, seen = shop(fail, retries=2)
    container = bench.container()
    container.deliver(bench.commit("Order#1", "Placed"))
    container.deliver(bench.commit("Order#1", "Paid"))
    assert seen.of("1") == [1, 2]
    assert bench.place("mailer", "Order#1") == {"mark": 2}


def test_the_second_event_failing_runs_the_first_again() -> None:
    fails = [False, True, False, False]

    def fail(message: Message) -> None:
        if fails.pop(0):
            raise ValueError

    bench, seen = shop(fail)
    bench.container().deliver(bench.commit("Order#1", "Placed", "Paid"))
    assert seen == ["Placed:1@1", "Placed:1@1", "Paid:1@1"]


def test_a_poisoned_commit_blocks_its_own_aggregate_only() -> None:
    def fail(message: Message) -> None:
        if message.aggregate_id == "bad" and message.version == 2:
            raise ValueError("poison")

    bench, seen = shop(fail, retries=1)
    container = bench.container()
    items = [bench.commit(f"Order#{at}", "Placed") for _ in range(4) for at in ("bad", "good")]
    container.deliver(*items)
    assert seen.of("good") == [1, 2, 3, 4]
    assert seen.of("bad") == [1]
    assert [(letter.key, letter.commit, letter.seen) for letter in container.letters.list("mailer")] == [
        ("Order#bad", 2, 4)
    ]


def test_a_batch_says_which_records_come_again_and_runs_nothing_behind_a_failure() -> None:
    def fail(message: Message) -> None:
        if message.aggregate_id == "bad":
            raise ValueError("poison")

    bench, seen = shop(fail)
    items = [bench.commit(f"Order#{at}", "Placed") for at in ("good", "bad", "good", "bad")]
    assert bench.container().batch(*items) == ["Order#bad@1", "Order#bad@2"]
    assert seen.of("good") == [1, 2]
    assert bench.place("mailer", "Order#bad") == {"fail": 1, "tries": 1}


def test_an_exception_outside_retry_on_parks_at_once() -> None:
    def fail(message: Message) -> None:
        raise KeyError("x") if message.aggregate_id == "1" else ConnectionError("away")

    bench, _ = shop(fail, retry_on=(ConnectionError,))
    container = bench.container()
    assert container.batch(bench.commit("Order#1", "Placed"), bench.commit("Order#2", "Placed")) == ["Order#2@1"]
    assert [(letter.key, letter.tries) for letter in container.letters.list("mailer")] == [("Order#1", 1)]


@pytest.mark.parametrize("error", [ConcurrencyConflict, NotFound, StoreUnavailable])
def test_failures_of_the_moment_are_retried_whatever_retry_on_says(error: type[Exception]) -> None:
    def fail(message: Message) -> None:
        raise error("not now")

    bench, _ = shop(fail, retry_on=(KeyError,))
    assert bench.container().batch(bench.commit("Order#1", "Placed")) == ["Order#1@1"]


def test_give_up_parks_at_once_with_its_reason() -> None:
    def fail(message: Message) -> None:
        raise GiveUp("the address does not exist")

    bench, _ = shop(fail)
    container = bench.container()
    assert container.batch(bench.commit("Order#1", "Placed")) == []
    (letter,) = container.letters.list("mailer")
    assert letter.why == "GiveUp: the address does not exist"


def test_a_stopping_processor_keeps_failing_and_parks_nothing() -> None:
    attempts: list[int] = []

    def fail(message: Message) -> None:
        attempts.append(message.attempt)
        raise ValueError

    bench, _ = shop(fail, retries=1, on_failure="stop", retry_on=(KeyError,))
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    for _ in range(4):
        assert container.batch(item) == ["Order#1@1"]
    assert attempts == [1, 2, 3, 4]
    assert container.letters.list("mailer") == []


def test_retries_0_is_one_attempt() -> None:
    def fail(message: Message) -> None:
        raise ValueError

    bench, _ = shop(fail, retries=0)
    assert bench.container().batch(bench.commit("Order#1", "Placed")) == []
    assert [letter.tries for letter in bench.container().letters.list("mailer")] == [1]


def test_what_comes_behind_a_parked_commit_is_noted_and_not_handled() -> None:
    def fail(message: Message) -> None:
        if message.version == 1:
            raise GiveUp("no")

    bench, seen = shop(fail)
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", "Placed")) == (2, 1, 1)  # read to be sure, and noted
    assert seen == []
    assert [(letter.commit, letter.seen) for letter in container.letters.list("mailer")] == [(1, 2)]


def test_a_commit_that_cannot_be_read_fails_like_a_handler() -> None:
    made = registry()
    made.processor("mailer", start="beginning", retries=0)
    made.event_type("Placed", version=2)

    @made.upcaster("Placed", from_version=1)
    def up(payload: Any) -> Any:
        return payload["gone"]

    @made.event_handler("Placed", processor="mailer")
    def note(event: Any) -> None: ...

    bench = Bench(made)
    item = bench.commit("Order#1", ("Placed", {"a": 1}))
    assert '"Placed",{"a":1},2' in item["events"]
    item["events"] = item["events"].replace(",2]", "]")
    container = bench.container()
    assert container.batch(item) == []
    assert "KeyError" in container.letters.list("mailer")[0].why


# -- waiting


def test_retry_later_waits_with_its_own_aggregate_and_wakes_by_itself() -> None:
    ready: list[bool] = []

    def fail(message: Message) -> None:
        if message.aggregate_id == "slow" and not ready:
            raise RetryLater("the bank is closed", after=600)

    bench, seen = shop(fail)
    container = bench.container()
    slow = [bench.commit("Order#slow", "Placed"), bench.commit("Order#slow", "Paid")]
    assert container.batch(*slow, bench.commit("Order#fast", "Placed")) == []
    assert seen == ["Placed:fast@1"]
    (letter,) = container.letters.list("mailer")
    assert (letter.key, letter.until and (letter.until - bench.time).total_seconds()) == ("Order#slow", 600)
    assert container.fire() == 0
    ready.append(True)
    bench.advance(seconds=600)
    assert container.fire() == 1
    assert seen.of("slow") == [1, 2]
    assert container.letters.list("mailer") == []
    assert bench.place("mailer", "Order#slow") == {"mark": 2}


def test_retry_later_counts_as_an_attempt_and_parks_behind_the_last() -> None:
    attempts: list[int] = []

    def fail(message: Message) -> None:
        attempts.append(message.attempt)
        raise RetryLater("not yet", after=60)

    bench, _ = shop(fail, retries=2)
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    for _ in range(5):
        bench.advance(seconds=60)
        container.fire()
    assert attempts == [1, 2, 3]
    (letter,) = container.letters.list("mailer")
    assert (letter.until, letter.tries, letter.why) == (None, 3, "RetryLater: not yet")
    assert bench.items("s#") == []


def test_a_crash_between_scheduling_and_parking_leaves_nothing_waiting_for_ever() -> None:
    ready: list[bool] = []

    def fail(message: Message) -> None:
        if not ready:
            raise RetryLater(after=60)

    bench, seen = shop(fail)
    dying = Dying(bench.store)
    item = bench.commit("Order#1", "Placed")
    dying.dies_at = 2  # the schedule is written, the place is not
    with pytest.raises(Died):
        bench.container(dying).batch(item)
    container = bench.container()
    assert container.batch(item) == []  # redelivered: it asks for the same again
    ready.append(True)
    bench.advance(seconds=60)
    container.fire()
    assert seen.of("1") == [1]
    assert container.letters.list("mailer") == []


def test_a_retry_that_comes_before_its_aggregate_is_parked_fails_and_comes_again() -> None:
    def fail(message: Message) -> None:
        raise RetryLater(after=0)

    bench, _ = shop(fail)
    dying = Dying(bench.store)
    dying.dies_at = 2
    item = bench.commit("Order#1", "Placed")
    with pytest.raises(Died):
        bench.container(dying).batch(item)
    with pytest.raises(Exception, match="mailer has not parked Order#1 yet, nor taken its commit 1"):
        bench.container().fire()


def test_a_retry_of_what_was_let_go_meanwhile_does_nothing() -> None:
    ready: list[bool] = []

    def fail(message: Message) -> None:
        if not ready:
            raise RetryLater(after=60)

    bench, seen = shop(fail)
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    ready.append(True)
    assert container.letters.retry("mailer", "Order#1") == []
    bench.advance(seconds=60)
    assert container.fire() == 1
    assert seen.of("1") == [1]


# -- others at work


def test_two_containers_with_the_same_commit_move_the_place_once() -> None:
    bench, seen = shop()
    first, second = bench.container(), bench.container()
    items = [bench.commit("Order#1", "Placed") for _ in range(3)]
    for item in items:
        assert first.batch(item) == second.batch(item) == []
    assert bench.place("mailer", "Order#1") == {"mark": 3}
    assert seen.of("1") == [1, 2, 2, 3, 3]  # the second knows only its own place, and learns by its write


def test_a_place_that_moves_while_a_handler_runs_is_judged_anew() -> None:
    bench, seen = shop()
    dying = Dying(bench.store)
    slow, quick = bench.container(dying), bench.container()
    items = [bench.commit("Order#1", "Placed") for _ in range(4)]
    slow.batch(items[0])
    dying.before[2] = lambda: quick.deliver(*items[1:3])
    slow.batch(items[1], items[3])
    assert bench.place("mailer", "Order#1") == {"mark": 4}
    assert sorted(set(seen.of("1"))) == [1, 2, 3, 4]
    assert seen.of("1") == [1, 2, 3, 2, 4] or seen.of("1") == [1, 2, 2, 3, 4]


def test_a_lost_answer_is_no_failure_and_no_second_run() -> None:
    bench, seen = shop()
    store = Dying(bench.store)
    store.repeats = True
    container = bench.container(store)
    assert container.batch(*(bench.commit("Order#1", "Placed") for _ in range(3))) == []
    assert seen.of("1") == [1, 2, 3]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_loses_nothing_and_keeps_the_order(after: bool) -> None:
    for at in range(1, 12):
        fails = {2, 3}

        def fail(message: Message, fails: set[int] = fails) -> None:
            if message.version in fails and message.attempt == 1:
                raise ValueError

        bench, seen = shop(fail, retries=3)
        dying = Dying(bench.store)
        items = [bench.commit(f"Order#{key}", "Placed") for _ in range(4) for key in ("a", "b")]
        dying.dies_at, dying.dies_after = at, after
        container = bench.container(dying)
        try:
            container.deliver(*items)
        except Died:
            bench.container().deliver(*items)
        for key in ("a", "b"):
            assert list(dict.fromkeys(seen.of(key))) == [1, 2, 3, 4], (at, key)
            assert bench.place("mailer", f"Order#{key}") == {"mark": 4}


def test_threads_on_the_same_commits_handle_all_of_them_in_order() -> None:
    from threading import Thread

    bench, seen = shop()
    items = [bench.commit(f"Order#{key}", "Placed") for _ in range(10) for key in ("a", "b")]
    containers: list[Container] = [bench.container() for _ in range(4)]
    threads = [Thread(target=container.deliver, args=items) for container in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key in ("a", "b"):
        assert bench.place("mailer", f"Order#{key}") == {"mark": 10}
        assert sorted(set(seen.of(key))) == list(range(1, 11))


# -- replays


def test_a_replaying_run_sees_all_again_and_carries_out_no_command() -> None:
    made, seen = registry(), Seen()
    made.processor("mailer", start="beginning")

    @made.event_handler("Placed", processor="mailer")
    def note(event: Any, *, message: Message) -> Any:
        seen.append(f"{message.replaying}")
        return Command("Count")

    @made.command_handler("Count")
    def count(command: Any) -> None:
        seen.append("counted")

    @made.event_handler("Placed", processor="mailer", replay=False)
    def mail(event: Any) -> None:
        seen.append("mailed")

    bench = Bench(made)
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    bench.container(run=2, replays=True).batch(item)
    assert seen == ["False", "counted", "mailed", "True"]
    assert bench.place("mailer", "Order#1", 2) == {"mark": 1}


def test_a_replaying_run_moves_over_what_it_leaves_out() -> None:
    made = registry()
    made.processor("mailer", start="beginning")

    @made.event_handler("Paid", processor="mailer", replay=False)
    def mail(event: Any) -> None:
        raise AssertionError("left out")

    bench = Bench(made)
    bench.container(run=2, replays=True).batch(bench.commit("Order#1", "Paid"))
    assert bench.place("mailer", "Order#1", 2) == {"mark": 1}


def test_a_renamed_event_is_handled_under_either_name() -> None:
    made, seen = registry(), []
    made.processor("mailer", start="beginning")

    @made.event_handler("Bought", processor="mailer")
    def note(event: Any, *, message: Message) -> None:
        seen.append((message.name, message.version))

    bench = Bench(made)
    old = bench.commit("Order#1", "Placed")
    made.event_type("Bought", was=("Placed",))
    new = bench.commit("Order#1", "Bought")
    bench.container().batch(new, old)
    assert seen == [("Bought", 1), ("Bought", 2)]
