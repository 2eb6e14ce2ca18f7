"""A view whose projector fails: the aggregate waits, everything else goes on, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import Message, Registry
from cqrsless.delivery.commit import Commit
from cqrsless.delivery.consuming import Failed
from cqrsless.delivery.parking import give_up, retry
from cqrsless.messages import Cost
from tests.projections.harness import Bench, Container, Died, Interfering, everything, order, registry


class Poison:
    """What a projector chokes on, until it is mended."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = set(numbers)

    def register(self, made: Registry, **options: Any) -> Registry:
        Summary = made.view("Summary", key="order_id", **options)

        @made.projector("Added", view=Summary)
        def added(row: Any, event: Any, *, message: Message) -> Any:
            if event["n"] in self.numbers:
                raise RuntimeError(f"cannot digest {event['n']}")
            return {"seen": [*(row or {"seen": []})["seen"], event["n"]]}

        Shared = made.view("Shared", key="shop", **options)

        @made.projector("Added", view=Shared)
        def shared(row: Any, event: Any, *, message: Message) -> Any:
            if event["n"] in self.numbers:
                raise RuntimeError(f"cannot digest {event['n']}")
            row = dict(row or {})
            row[event["order_id"]] = [*row.get(event["order_id"], []), event["n"]]
            return row

        return made


def added(bench: Bench, n: int, name: str = "o-1") -> Any:
    return bench.commit(f"Order:{name}", ("Added", order(name, n=n, shop="s")))


def seen(bench: Bench, name: str = "o-1") -> Any:
    return bench.rows("Summary").get((f"s{name}", "-"), {"seen": []})["seen"]


def letters(container: Container, view: str = "Summary") -> list[tuple[str, int]]:
    return [(one.key, one.commit) for one in container.views[view].parking.letters(Cost())]


def retry_all(container: Container, **options: Any) -> None:
    for view in container.views.values():
        for letter in list(view.parking.letters(Cost())):
            retry(container.feeder, view, letter.key, Cost(), **options)


def test_attempts_are_counted_in_the_store_and_the_last_one_parks() -> None:
    bench = Bench(Poison(2).register(registry()))
    item = added(bench, 2)
    for attempt in range(1, 6):
        container = bench.container()
        with pytest.raises(Failed, match=f"attempt {attempt} of 6 failed with RuntimeError: cannot digest 2"):
            container.feeder.feed(container.views["Summary"], Commit(item, container.decoder), Cost())
        assert letters(container) == []
    container = bench.container()
    container.feeder.feed(container.views["Summary"], Commit(item, container.decoder), Cost())
    assert letters(container) == [("Order#o-1", 1)]
    (letter,) = container.views["Summary"].parking.letters(Cost())
    assert letter.why.startswith("RuntimeError: cannot digest 2 in added (tests/projections/test_parking.py:")


def test_a_parked_aggregate_holds_up_nobody_else_and_keeps_its_row() -> None:
    poison = Poison(2)
    bench = Bench(poison.register(registry()))
    container = bench.container()
    container.feed_patiently(added(bench, 1), added(bench, 2), added(bench, 3), added(bench, 4, "o-2"))
    assert (seen(bench), seen(bench, "o-2")) == ([1], [4])
    assert bench.rows("Shared") == {("ss", "-"): {"o-1": [1], "o-2": [4]}}
    assert letters(container) == letters(container, "Shared") == [("Order#o-1", 2)]
    (place,) = bench.items("v#1#Summary#so-1")
    assert (place["mark"], place["parked"], place["seen"]) == (1, 2, 3)


def test_a_retry_after_mending_applies_what_waited_in_order() -> None:
    poison = Poison(2)
    bench = Bench(poison.register(registry()))
    container = bench.container()
    container.feed_patiently(*(added(bench, n) for n in (1, 2, 3)))
    poison.numbers.clear()
    late = added(bench, 4)
    retry_all(bench.container())
    assert seen(bench) == [1, 2, 3]
    assert letters(container) == letters(container, "Shared") == []
    container.feed(late)
    assert seen(bench) == [1, 2, 3, 4]
    assert bench.rows("Shared") == {("ss", "-"): {"o-1": [1, 2, 3, 4]}}


def test_a_retry_that_fails_again_parks_where_it_failed() -> None:
    poison = Poison(2, 3)
    bench = Bench(poison.register(registry()))
    container = bench.container()
    container.feed_patiently(*(added(bench, n) for n in (1, 2, 3, 4)))
    poison.numbers.discard(2)
    assert retry(container.feeder, container.views["Summary"], "Order#o-1", Cost()) is False
    assert seen(bench) == [1, 2]
    assert letters(container) == [("Order#o-1", 3)]


def test_dropping_steps_past_one_commit() -> None:
    poison = Poison(2, 4)
    bench = Bench(poison.register(registry()))
    container = bench.container()
    container.feed_patiently(*(added(bench, n) for n in (1, 2, 3, 4, 5)))
    retry_all(container, drop=True)
    assert seen(bench) == [1, 3]
    assert letters(container) == letters(container, "Shared") == [("Order#o-1", 4)]
    retry_all(container, drop=True)
    assert seen(bench) == [1, 3, 5]
    assert letters(container) == []


def test_commits_may_arrive_while_a_retry_runs() -> None:
    poison = Poison(2)
    bench = Bench(poison.register(registry()))
    other = bench.container()
    other.feed_patiently(*(added(bench, n) for n in (1, 2, 3)))
    poison.numbers.clear()
    store = Interfering(bench.store)
    container = bench.container(store=store)
    store.before = [lambda: other.feed(added(bench, 4)), lambda: None, lambda: other.feed(added(bench, 5))]
    retry_all(container)
    assert seen(bench) == [1, 2, 3, 4, 5]
    assert everything(bench)["Shared"] == {("ss", "-"): {"o-1": [1, 2, 3, 4, 5]}}
    assert letters(container) == []


def test_what_lambda_gave_up_on_is_parked_from_there() -> None:
    bench = Bench(Poison().register(registry()))
    container = bench.container()
    items = [added(bench, n) for n in (1, 2, 3)]
    container.feed(items[0])
    Summary = container.views["Summary"]
    give_up(container.feeder, Summary, Commit(items[2], container.decoder), "Task timed out", Cost())
    container.feed(items[1])
    assert seen(bench) == [1]
    assert [one.why for one in Summary.parking.letters(Cost())] == ["Task timed out"]
    assert retry(container.feeder, Summary, "Order#o-1", Cost()) is True
    assert seen(bench) == [1, 2, 3]


def test_a_row_parked_before_anything_was_folded_is_only_its_own_aggregates_place() -> None:
    made = registry()

    @made.projector("Paid", "Shipped", view=made.view("Summary", key="order_id"))
    def project(row: Any, event: Any, *, message: Message) -> Any:
        return {**(row or {}), message.source: message.version}

    bench = Bench(made)
    container = bench.container()
    Summary = container.views["Summary"]
    paid = bench.commit("Payment:o-1", ("Paid", order()))
    give_up(container.feeder, Summary, Commit(paid, container.decoder), "Task timed out", Cost())
    container.feed(*(bench.commit("Order:o-1", ("Shipped", order())) for _ in range(2)))
    assert retry(container.feeder, Summary, "Payment#o-1", Cost()) is True
    assert bench.rows("Summary") == {("so-1", "-"): {"Payment": 1, "Order": 2}}


def test_the_processor_of_a_view_says_how_often_it_is_tried() -> None:
    made = registry()
    made.processor("eager", retries=1, retry_on=RuntimeError)
    poison = Poison(2)
    poison.register(made, processor="eager")
    bench = Bench(made)
    container = bench.container()
    item = added(bench, 2)
    with pytest.raises(Failed, match="attempt 1 of 2"):
        container.feed(item)
    container.feeder.feed(container.views["Summary"], Commit(item, container.decoder), Cost())
    assert letters(container) == [("Order#o-1", 1)]


def test_what_is_not_to_be_retried_parks_at_once() -> None:
    made = registry()
    made.processor("choosy", retry_on=OSError)
    Poison(2).register(made, processor="choosy")
    bench = Bench(made)
    container = bench.container()
    container.feed(added(bench, 2))
    assert letters(container) == [("Order#o-1", 1)]


def test_a_view_that_is_to_stop_never_parks() -> None:
    made = registry()
    made.processor("stubborn", retries=0, on_failure="stop")
    Poison(2).register(made, processor="stubborn")
    bench = Bench(made)
    container = bench.container()
    item = added(bench, 2)
    for attempt in range(1, 9):
        with pytest.raises(Failed, match=f"attempt {attempt} failed with RuntimeError"):
            container.feed(item)
    assert letters(container) == []


def test_an_aggregate_with_the_longest_id_parks_and_goes_on() -> None:
    poison = Poison(1)
    bench = Bench(poison.register(registry()))
    container = bench.container()
    name = "a" * (2048 - len("Order#"))
    container.feed_patiently(added(bench, 1, name))  # too long for a row of its own, and poisoned for the other
    assert letters(container) == letters(container, "Shared") == [(f"Order#{name}", 1)]
    poison.numbers.clear()
    assert retry(container.feeder, container.views["Shared"], f"Order#{name}", Cost()) is True
    assert retry(container.feeder, container.views["Summary"], f"Order#{name}", Cost(), drop=True) is True
    assert bench.rows("Shared") == {("ss", "-"): {name: [1]}}


numbers = st.lists(st.tuples(st.sampled_from(["o-1", "o-2"]), st.booleans()), min_size=1, max_size=7)


@settings(derandomize=True, max_examples=120, deadline=None)
@given(numbers, st.integers(1, 30), st.booleans(), st.data())
def test_rows_are_as_if_nothing_had_ever_failed(history: Any, dies_at: int, after: bool, data: st.DataObject) -> None:
    poison = Poison(*(n for n, (_, poisoned) in enumerate(history) if poisoned))
    bench = Bench(poison.register(registry()))
    items = [added(bench, n, name) for n, (name, _) in enumerate(history)]
    delivered = data.draw(st.permutations(items))
    store = Interfering(bench.store)
    store.dies_at, store.dies_after = dies_at, after
    container = bench.container(store=store)
    for item in delivered:
        try:
            container.feed_patiently(item)
        except Died:
            container = bench.container()
            container.feed_patiently(item)
    poison.numbers.clear()
    store = Interfering(bench.store)
    store.dies_at, store.dies_after = data.draw(st.integers(1, 12)), after
    rival = bench.container()
    store.before = [lambda item=item: rival.feed_patiently(item) for item in data.draw(st.permutations(items))]  # type: ignore[misc]
    try:
        retry_all(bench.container(store=store))
    except Died:
        retry_all(bench.container())
    bench.container().feed(*items)
    clean = Bench(Poison().register(registry()))
    clean.container().feed(*(added(clean, n, name) for n, (name, _) in enumerate(history)))
    assert everything(bench) == everything(clean)
    assert bench.items("d#") == []
    assert not any("parked" in item for item in bench.items())


def test_a_letter_and_its_log_record_say_where_a_projector_failed(caplog: pytest.LogCaptureFixture) -> None:
    made = registry()
    made.processor("strict", retries=1)

    @made.projector("Added", view=made.view("Totals", key="order_id", processor="strict"))
    def add(row: Any, event: Any) -> Any:
        return {"total": event["total"]}

    bench = Bench(made)
    container = bench.container()
    container.feed_patiently(added(bench, 1))
    (letter,) = container.views["Totals"].parking.letters(Cost())
    line = add.__code__.co_firstlineno + 2
    assert letter.why == f"KeyError: 'total' in add (tests/projections/test_parking.py:{line})"
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert letter.why in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


def test_a_row_that_is_none_parks_at_once() -> None:
    made = registry()

    @made.projector("Added", view=made.view("Totals", key="order_id"))
    def add(row: Any, event: Any) -> Any:
        return event["n"]

    bench = Bench(made)
    container = bench.container()
    container.feed(added(bench, 1))
    (letter,) = container.views["Totals"].parking.letters(Cost())
    assert (letter.tries, "returned an int: return the row" in letter.why) == (1, True)
