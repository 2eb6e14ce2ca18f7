"""Rows, whatever happens on the way: disorder, repeats, races, and a process that dies between two writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import Message, Registry
from cqrsless.store import Item
from tests.projections.harness import Bench, Died, Interfering, everything, feed_all, order, registry


def views(made: Registry) -> None:
    """Add views of every sort; none of their rows depends on how the commits of two aggregates interleave."""
    Summary = made.view("Summary", key="order_id", indexes={"by_last": ("last", "order_id"), "by_size": "size"})

    @made.projector("Added", "Changed", view=Summary)
    def seen(row: Any, event: Any, *, message: Message) -> Any:
        row = row or {"order_id": message.aggregate_id}
        row[message.source] = [*row.get(message.source, []), message.sequence]
        if message.source == "Order":
            row["last"] = str(event["tag"])
            if message.name == "Changed":
                row["size"] = len(row["Order"])
        return row

    @made.projector("Removed", view=Summary)
    def removed(row: Any, event: Any, *, message: Message) -> Any:
        mine = ("Order", "last", "size") if message.source == "Order" else (message.source,)
        row = {name: value for name, value in (row or {}).items() if name not in mine}
        return row if len(row) > 1 else None

    ByTag = made.view("ByTag", key=("tag", "who"), indexes={"by_count": ("who", "count")})

    @made.projector("Added", view=ByTag)
    def tagged(row: Any, event: Any) -> Any:
        row = row or {"tag": event["tag"], "who": event["who"], "count": 0}
        return {**row, "count": row["count"] + 1}

    @made.projector("Removed", view=ByTag)
    def untagged(row: Any, event: Any) -> Any:
        return None

    Tags = made.view("Tags", key="tag")

    def tag(event: Any, message: Message) -> list[int]:
        return list(range(event["tag"]))

    @made.projector("Added", "Changed", "Removed", view=Tags, keys=tag)
    def counted(row: Any, event: Any, *, message: Message) -> Any:
        row = row or {}
        who = f"{message.source}#{message.aggregate_id}"
        row[who] = [*row.get(who, []), message.sequence]
        return row


def shop() -> Registry:
    made = registry()
    views(made)
    return made


names = st.sampled_from(["Added", "Changed", "Removed", "Ignored"])
events = st.lists(st.tuples(names, st.integers(0, 2)), min_size=1, max_size=3)
aggregates = st.sampled_from(["Order:o-1", "Order:o-2", "Payment:o-1"])
histories = st.lists(st.tuples(aggregates, events), min_size=1, max_size=9)


def commit_all(bench: Bench, history: Any) -> list[Item]:
    return [
        bench.commit(to, *((name, order(to.partition(":")[2], tag=tag, who=to)) for name, tag in told))
        for to, told in history
    ]


def expected(history: Any) -> dict[str, Any]:
    bench = Bench(shop())
    feed_all(bench.container(), commit_all(bench, history))
    return everything(bench)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(histories, st.data())
def test_any_order_with_repeats_gives_the_rows_of_one_delivery_in_order(history: Any, data: st.DataObject) -> None:
    bench = Bench(shop())
    items = commit_all(bench, history)
    containers = [bench.container(kept=data.draw(st.sampled_from([1, 2, 1000]))) for _ in range(2)]
    delivered = data.draw(st.permutations(items)) + data.draw(st.lists(st.sampled_from(items), max_size=8))
    for item in delivered:
        data.draw(st.sampled_from(containers)).feed(item)
    assert everything(bench) == expected(history)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(histories, st.data())
def test_races_between_any_read_and_write_change_nothing(history: Any, data: st.DataObject) -> None:
    bench = Bench(shop())
    items = commit_all(bench, history)
    store = Interfering(bench.store)
    one, other = bench.container(store=store), bench.container()
    for item in data.draw(st.permutations(items)):
        for rival in data.draw(st.lists(st.sampled_from(items), max_size=2)):
            store.before.append(lambda rival=rival: other.feed(rival))  # type: ignore[misc]
        one.feed(item)
    store.before.clear()
    assert everything(bench) == expected(history)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(histories, st.integers(1, 12), st.booleans())
def test_a_process_may_die_before_or_after_any_write(history: Any, dies_at: int, dies_after: bool) -> None:
    bench = Bench(shop())
    items = commit_all(bench, history)
    store = Interfering(bench.store)
    store.dies_at, store.dies_after = dies_at, dies_after
    try:
        bench.container(store=store).feed(*items)
    except Died:
        bench.container().feed(*items)
    assert everything(bench) == expected(history)


@pytest.mark.parametrize("dies_after", [False, True])
def test_a_row_and_its_entries_and_place_are_written_together_or_not_at_all(dies_after: bool) -> None:
    bench = Bench(shop())
    placed = bench.commit("Order:o-1", ("Changed", order(tag=0)), ("Changed", order(tag=0)))
    store = Interfering(bench.store)
    store.dies_at, store.dies_after = 1, dies_after
    with pytest.raises(Died):
        bench.container(store=store).feed(placed)
    assert len(bench.items()) == (3 if dies_after else 0)  # the row, which is its place, and an entry in each index


def test_a_write_that_finds_itself_in_its_own_way_had_been_written() -> None:
    bench = Bench(shop())
    store = Interfering(bench.store)
    store.repeats = True
    container = bench.container(store=store)
    single = bench.commit("Order:o-1", ("Changed", order(tag=0)))
    several = bench.commit("Order:o-1", ("Added", order(tag=2, who="me")))
    assert container.feed(single).read_units == 2  # the places of two views
    assert container.feed(several).read_units == 4  # place and row of another, and two rows
    container.feed(several)
    assert bench.rows("Tags")[("n0", "-")] == {"Order#o-1": [2]}


@pytest.mark.parametrize("rivals", [2, 5])
def test_two_consumers_on_one_row_both_count(rivals: int) -> None:
    made = registry()

    @made.projector("Added", view=made.view("Total", key="shop"))
    def total(row: Any, event: Any) -> Any:
        return {"total": (row or {"total": 0})["total"] + event["amount"]}

    bench = Bench(made)
    containers = [bench.container() for _ in range(rivals)]
    for number in range(rivals * 4):
        item = bench.commit(f"Order:o-{number}", ("Added", {"shop": "s", "amount": 1}))
        containers[number % rivals].feed(item)
    assert bench.rows("Total") == {("ss", "-"): {"total": rivals * 4}}
