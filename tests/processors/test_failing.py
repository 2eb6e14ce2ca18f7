"""What becomes of an ordered processor that fails: attempts counted where no crash loses them, parking, waiting."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import ConcurrencyConflict, GiveUp, Message, NotFound, RetryLater, StoreUnavailable
from tests.processors.harness import Bench, Died, Dying, mailing, registry

# -- failures


def test_attempts_are_counted_where_a_crash_does_not_lose_them() -> None:
    attempts: list[int] = []

    def fail(message: Message) -> None:
        attempts.append(message.attempt)
        raise ValueError("no address")

    bench, _ = mailing(fail, retries=2)
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

    bench, seen = mailing(fail, retries=2)
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

    bench, seen = mailing(fail)
    bench.container().deliver(bench.commit("Order#1", "Placed", "Paid"))
    assert seen == ["Placed:1@1", "Placed:1@1", "Paid:1@1"]


def test_a_poisoned_commit_blocks_its_own_aggregate_only() -> None:
    def fail(message: Message) -> None:
        if message.aggregate_id == "bad" and message.version == 2:
            raise ValueError("poison")

    bench, seen = mailing(fail, retries=1)
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

    bench, seen = mailing(fail)
    items = [bench.commit(f"Order#{at}", "Placed") for at in ("good", "bad", "good", "bad")]
    assert bench.container().batch(*items) == ["Order#bad@1", "Order#bad@2"]
    assert seen.of("good") == [1, 2]
    assert bench.place("mailer", "Order#bad") == {"fail": 1, "tries": 1}


def test_an_exception_outside_retry_on_parks_at_once() -> None:
    def fail(message: Message) -> None:
        raise KeyError("x") if message.aggregate_id == "1" else ConnectionError("away")

    bench, _ = mailing(fail, retry_on=(ConnectionError,))
    container = bench.container()
    assert container.batch(bench.commit("Order#1", "Placed"), bench.commit("Order#2", "Placed")) == ["Order#2@1"]
    assert [(letter.key, letter.tries) for letter in container.letters.list("mailer")] == [("Order#1", 1)]


@pytest.mark.parametrize("error", [ConcurrencyConflict, NotFound, StoreUnavailable])
def test_failures_of_the_moment_are_retried_whatever_retry_on_says(error: type[Exception]) -> None:
    def fail(message: Message) -> None:
        raise error("not now")

    bench, _ = mailing(fail, retry_on=(KeyError,))
    assert bench.container().batch(bench.commit("Order#1", "Placed")) == ["Order#1@1"]


def test_give_up_parks_at_once_with_its_reason() -> None:
    def fail(message: Message) -> None:
        raise GiveUp("the address does not exist")

    bench, _ = mailing(fail)
    container = bench.container()
    assert container.batch(bench.commit("Order#1", "Placed")) == []
    (letter,) = container.letters.list("mailer")
    assert letter.why == "GiveUp: the address does not exist"


def test_a_stopping_processor_keeps_failing_and_parks_nothing() -> None:
    attempts: list[int] = []

    def fail(message: Message) -> None:
        attempts.append(message.attempt)
        raise ValueError

    bench, _ = mailing(fail, retries=1, on_failure="stop", retry_on=(KeyError,))
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    for _ in range(4):
        assert container.batch(item) == ["Order#1@1"]
    assert attempts == [1, 2, 3, 4]
    assert container.letters.list("mailer") == []


def test_retries_0_is_one_attempt() -> None:
    def fail(message: Message) -> None:
        raise ValueError

    bench, _ = mailing(fail, retries=0)
    assert bench.container().batch(bench.commit("Order#1", "Placed")) == []
    assert [letter.tries for letter in bench.container().letters.list("mailer")] == [1]


def test_what_comes_behind_a_parked_commit_is_noted_and_not_handled() -> None:
    def fail(message: Message) -> None:
        if message.version == 1:
            raise GiveUp("no")

    bench, seen = mailing(fail)
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

    bench, seen = mailing(fail)
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

    bench, _ = mailing(fail, retries=2)
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

    bench, seen = mailing(fail)
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

    bench, _ = mailing(fail)
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

    bench, seen = mailing(fail)
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    ready.append(True)
    assert container.letters.retry("mailer", "Order#1") == []
    bench.advance(seconds=60)
    assert container.fire() == 1
    assert seen.of("1") == [1]
