"""Reading views: one row, or rows in order."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import Page, Registry
from cqrsless.errors import CqrslessError, MalformedMessage, ValidationFailed
from cqrsless.messages import Cost
from cqrsless.projections.reading import Views
from tests.projections.harness import Bench, feed_all, order, registry

Rows = list[dict[str, Any]]


def shop() -> Registry:
    made = registry()
    made.view("Summary", key="order_id", indexes={"by_status": ("status", "total"), "by_shop": "shop"})
    made.view("OfCustomer", key=("customer_id", "order_id"))
    for view in ("Summary", "OfCustomer"):
        made.projector("Placed", view=view)(lambda row, event: {**(row or {}), **event})
        made.projector("Removed", view=view)(lambda row, event: None)
    return made


class Reading(Bench):
    """A bench with a reader of its views."""

    def __init__(self, store: str = "memory://") -> None:
        super().__init__(shop(), store)
        self.run = 1
        self.views = Views(self.app.model.views, self.store, lambda view, cost: self.run)

    def place(self, count: int, **more: Any) -> None:
        rows = [order(f"o-{number:03}", customer_id="c-1", n=number, **more) for number in range(count)]
        items = [self.commit(f"Order:{row['order_id']}", ("Placed", row)) for row in rows]
        feed_all(self.container(run=self.run), items)

    def remove(self, *numbers: int) -> None:
        items = [
            self.commit(f"Order:o-{number:03}", ("Removed", order(f"o-{number:03}", customer_id="c-1")))
            for number in numbers
        ]
        feed_all(self.container(run=self.run), items)

    def pages(self, *arguments: Any, **options: Any) -> list[Rows]:
        found: list[Rows] = []
        cursor = None
        while True:
            page = self.views.list(*arguments, cursor=cursor, **options)
            found.append(page.rows)
            cursor = page.cursor
            if cursor is None:
                return found


@pytest.fixture(params=["memory", "sqlite"])
def reading(request: pytest.FixtureRequest, tmp_path: Any) -> Reading:
    return Reading("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db")


def numbers(pages: list[Rows]) -> list[list[int]]:
    return [[row["n"] for row in rows] for rows in pages]


def test_a_row_is_found_by_its_key_in_one_request(reading: Reading) -> None:
    reading.place(2)
    row = order("o-001", customer_id="c-1", n=1)
    assert reading.views.get("Summary", "o-001") == row
    assert reading.views.cost == Cost(1, 1, 0)
    assert reading.views.get(reading.app.model.views["OfCustomer"], "c-1", "o-001") == row
    assert reading.views.get("OfCustomer", ("c-1", "o-001")) == row
    assert reading.views.get("OfCustomer", "c-1", "o-009") is None


def test_a_deleted_row_is_none_and_every_row_is_a_copy(reading: Reading) -> None:
    reading.place(2)
    reading.remove(0)
    assert reading.views.get("Summary", "o-000") is None
    row = reading.views.get("Summary", "o-001")
    assert row is not None
    row["n"] = 9
    assert reading.views.get("Summary", "o-001") != row


def test_values_come_back_as_they_went_in(reading: Reading) -> None:
    values = {"at": datetime(2026, 3, 1, tzinfo=timezone.utc), "price": Decimal("1.10"), "for": timedelta(days=1)}
    reading.place(1, **values)
    row = reading.views.get("Summary", "o-000")
    assert row == order("o-000", customer_id="c-1", n=0, **values)


def test_rows_are_listed_in_order_a_page_at_a_time(reading: Reading) -> None:
    reading.place(7)
    assert numbers(reading.pages("OfCustomer", "c-1", limit=3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert numbers(reading.pages("OfCustomer", "c-1", limit=3, reverse=True)) == [[6, 5, 4], [3, 2, 1], [0]]
    assert numbers(reading.pages("OfCustomer", "c-1", limit=7)) == [[0, 1, 2, 3, 4, 5, 6]]
    assert reading.views.list("OfCustomer", "c-2") == Page([], None)


def test_a_view_with_one_field_lists_its_one_row(reading: Reading) -> None:
    reading.place(2)
    assert numbers([reading.views.list("Summary", "o-001").rows]) == [[1]]


def test_a_full_page_without_more_behind_it_has_no_cursor(reading: Reading) -> None:
    reading.place(4)
    reading.remove(2, 3)
    page = reading.views.list("OfCustomer", "c-1", limit=2)
    assert (numbers([page.rows]), page.cursor) == ([[0, 1]], None)


def test_deleted_rows_make_no_page_shorter() -> None:
    reading = Reading()
    made = registry()
    made.projector("Booked", view=made.view("Seats", key=("show", "seat")))(lambda row, event: {"n": event["n"]})
    made.projector("Removed", view="Seats")(lambda row, event: None)
    bench = Bench(made)
    container = bench.container()
    for number in range(40):
        container.feed(bench.commit(f"Seat:hamlet,f{number:03}", ("Booked", {"n": number})))
        if number % 8:
            container.feed(bench.commit(f"Seat:hamlet,f{number:03}", ("Removed", {})))
    assert len(bench.items("v#")) == 40
    reading.views = Views(bench.app.model.views, bench.store, lambda view, cost: 1)
    assert numbers(reading.pages("Seats", "hamlet", limit=2)) == [[0, 8], [16, 24], [32]]
    assert numbers(reading.pages("Seats", "hamlet", limit=2, reverse=True)) == [[32, 24], [16, 8], [0]]
    before = reading.views.cost.requests
    assert numbers([reading.views.list("Seats", "hamlet", limit=5).rows]) == [[0, 8, 16, 24, 32]]
    assert reading.views.cost.requests - before <= 4


def test_rows_are_listed_by_an_index_in_the_order_of_numbers(reading: Reading) -> None:
    items = [
        reading.commit(
            f"Order:o-{number}",
            ("Placed", order(f"o-{number}", customer_id="c-1", shop="s", n=number, status="new", total=total)),
        )
        for number, total in enumerate((Decimal("9.50"), 10, 2, -1, 0.25, 10))
    ]
    feed_all(reading.container(), items)
    assert numbers(reading.pages("Summary", "new", index="by_status", limit=4)) == [[3, 4, 2, 0], [1, 5]]
    assert numbers(reading.pages("Summary", "new", index="by_status", reverse=True, limit=6)) == [[5, 1, 0, 2, 4, 3]]
    assert numbers(reading.pages("Summary", "s", index="by_shop", limit=5)) == [[0, 1, 2, 3, 4], [5]]
    assert reading.views.list("Summary", "old", index="by_status").rows == []


def test_a_cursor_outlives_a_switch_to_another_run(reading: Reading) -> None:
    reading.place(4)
    page = reading.views.list("OfCustomer", "c-1", limit=2)
    feed_all(reading.container(run=2), reading.commits())
    reading.run = 2
    assert numbers([reading.views.list("OfCustomer", "c-1", cursor=page.cursor).rows]) == [[2, 3]]


def test_a_cursor_is_of_no_use_in_another_list() -> None:
    reading = Reading()
    reading.place(3, status="new", shop="c-1", total=1)
    cursor = reading.views.list("OfCustomer", "c-1", limit=1).cursor
    text = "this cursor belongs to another list: use it with the query that gave it"
    for arguments, options in (
        (("OfCustomer", "c-2"), {}),
        (("OfCustomer", "c-1"), {"reverse": True}),
        (("Summary", "c-1"), {"index": "by_shop"}),
        (("Summary", "c-1"), {"index": "by_status"}),
        (("Summary", "c-1"), {}),
    ):
        with pytest.raises(MalformedMessage) as caught:
            reading.views.list(*arguments, cursor=cursor, **options)
        assert str(caught.value) == text


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.one_of(st.text(), st.binary().map(lambda body: base64.urlsafe_b64encode(body).decode()), st.integers()))
def test_what_is_no_cursor_is_refused_in_its_own_words(cursor: Any) -> None:
    reading = Reading()
    with pytest.raises(MalformedMessage, match="this is no cursor: give the one of the page before, or none to begin"):
        reading.views.list("Summary", "o-1", cursor=cursor)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_a_forged_cursor_reads_nothing_of_other_lists(content: Any) -> None:
    reading = Reading()
    reading.place(3)
    real = reading.views.list("OfCustomer", "c-1", limit=1).cursor
    assert real is not None
    binding = json.loads(base64.urlsafe_b64decode(real + "=="))[0]
    forged = base64.urlsafe_b64encode(json.dumps([binding, content]).encode()).decode()
    try:
        page = reading.views.list("OfCustomer", "c-1", cursor=forged)
    except MalformedMessage:
        assert not isinstance(content, str) or not content
    else:
        assert {row["customer_id"] for row in page.rows} <= {"c-1"}


@pytest.mark.parametrize("limit", [0, 1001, -1, True, "5", 2.0, None])
def test_a_limit_out_of_bounds_is_not_valid(limit: Any) -> None:
    with pytest.raises(ValidationFailed, match="limit is a whole number from 1 to 1000, not"):
        Reading().views.list("Summary", "o-1", limit=limit)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (
            lambda views: views.get("Sumary", "o-1"),
            "no view 'Sumary' is registered; did you mean 'Summary'?; there is 'Summary', 'OfCustomer'",
        ),
        (lambda views: views.get(5, "o-1"), "no view 5 is registered; there is 'Summary', 'OfCustomer'"),
        (
            lambda views: views.list("Summary", "new", index="by_statu"),
            "the view Summary has no index 'by_statu'; did you mean 'by_status'?; there is 'by_status', 'by_shop'",
        ),
        (
            lambda views: views.get("OfCustomer", "c-1"),
            "views.get gave 1 value for the key of the view OfCustomer, which is (customer_id, order_id): give 2",
        ),
        (
            lambda views: views.get("Summary"),
            "views.get gave 0 values for the key of the view Summary, which is (order_id): give 1",
        ),
    ],
)
def test_a_mistake_in_asking_says_what_there_is(ask: Any, text: str) -> None:
    with pytest.raises(CqrslessError) as caught:
        ask(Reading().views)
    assert str(caught.value) == text


def test_a_key_that_no_row_can_have_is_not_valid() -> None:
    views = Reading().views
    for key in (None, "a" * 3000, "\ud800"):
        with pytest.raises(ValidationFailed, match="'order_id' in the key of the view Summary"):
            views.get("Summary", key)
        with pytest.raises(ValidationFailed, match="'order_id' in the key of the view Summary"):
            views.list("Summary", key)
    with pytest.raises(ValidationFailed, match="'order_id' in the key of the view OfCustomer makes a sort key of 3001"):
        views.get("OfCustomer", "c-1", "a" * 3000)
