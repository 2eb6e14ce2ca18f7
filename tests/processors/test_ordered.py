"""An ordered processor: one write a commit, in order whatever comes, beside others at work."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Command, Message
from tests.processors.harness import Bench, Container, Died, Dying, Seen, mailing, registry

# -- what it costs


def test_a_commit_on_a_known_aggregate_costs_one_write_and_no_read() -> None:
    bench, _ = mailing()
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", "Paid")) == (1, 0, 1)


def test_the_first_commit_of_an_aggregate_costs_a_read_too() -> None:
    bench, _ = mailing()
    assert bench.container().cost(bench.commit("Order#1", "Placed")) == (2, 1, 1)


def test_a_commit_without_an_event_of_the_processors_costs_nothing_and_is_no_gap() -> None:
    bench, seen = mailing()
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", "Packed")) == (0, 0, 0)
    assert container.cost(bench.commit("Order#1", "Paid")) == (1, 0, 1)
    assert seen.of("1") == [1, 3]


def test_a_commit_of_many_events_costs_one_write() -> None:
    bench, seen = mailing()
    container = bench.container()
    container.batch(bench.commit("Order#1", "Placed"))
    assert container.cost(bench.commit("Order#1", *["Paid"] * 10)) == (1, 0, 1)
    assert seen.of("1") == [1, *[2] * 10]


def test_a_repeat_costs_nothing() -> None:
    bench, seen = mailing()
    container = bench.container()
    item = bench.commit("Order#1", "Placed")
    container.batch(item)
    assert container.cost(item) == (0, 0, 0)
    assert seen.of("1") == [1]


def test_a_commit_handled_by_another_container_costs_one_read_when_it_comes_again() -> None:
    bench, seen = mailing()
    item = bench.commit("Order#1", "Placed")
    bench.container().batch(item)
    assert bench.container().cost(item) == (1, 1, 0)
    assert seen.of("1") == [1]


# -- order


def test_what_is_missing_is_read_and_handled_first() -> None:
    bench, seen = mailing()
    items = [bench.commit("Order#1", "Placed") for _ in range(5)]
    bench.container().batch(items[4])
    assert seen.of("1") == [1, 2, 3, 4, 5]


def test_every_order_of_arrival_ends_in_the_order_of_the_commits() -> None:
    from itertools import permutations

    for order in permutations(range(4)):
        bench, seen = mailing()
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
    bench, seen = mailing()
    old = [bench.commit("Order#1", "Placed"), bench.commit("Order#1", "Paid")]
    bench.advance(hours=1)
    since = int(bench.time.timestamp() * 1_000_000)
    new = [bench.commit("Order#1", "Paid") for _ in range(3)]
    container = bench.container(since=since)
    assert container.batch(*old) == []
    assert seen == []
    container.batch(new[2])
    assert seen.of("1") == [3, 4, 5]


# -- others at work


def test_two_containers_with_the_same_commit_move_the_place_once() -> None:
    bench, seen = mailing()
    first, second = bench.container(), bench.container()
    items = [bench.commit("Order#1", "Placed") for _ in range(3)]
    for item in items:
        assert first.batch(item) == second.batch(item) == []
    assert bench.place("mailer", "Order#1") == {"mark": 3}
    assert seen.of("1") == [1, 2, 2, 3, 3]  # the second knows only its own place, and learns by its write


def test_a_place_that_moves_while_a_handler_runs_is_judged_anew() -> None:
    bench, seen = mailing()
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
    bench, seen = mailing()
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

        bench, seen = mailing(fail, retries=3)
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

    bench, seen = mailing()
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
