"""Folding commits into rows."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Message, Registry
from cqrsless.delivery.commit import Commit
from cqrsless.delivery.consuming import Failed
from cqrsless.messages import Cost
from tests.projections.harness import Bench, cost, everything, order, registry, shared, summary


def test_a_warm_row_of_one_aggregate_costs_one_conditional_write_and_no_read(shop: Registry) -> None:
    bench = Bench(shop)
    container = bench.container()
    assert container.feed(bench.commit("Order:o-1", ("Placed", order()))) == cost(2, 1, 1)
    for _ in range(5):
        assert container.feed(bench.commit("Order:o-1", ("Paid", order()))) == cost(1, 0, 1)
    assert bench.container().feed(bench.commit("Order:o-1", ("Shipped", order()))) == cost(2, 1, 1)


def test_the_row_holds_the_mark_and_nothing_else_is_written(shop: Registry, url: str) -> None:
    bench = Bench(shop, url)
    bench.container().feed(bench.commit("Order:o-1", ("Placed", order())))
    (item,) = bench.items()
    assert (item["pk"], item["sk"], item["mark"], item["of"]) == ("v#1#Summary#so-1", "-", 1, "Order")
    assert bench.rows("Summary") == {("so-1", "-"): {"order_id": "o-1", "seen": ["Placed"]}}


def test_a_repeat_is_skipped_and_a_warm_one_costs_nothing(shop: Registry) -> None:
    bench = Bench(shop)
    container = bench.container()
    first, second = bench.commit("Order:o-1", ("Placed", order())), bench.commit("Order:o-1", ("Paid", order()))
    container.feed(first, second)
    assert container.feed(first, second, first) == cost(0, 0, 0)
    assert bench.container().feed(first, second, first) == cost(1, 1, 0)
    assert bench.rows("Summary")[("so-1", "-")]["seen"] == ["Placed", "Paid"]


def test_what_is_missing_is_read_and_applied_first(shop: Registry, url: str) -> None:
    bench = Bench(shop, url)
    commits = [bench.commit("Order:o-1", (name, order())) for name in ("Placed", "Paid", "Paid", "Shipped")]
    container = bench.container()
    container.feed(commits[3])
    assert bench.rows("Summary")[("so-1", "-")]["seen"] == ["Placed", "Paid", "Paid", "Shipped"]
    assert container.feed(*commits) == cost(0, 0, 0)


def test_a_commit_of_other_events_in_between_is_neither_read_nor_written(shop: Registry) -> None:
    bench = Bench(shop)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Placed", order())))
    assert container.feed(bench.commit("Order:o-1", ("Noticed", order()))) == cost(0, 0, 0)
    assert container.feed(bench.commit("Order:o-1", ("Paid", order()))) == cost(1, 0, 1)


def test_several_events_of_a_commit_fold_in_order_into_one_write(shop: Registry) -> None:
    bench = Bench(shop)
    item = bench.commit("Order:o-1", ("Placed", order()), ("Paid", order()), ("Other", {}), ("Shipped", order()))
    assert bench.container().feed(item) == cost(2, 1, 1)
    assert bench.rows("Summary")[("so-1", "-")]["seen"] == ["Placed", "Paid", "Shipped"]


def test_a_deleted_row_leaves_its_mark_and_the_next_event_sees_no_row(shop: Registry, url: str) -> None:
    bench = Bench(shop, url)
    container = bench.container()
    placed = bench.commit("Order:o-1", ("Placed", order()))
    container.feed(placed, bench.commit("Order:o-1", ("Removed", order())))
    assert bench.rows("Summary") == {}
    assert [item["mark"] for item in bench.items()] == [2]
    bench.container().feed(placed)
    assert bench.rows("Summary") == {}
    container.feed(bench.commit("Order:o-1", ("Paid", order())))
    assert bench.rows("Summary") == {("so-1", "-"): {"order_id": "o-1", "seen": ["Paid"]}}


def test_a_row_that_stays_as_it_was_still_moves_its_mark() -> None:
    made = registry()
    made.projector("Placed", view=made.view("Same", key="order_id"))(lambda row, event: {"order_id": "o-1"})
    bench = Bench(made)
    container = bench.container()
    for _ in range(3):
        item = bench.commit("Order:o-1", ("Placed", order()))
        container.feed(item)
    assert [item["mark"] for item in bench.items()] == [3]
    assert bench.container().feed(item) == cost(1, 1, 0)


def test_two_types_of_aggregate_may_share_a_row(shop: Registry, url: str) -> None:
    bench = Bench(shop, url)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Placed", order())))
    container.feed(bench.commit("Payment:o-1", ("Paid", order())))
    late = [bench.commit("Payment:o-1", ("Paid", order())), bench.commit("Order:o-1", ("Shipped", order()))]
    bench.container().feed(*late)
    assert container.feed(late[0]) == cost(3, 2, 4)  # a write fails, for the row and its place have moved since
    assert bench.rows("Summary")[("so-1", "-")]["seen"] == ["Placed", "Paid", "Paid", "Shipped"]
    assert {item["pk"]: item["mark"] for item in bench.items()} == {
        "v#1#Summary#so-1": 2,
        "w#1#Summary#Payment#o-1": 2,
    }


def test_an_event_may_name_another_row_than_its_aggregates(shop: Registry, url: str) -> None:
    bench = Bench(shop, url)
    container = bench.container()
    container.feed(bench.commit("Order:o-2", ("Placed", order("o-2"))))
    first = bench.commit("Order:o-1", ("Placed", order("o-2")), ("Paid", order("o-1")))
    container.feed(first, first)
    bench.container().feed(first, bench.commit("Order:o-2", ("Shipped", order("o-2"))))
    assert {key[0]: row["seen"] for key, row in bench.rows("Summary").items()} == {
        "so-1": ["Paid"],
        "so-2": ["Placed", "Placed", "Shipped"],
    }


def test_the_row_of_a_composite_id_is_its_own_place() -> None:
    made = registry()
    made.projector("Booked", view=made.view("Seats", key=("show", "seat")))(lambda row, event: dict(event))
    bench = Bench(made)
    container = bench.container()
    booked = {"show": "hamlet", "seat": "f 7", "by": "Ann"}
    assert container.feed(bench.commit("Seat:hamlet,f 7", ("Booked", {"by": "Bob"}))) == cost(2, 1, 1)
    assert container.feed(bench.commit("Seat:hamlet,f 7", ("Booked", booked))) == cost(1, 0, 1)
    assert bench.rows("Seats") == {("shamlet", "sf!P7"): booked}


def test_a_row_of_many_aggregates_and_the_place_are_one_transaction_at_twice_the_units(url: str) -> None:
    made = registry()
    shared(made)
    bench = Bench(made, url)
    container = bench.container()
    placed = {"customer_id": "c-1", "total": 5}
    assert container.feed(bench.commit("Order:o-1", ("Placed", order(**placed)))) == cost(3, 2, 4)
    assert container.feed(bench.commit("Order:o-1", ("Placed", order(**placed)))) == cost(1, 0, 4)
    assert container.feed(bench.commit("Order:o-2", ("Placed", order("o-2", **placed)))) == cost(2, 1, 4)
    assert bench.rows("Spent") == {("sc-1", "-"): {"customer_id": "c-1", "orders": {"o-1": [5, 5], "o-2": [5]}}}
    assert sorted(item["pk"] for item in bench.items("w#")) == ["w#1#Spent#Order#o-1", "w#1#Spent#Order#o-2"]


def test_a_deleted_row_that_is_no_place_is_gone_for_good() -> None:
    made = registry()
    shared(made)
    bench = Bench(made)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Placed", order(customer_id="c-1", total=5))))
    container.feed(bench.commit("Order:o-1", ("Forgotten", {"customer_id": "c-1"})))
    assert bench.items("v#") == []
    container.feed(bench.commit("Order:o-1", ("Placed", order(customer_id="c-1", total=6))))
    assert bench.rows("Spent") == {("sc-1", "-"): {"customer_id": "c-1", "orders": {"o-1": [6]}}}


def test_a_commit_that_touches_no_row_still_moves_the_place() -> None:
    made = registry()
    made.projector("Placed", view=made.view("Tagged", key="tag"), keys=lambda event, message: event["tags"])(
        lambda row, event: {"n": (row or {"n": 0})["n"] + 1}
    )
    bench = Bench(made)
    container = bench.container()
    assert container.feed(bench.commit("Order:o-1", ("Placed", order(tags=[])))) == cost(2, 1, 1)
    assert container.feed(bench.commit("Order:o-1", ("Placed", order(tags=["a", "b", "a"])))) == cost(3, 2, 6)
    assert bench.rows("Tagged") == {("sa", "-"): {"n": 1}, ("sb", "-"): {"n": 1}}
    assert [item["mark"] for item in bench.items("w#")] == [2]


def test_a_key_function_says_the_row_by_a_value_or_by_a_pair() -> None:
    made = registry()

    def of_day(event: Any, message: Message) -> Any:
        return event["day"], message.aggregate_id

    @made.projector("Placed", view=made.view("Daily", key=("day", "order_id")), key=of_day)
    def daily(row: Any, event: Any, *, message: Message, currency: str) -> Any:
        return {"name": message.name, "in": currency}

    bench = Bench(made, currency="EUR")
    bench.container().feed(bench.commit("Order:o-1", ("Placed", {"day": 3})))
    assert bench.rows("Daily") == {("n1l13", "so-1"): {"name": "Placed", "in": "EUR"}}


def test_a_projector_may_be_told_the_key_of_its_row_which_may_not_be_there_yet() -> None:
    made = registry()

    @made.projector("Placed", view=made.view("Tagged", key="tag"), keys=lambda event, message: event["tags"])
    def tagged(row: Any, event: Any, *, key: Any, currency: str) -> Any:
        return {"tag": key, "in": currency, "n": (row or {"n": 0})["n"] + 1}

    @made.projector("Placed", view=made.view("Daily", key=("day", "order_id")))
    def daily(row: Any, event: Any, *, key: Any) -> Any:
        return {"key": list(key)}

    bench = Bench(made, currency="EUR")
    bench.container().feed(bench.commit("Order:o-1", ("Placed", order(day=3, tags=["a", 7, "a"]))))
    assert {row["tag"]: row for row in bench.rows("Tagged").values()} == {
        tag: {"tag": tag, "in": "EUR", "n": 1} for tag in ("a", 7)
    }
    assert list(bench.rows("Daily").values()) == [{"key": [3, "o-1"]}]


def test_ninety_nine_rows_are_the_most_of_a_commit() -> None:
    made = registry()
    made.projector("Tagged", view=made.view("Tags", key="tag"), keys=lambda event, message: range(event["count"]))(
        lambda row, event: {"count": event["count"]}
    )
    bench = Bench(made)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Tagged", {"count": 99})))
    assert len(bench.rows("Tags")) == 99
    before = bench.items("v#")
    with pytest.raises(Failed) as caught:
        container.feed(bench.commit("Order:o-1", ("Tagged", {"count": 100})))
    assert str(caught.value) == (
        "attempt 1 of 6 failed with CommitTooLarge: commit 2 of Order#o-1 makes 101 writes in the view Tags, its place "
        "and index entries included; one transaction takes 100 writes: project it into fewer rows, or make smaller "
        "commits"
    )
    assert bench.items("v#") == before


def test_an_id_too_long_for_a_row_fails_with_its_reason() -> None:
    made = registry()
    summary(made)
    bench = Bench(made)
    name = "a" * 2040
    with pytest.raises(Failed, match="'order_id' in the key of the view Summary makes a partition key of 2053 bytes"):
        bench.container().feed(bench.commit(f"Order:{name}", ("Placed", order(name))))


def test_a_large_row_is_compressed_where_that_saves_units(url: str) -> None:
    made = registry()
    made.projector("Placed", view=made.view("Long", key="order_id"))(lambda row, event: {"text": "long " * event["n"]})
    bench = Bench(made, url)
    container = bench.container()
    assert container.feed(bench.commit("Order:o-1", ("Placed", order(n=10_000)))) == cost(2, 1, 1)
    assert isinstance(bench.items("v#")[0]["row"], bytes)
    assert bench.rows("Long") == {("so-1", "-"): {"text": "long " * 10_000}}
    with pytest.raises(Failed, match="CommitTooLarge: the row v#1#Long#so-1 - takes 5000011 bytes, and 4194304 is"):
        container.feed(bench.commit("Order:o-1", ("Placed", order(n=1_000_000))))


@pytest.mark.parametrize(
    ("options", "returns", "why"),
    [
        ({}, {}, "'customer_id', of the view's key, is neither in the payload of Order#o-1@1 nor in the id of Order"),
        ({}, {}, '@projector("Placed", view="Bad", key=lambda event, message: ...)'),
        ({"key": lambda event, message: None}, {}, "gave None: give the row's key, or write keys= and give []"),
        ({"key": lambda event, message: ("a", "b")}, {}, "gave 2 values for the key of the view Bad, which is (cus"),
        ({"keys": lambda event, message: "ab"}, {}, "gave a str: give a list of keys, empty for no row"),
        ({"keys": lambda event, message: None}, {}, "gave None: give a list of keys, empty for no row"),
        ({"key": lambda event, message: 1.5e400}, {}, "'customer_id' in the key of the view Bad is inf, which is no"),
        ({"key": lambda event, message: 1}, [], "of Placed into the view Bad returned a list: return the row, a dict,"),
        ({"key": lambda event, message: 1}, {"a": {1}}, "the row of the view Bad after Order#o-1@1 at a: a value of"),
    ],
)
def test_what_a_projector_does_wrong_is_said_with_its_view_and_event(options: Any, returns: Any, why: str) -> None:
    made = registry()
    made.processor("strict", retries=0)
    view = made.view("Bad", key="customer_id", processor="strict")
    made.projector("Placed", view=view, **options)(lambda row, event: returns)
    bench = Bench(made)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Placed", order())))
    (letter,) = container.views["Bad"].parking.letters(Cost())
    assert why in letter.why


def test_rows_and_payloads_are_private_copies() -> None:
    made = registry()
    kept: list[Any] = []
    constant = {"calls": []}
    Mutable = made.view("Mutable", key="tag")

    @made.projector("Placed", view=Mutable, keys=lambda event, message: ["a", "b"])
    def careless(row: Any, event: Any) -> Any:
        kept.append(row)
        event["tags"].append("mine")
        row = row or constant
        row["calls"].append(len(event["tags"]))
        return row

    @made.projector("Placed", view=Mutable, key=lambda event, message: "c")
    def careful(row: Any, event: Any) -> Any:
        return {"tags": event["tags"]}

    bench = Bench(made)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Placed", order(tags=[]))))
    for row in kept:
        assert row is None
    assert bench.rows("Mutable")[("sc", "-")] == {"tags": []}
    constant["calls"].clear()
    container.feed(bench.commit("Order:o-1", ("Placed", order(tags=[]))))
    kept[-1]["calls"].append("later")
    container.feed(bench.commit("Order:o-1", ("Placed", order(tags=[]))))
    assert bench.rows("Mutable")[("sb", "-")]["calls"] == [1, 1, 1, 1]


def test_former_names_and_upcasters_are_of_no_concern_to_a_projector() -> None:
    made = registry()
    bench = Bench(made)
    old = bench.commit("Order:o-1", ("WasPlaced", {"id": "o-1"}))
    summary(made)
    made.event_type("Placed", was=("WasPlaced",), version=2)

    @made.upcaster("Placed", from_version=1)
    def renamed(payload: Any) -> Any:
        return {"order_id": payload["id"]}

    container = bench.container()
    assert container.views["Summary"].stored_names == {"Placed", "WasPlaced", "Paid", "Shipped", "Removed"}
    container.feed(old, bench.commit("Order:o-1", ("Placed", order())))
    assert bench.rows("Summary")[("so-1", "-")]["seen"] == ["Placed", "Placed"]


def test_replaying_is_told_to_the_projector() -> None:
    made = registry()
    told: list[tuple[bool, int]] = []

    @made.projector("Placed", view=made.view("Told", key="order_id"))
    def tell(row: Any, event: Any, *, message: Message) -> Any:
        told.append((message.replaying, message.attempt))
        return {}

    bench = Bench(made)
    container = bench.container()
    container.feed(bench.commit("Order:o-1", ("Placed", order())))
    container.views["Told"].replaying = True
    container.feed(bench.commit("Order:o-1", ("Placed", order())))
    assert told == [(False, 1), (True, 1)]


def test_runs_share_nothing(shop: Registry) -> None:
    bench = Bench(shop)
    item = bench.commit("Order:o-1", ("Placed", order()))
    first, second = bench.container(), bench.container(run=2)
    first.feed(item)
    second.feed(item, bench.commit("Order:o-1", ("Paid", order())))
    assert second.views["Summary"].name == "Summary (run 2)"
    assert everything(bench)["Summary"] == {("so-1", "-"): {"order_id": "o-1", "seen": ["Placed"]}}
    assert everything(bench, 2)["Summary"] == {("so-1", "-"): {"order_id": "o-1", "seen": ["Placed", "Paid"]}}


def test_a_consumer_of_many_aggregates_may_remember_a_single_place(shop: Registry) -> None:
    bench = Bench(shop)
    container = bench.container(kept=1)
    for round_trip in range(3):
        for name in ("o-1", "o-2"):
            container.feed(bench.commit(f"Order:{name}", ("Placed", order(name))))
            container.feed(bench.commit(f"Payment:{name}", ("Paid", order(name))))
        assert bench.rows("Summary")[("so-1", "-")]["seen"] == ["Placed", "Paid"] * (round_trip + 1)


def test_nothing_is_asked_of_the_store_for_events_of_no_projector(shop: Registry) -> None:
    bench = Bench(shop)
    container = bench.container()
    item = bench.commit("Order:o-1", ("Noticed", {}))
    asked = Cost()
    container.feeder.feed(container.views["Summary"], Commit(item, container.decoder), asked)
    assert asked == Cost()
