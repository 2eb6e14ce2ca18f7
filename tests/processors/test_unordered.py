"""A processor with `ordered=False`: at least once, nothing written, and what it gives up is kept as single commits."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import App, Command, GiveUp, Message, NotFound, RetryLater
from cqrsless.messages import Cost
from tests.processors.harness import Bench, Seen, registry


class Shop(Bench):
    """One unordered processor, which fails as `fails` says for a commit's version."""

    def __init__(self, **options: Any) -> None:
        made, self.seen = registry(), Seen()
        self.fails: dict[int | None, Exception] = {}
        self.attempts: list[int] = []
        made.processor("index", start="beginning", ordered=False, **options)

        @made.event_handler("Placed", processor="index")
        def note(event: Any, *, message: Message) -> Command:
            self.attempts.append(message.attempt)
            if message.version in self.fails:
                raise self.fails[message.version]
            self.seen.note(message)
            return Command("ToCard", {"id": "c", "events": [["Charged", {}]]})

        super().__init__(made)


def test_it_costs_nothing_of_its_own() -> None:
    made = registry()
    made.processor("index", start="beginning", ordered=False)
    made.event_handler("Placed", processor="index")(lambda event: None)
    bench = Bench(made)
    assert bench.container().cost(bench.commit("Order#1", "Placed"), bench.commit("Order#1", "Packed")) == (0, 0, 0)


def test_it_takes_commits_as_they_come_and_as_often_as_they_come() -> None:
    bench = Shop()
    items = [bench.commit("Order#1", "Placed") for _ in range(3)]
    bench.container().batch(items[2], items[0], items[2])
    assert bench.seen.of("1") == [3, 1, 3]
    assert bench.events("Card#c") == ["Charged"] * 2  # and the repeat repeats no command


def test_a_failure_brings_the_record_again_until_lambda_gives_it_up() -> None:
    bench = Shop(retries=1)
    bench.fails[1] = ValueError("no")
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    for _ in range(5):
        assert container.batch(item) == ["Order#1@1"]
    assert bench.items() == []


def test_a_failure_holds_back_no_later_commit_of_its_aggregate() -> None:
    bench = Shop()
    bench.fails[1] = ValueError("no")
    assert bench.container().batch(*(bench.commit("Order#1", "Placed") for _ in range(3))) == ["Order#1@1"]
    assert bench.seen.of("1") == [2, 3]


def embedded(**options: Any) -> tuple[App, list[int], set[int]]:
    """An application on a store that no Lambda reads, what its processor attempted, and what it fails at."""
    made, attempts, poison = registry(), list[int](), {1}
    made.processor("index", start="beginning", ordered=False, **options)

    @made.event_handler("Placed", processor="index")
    def note(event: Any, *, message: Message) -> None:
        attempts.append(message.version or 0)
        if message.version in poison:
            raise ValueError("no")

    app = App("memory://", registry=made)
    for _ in range(2):
        app.execute("ToOrder", {"id": "1", "events": [["Placed", {}]]})
    return app, attempts, poison


def test_on_an_embedded_store_a_commit_is_parked_after_its_retries() -> None:
    app, attempts, poison = embedded(retries=2)
    assert app.drain().left == ()
    assert (attempts.count(1), set(attempts)) == (3, {1, 2})
    (letter,) = app.letters.list("index")
    assert (letter.commit, letter.tries, letter.why.partition(" in ")[0]) == (1, 3, "ValueError: no")
    poison.clear()
    assert app.letters.retry("index") == []
    assert attempts.count(1) == 4


def test_on_an_embedded_store_one_that_stops_never_gives_up() -> None:
    app, _, _ = embedded(retries=2, on_failure="stop")
    assert app.drain().left == (("Order#1", 1),)
    assert app.letters.list("index") == []


def test_attempts_are_counted_anew_once_a_commit_was_handled() -> None:
    bench = Shop(retries=1)
    (container, item) = bench.container(), bench.commit("Order#1", "Placed")
    container.unordered["index"]._gives_up = lambda: True
    for _ in range(2):
        bench.fails[1] = ValueError("no")
        assert container.batch(item) == ["Order#1@1"]
        bench.fails.clear()
        assert container.batch(item) == []
    assert container.letters.list("index") == []


def test_what_lambda_gave_up_is_kept_and_can_be_retried() -> None:
    bench = Shop()
    container = bench.container()
    items = [bench.commit("Order#1", "Placed") for _ in range(3)]
    for item in items[:2]:
        container.letters.give_up("index", item, "timed out", Cost())
    assert [(letter.key, letter.commit, letter.why) for letter in container.letters.list("index")] == [
        ("Order#1", 1, "timed out"),
        ("Order#1", 2, "timed out"),
    ]
    assert container.batch(items[2]) == []  # the later ones do not wait
    assert container.letters.retry("index", "Order#1") == []
    assert bench.seen.of("1") == [3, 1, 2]
    assert bench.items("d#") == []


def test_a_retry_that_fails_keeps_the_letter_and_counts() -> None:
    bench = Shop()
    container = bench.container()
    container.letters.give_up("index", bench.commit("Order#1", "Placed"), "timed out", Cost())
    bench.fails[1] = ValueError("still")
    (still,) = container.letters.retry("index")
    assert (still.why.partition(" in ")[0], still.tries) == ("ValueError: still", 1)
    (still,) = container.letters.retry("index")
    assert (still.tries, bench.attempts) == (2, [1, 2])


@pytest.mark.parametrize("error", [GiveUp("hopeless"), KeyError("outside retry_on")])
def test_what_is_not_to_be_retried_is_parked_and_its_record_is_done(error: Exception) -> None:
    bench = Shop(retry_on=(ValueError,))
    bench.fails[1] = error
    container = bench.container()
    assert container.batch(bench.commit("Order#1", "Placed"), bench.commit("Order#1", "Placed")) == []
    assert bench.seen.of("1") == [2]
    assert [letter.commit for letter in container.letters.list("index")] == [1]


def test_dropping_forgets_the_oldest_and_retries_the_rest() -> None:
    bench = Shop()
    bench.fails = {1: GiveUp("no"), 2: GiveUp("no")}
    container = bench.container()
    container.batch(*(bench.commit("Order#1", "Placed") for _ in range(2)))
    bench.fails = {1: GiveUp("no")}
    assert container.letters.drop("index", "Order#1") == []
    assert bench.seen.of("1") == [2]
    with pytest.raises(NotFound, match="Order#1 is not parked for index"):
        container.letters.retry("index", "Order#1")


def test_retry_later_tries_that_commit_again_at_its_time() -> None:
    bench = Shop(retries=2)
    bench.fails[1] = RetryLater("closed", after=60)
    container = bench.container()
    assert container.batch(*(bench.commit("Order#1", "Placed") for _ in range(2))) == []
    assert bench.seen.of("1") == [2]
    bench.advance(seconds=60)
    container.fire()
    assert bench.attempts == [1, 1, 2]
    bench.fails.clear()
    bench.advance(seconds=60)
    container.fire()
    assert bench.seen.of("1") == [2, 1]
    assert container.letters.list("index") == []


def test_retry_later_ends_with_the_last_attempt() -> None:
    bench = Shop(retries=1)
    bench.fails[1] = RetryLater("closed", after=60)
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    for _ in range(3):
        bench.advance(seconds=60)
        container.fire()
    assert bench.attempts == [1, 2]
    assert [(letter.until, letter.tries) for letter in container.letters.list("index")] == [(None, 2)]


def test_nothing_older_than_the_start_is_taken() -> None:
    bench = Shop()
    old = bench.commit("Order#1", "Placed")
    bench.advance(hours=1)
    container = bench.container(since=int(bench.time.timestamp() * 1_000_000))
    container.batch(old, bench.commit("Order#1", "Placed"))
    container.letters.give_up("index", old, "timed out", Cost())
    assert bench.seen.of("1") == [2]
    assert container.letters.list("index") == []


def test_ids_that_look_like_each_other_have_letters_of_their_own() -> None:
    bench = Shop()
    container = bench.container()
    for to in ("Order#1", "Order#1@1"):
        container.letters.give_up("index", bench.commit(to, "Placed"), "timed out", Cost())
    assert sorted(letter.id for letter in container.letters.list("index")) == ["1", "1@1"]
    container.letters.retry("index", "Order#1")
    assert [letter.id for letter in container.letters.list("index")] == ["1@1"]
