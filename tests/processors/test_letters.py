"""What is parked: listed, retried in order while more comes in, dropped, and parked where Lambda gave up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cqrsless import GiveUp, Message, NotFound
from cqrsless.delivery.letters import Letters, ParkedAggregates
from cqrsless.messages import Cost
from tests.processors.harness import NOON, Bench, Container, Died, Dying, Seen, registry
from tests.projections import harness as views


class Shop(Bench):
    """One ordered processor, `mailer`, that fails at the commits in `poison`."""

    def __init__(self, **options: Any) -> None:
        made, self.seen = registry(), Seen()
        self.poison: set[tuple[str | None, int | None]] = set()
        made.processor("mailer", start="beginning", **options)

        @made.event_handler("Placed", processor="mailer")
        def note(event: Any, *, message: Message) -> None:
            if (message.aggregate_id, message.version) in self.poison:
                raise GiveUp(f"poison {message.version}")
            self.seen.note(message)

        super().__init__(made)

    def place_orders(self, count: int, key: str = "1") -> list[Any]:
        return [self.commit(f"Order#{key}", "Placed") for _ in range(count)]


def listed(container: Container) -> list[tuple[str, int, int]]:
    return [(letter.key, letter.commit, letter.seen) for letter in container.letters.list("mailer")]


def test_a_letter_says_whose_which_since_when_and_why() -> None:
    bench = Shop()
    bench.poison.add(("1", 1))
    container = bench.container()
    container.deliver(*bench.place_orders(1))
    bench.advance(hours=1)
    container.deliver(*bench.place_orders(2))
    (letter,) = container.letters.list("mailer")
    assert (letter.consumer, letter.aggregate, letter.id, letter.key) == ("mailer", "Order", "1", "Order#1")
    assert (letter.commit, letter.seen, letter.tries, letter.until) == (1, 3, 1, None)
    assert (letter.why, letter.since) == ("GiveUp: poison 1", NOON)


def test_a_retry_after_the_handler_is_mended_applies_what_waited_in_order() -> None:
    bench = Shop()
    bench.poison.add(("1", 2))
    container = bench.container()
    container.deliver(*bench.place_orders(5))
    assert listed(container) == [("Order#1", 2, 5)]
    bench.poison.clear()
    assert container.letters.retry("mailer", "Order#1") == []
    assert bench.seen.of("1") == [1, 2, 3, 4, 5]
    assert bench.place("mailer", "Order#1") == {"mark": 5}
    assert bench.items("d#") == []


def test_a_retry_that_fails_again_stays_parked_where_it_fails_now() -> None:
    bench = Shop()
    bench.poison = {("1", 2), ("1", 4)}
    container = bench.container()
    container.deliver(*bench.place_orders(5))
    bench.poison.remove(("1", 2))
    bench.advance(hours=1)
    (still,) = container.letters.retry("mailer", "Order#1")
    assert (still.commit, still.seen, still.since, still.tries) == (4, 5, NOON + timedelta(hours=1), 1)
    assert bench.seen.of("1") == [1, 2, 3]


def test_a_retry_that_fails_at_the_same_commit_waits_since_the_first_time() -> None:
    bench = Shop()
    bench.poison = {("1", 1)}
    container = bench.container()
    container.deliver(*bench.place_orders(1))
    bench.advance(hours=1)
    (still,) = container.letters.retry("mailer")
    assert (still.since, still.tries) == (NOON, 2)


def test_retrying_all_lets_go_of_those_that_are_well() -> None:
    bench = Shop()
    bench.poison = {("1", 1), ("2", 1), ("3", 1)}
    container = bench.container()
    container.deliver(*(item for key in "123" for item in bench.place_orders(2, key)))
    bench.poison = {("2", 1)}
    assert [letter.key for letter in container.letters.retry("mailer")] == ["Order#2"]
    assert bench.seen.of("1") == bench.seen.of("3") == [1, 2]


def test_a_commit_that_comes_in_the_middle_of_a_retry_is_not_lost_and_makes_none_run_twice() -> None:
    for at in range(1, 8):
        bench = Shop()
        bench.poison = {("1", 1)}
        stream = bench.container()
        stream.deliver(*bench.place_orders(3))
        bench.poison.clear()
        more = bench.place_orders(2)
        disturbed = Dying(bench.store)
        disturbed.before[at] = lambda stream=stream, more=more: stream.batch(*more)
        assert bench.container(disturbed).letters.retry("mailer", "Order#1") == []
        stream.batch(*more)
        assert bench.seen.of("1") == [1, 2, 3, 4, 5], at
        assert bench.place("mailer", "Order#1") == {"mark": 5}


def test_two_retries_at_once_end_in_one_state() -> None:
    bench = Shop()
    bench.poison = {("1", 1)}
    dying = Dying(bench.store)
    first, second = bench.container(dying), bench.container()
    second.deliver(*bench.place_orders(3))
    bench.poison.clear()
    dying.before[1] = lambda: second.letters.retry("mailer", "Order#1")
    assert first.letters.retry("mailer", "Order#1") == []
    assert bench.place("mailer", "Order#1") == {"mark": 3}
    assert sorted(set(bench.seen.of("1"))) == [1, 2, 3]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("drop", [False, True])
def test_a_crash_at_any_write_of_a_retry_leaves_it_parked_or_done(after: bool, drop: bool) -> None:
    for at in range(1, 6):
        bench = Shop()
        bench.poison = {("1", 2)}
        bench.container().deliver(*bench.place_orders(4))
        if not drop:
            bench.poison.clear()
        dying = Dying(bench.store)
        dying.dies_at, dying.dies_after = at, after
        letters = bench.container(dying).letters
        try:
            letters.drop("mailer", "Order#1") if drop else letters.retry("mailer", "Order#1")
        except Died:
            again = bench.container()
            if again.letters.list("mailer"):
                bench.poison.clear()
                again.letters.retry("mailer")
        assert bench.place("mailer", "Order#1") == {"mark": 4}
        assert bench.items("d#") == []
        assert {1, 3, 4} <= set(bench.seen.of("1"))
        assert list(dict.fromkeys(bench.seen.of("1"))) == sorted(set(bench.seen.of("1")))


def test_dropping_steps_past_one_commit_and_goes_on_with_the_rest() -> None:
    bench = Shop()
    bench.poison = {("1", 2)}
    container = bench.container()
    container.deliver(*bench.place_orders(4))
    assert container.letters.drop("mailer", "Order#1") == []
    assert bench.seen.of("1") == [1, 3, 4]
    assert bench.place("mailer", "Order#1") == {"mark": 4}


def test_dropping_stops_at_the_next_commit_that_fails() -> None:
    bench = Shop()
    bench.poison = {("1", 2), ("1", 3)}
    container = bench.container()
    container.deliver(*bench.place_orders(4))
    (still,) = container.letters.drop("mailer", container.letters.list("mailer")[0])
    assert (still.commit, still.seen) == (3, 4)
    assert container.letters.drop("mailer", still) == []
    assert bench.seen.of("1") == [1, 4]


def test_what_comes_after_a_retry_is_handled_as_ever() -> None:
    bench = Shop()
    bench.poison = {("1", 1)}
    container = bench.container()
    container.deliver(*bench.place_orders(2))
    bench.poison.clear()
    container.letters.retry("mailer")
    assert container.cost(*bench.place_orders(1)) == (1, 0, 1)
    assert bench.seen.of("1") == [1, 2, 3]


def test_what_is_not_parked_cannot_be_retried() -> None:
    bench = Shop()
    with pytest.raises(
        NotFound, match=r"Order#1 is not parked for mailer; app\.letters\.list\('mailer'\) says what is"
    ):
        bench.container().letters.retry("mailer", "Order#1")
    with pytest.raises(NotFound):
        bench.container().letters.drop("mailer", "Order#1")


def test_a_processor_can_be_named_by_its_record() -> None:
    bench = Shop()
    bench.poison = {("1", 1)}
    container = bench.container()
    container.deliver(*bench.place_orders(1))
    assert len(container.letters.list(bench.app.model.processors["mailer"])) == 1


def test_an_id_longer_than_a_sort_key_is_parked_and_retried_too() -> None:
    bench = Shop()
    long = "x" * 2000
    bench.poison = {(long, 1)}
    container = bench.container()
    container.deliver(*bench.place_orders(1, long))
    assert [letter.id for letter in container.letters.list("mailer")] == [long]
    bench.poison.clear()
    assert container.letters.retry("mailer", f"Order#{long}") == []
    assert bench.seen.of(long) == [1]


# -- what Lambda gave up on


def test_what_lambda_gave_up_on_is_parked_with_what_it_said() -> None:
    bench = Shop()
    container = bench.container()
    first, second = bench.place_orders(2)
    container.letters.give_up("mailer", first, "RetryAttemptsExhausted", Cost())
    (letter,) = container.letters.list("mailer")
    assert (letter.commit, letter.why, letter.tries) == (1, "RetryAttemptsExhausted", 0)
    container.batch(second)
    assert bench.seen == []
    container.letters.retry("mailer")
    assert bench.seen.of("1") == [1, 2]


def test_what_was_handled_after_all_is_not_parked() -> None:
    bench = Shop()
    container = bench.container()
    (item,) = bench.place_orders(1)
    container.batch(item)
    container.letters.give_up("mailer", item, "RetryAttemptsExhausted", Cost())
    assert container.letters.list("mailer") == []


def test_a_whole_batch_given_up_parks_each_aggregate_at_its_first() -> None:
    bench = Shop()
    container = bench.container()
    items = [*bench.place_orders(3, "a"), *bench.place_orders(2, "b")]
    for item in items:
        container.letters.give_up("mailer", item, "timed out", Cost())
    assert listed(container) == [("Order#a", 1, 3), ("Order#b", 1, 2)]


def test_a_commit_given_up_with_others_missing_before_it_is_retried_from_those() -> None:
    bench = Shop()
    container = bench.container()
    items = bench.place_orders(3)
    container.letters.give_up("mailer", items[2], "timed out", Cost())
    container.letters.retry("mailer")
    assert bench.seen.of("1") == [1, 2, 3]


def test_the_letters_of_a_view_are_retried_the_same_way() -> None:
    made = views.registry()
    broken = [True]
    Summary = made.view("Summary", key="order_id")

    @made.projector("Placed", view=Summary)
    def placed(row: Any, event: Any) -> Any:
        if broken:
            raise ValueError("no")
        return {"order_id": event["order_id"], "n": (row or {"n": 0})["n"] + 1}

    bench = views.Bench(made)
    container = bench.container()
    letters = Letters(lambda name: ParkedAggregates(container.feeder, container.views[name]), container.feeder)
    items = [bench.commit("Order:1", ("Placed", {"order_id": "1"})) for _ in range(3)]
    container.feed_patiently(*items)
    assert [(letter.key, letter.commit, letter.seen) for letter in letters.list("Summary")] == [("Order#1", 1, 3)]
    broken.clear()
    assert letters.retry("Summary") == []
    assert [row["n"] for row in bench.rows("Summary").values()] == [3]
