"""Waiting until a view holds a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import CommandResult
from cqrsless.delivery.commit import Decoder
from cqrsless.delivery.consuming import Failed
from cqrsless.errors import MalformedMessage, NotCaughtUp
from cqrsless.messages import Cost
from cqrsless.projections.freshness import Freshness, Reference
from cqrsless.projections.reading import Views
from tests.projections.harness import Bench, order, registry, shared, summary


class Waiting(Bench):
    """A bench with a reader that waits, on a clock that only its sleeping moves."""

    def __init__(self) -> None:
        made = registry()
        summary(made)
        shared(made)
        super().__init__(made)
        self.time = 0.0
        self.then: list[Callable[[], None]] = []
        self.run = 1
        model = self.app.model
        self.freshness = Freshness(
            self.store,
            model.projectors,
            {name: one.record.id_field for name, one in model.aggregates.items()},
            Decoder(model.events),
            lambda view, cost: self.run,
            sleep=self.sleep,
            clock=lambda: self.time,
        )
        self.views = Views(model.views, self.store, lambda view, cost: self.run, freshness=self.freshness)

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.then:
            self.then.pop(0)()

    def execute(self, *events: tuple[str, dict[str, Any]], to: str = "Order") -> tuple[CommandResult, Any]:
        """Commit events on `o-1`; give the result, and what feeds the commit to a container."""
        result = self.app.execute(f"To{to}", {"order_id": "o-1", "events": [list(event) for event in events]})
        item = self.store.get("events", f"{to}#o-1", result.version or 0, Cost())
        return result, lambda: self.container().feed(item)

    def after(self, result: CommandResult) -> Views:
        reference = Reference.to(result)
        assert reference is not None
        return self.views.after(reference)


def test_a_view_that_holds_the_commit_is_read_at_once() -> None:
    bench = Waiting()
    result, feed = bench.execute(("Placed", order(customer_id="c-1", total=5)))
    feed()
    views = bench.after(result)
    assert views.get("Summary", "o-1") == {"order_id": "o-1", "seen": ["Placed"]}
    assert views.cost == Cost(2, 2, 0)
    views.get("Summary", "o-1")
    assert views.cost == Cost(3, 3, 0)
    assert views.get("Spent", "c-1") is not None
    assert bench.time == 0


def test_a_view_is_waited_for_until_it_holds_the_commit() -> None:
    bench = Waiting()
    _, feed_first = bench.execute(("Placed", order(customer_id="c-1", total=5)))
    result, feed_second = bench.execute(("Placed", order(customer_id="c-1", total=6)))
    bench.then = [lambda: None, feed_first, lambda: None, feed_second]
    assert bench.after(result).get("Summary", "o-1") == {"order_id": "o-1", "seen": ["Placed", "Placed"]}
    assert bench.time == pytest.approx(0.02 + 0.04 + 0.08 + 0.16)


def test_a_row_of_another_types_place_is_waited_for_where_that_type_notes_it() -> None:
    bench = Waiting()
    _, feed_order = bench.execute(("Placed", order(customer_id="c-1", total=5)))
    _, feed_more = bench.execute(("Paid", order()))
    feed_order(), feed_more()
    result, feed = bench.execute(("Paid", order()), to="Payment")
    assert result.version == 1
    bench.then = [lambda: None, lambda: None, feed]
    row = bench.after(result).get("Summary", "o-1")
    assert row is not None
    assert row["seen"] == ["Placed", "Paid", "Paid"]
    assert bench.time > 0


def test_a_commit_that_projects_nothing_into_a_view_is_not_waited_for() -> None:
    bench = Waiting()
    result, _ = bench.execute(("Noticed", {}))
    views = bench.after(result)
    assert views.get("Summary", "o-1") is None
    assert views.cost == Cost(1, 1, 0)
    result, _ = bench.execute(("Shipped", order()))
    assert bench.after(result).get("Spent", "c-1") is None
    assert bench.time == 0


def test_a_command_that_wrote_no_event_is_not_waited_for() -> None:
    bench = Waiting()
    result, _ = bench.execute()
    assert bench.after(result).get("Summary", "o-1") is None
    assert Reference.to(CommandResult(value=5)) is None


def test_waiting_ends_with_what_is_late() -> None:
    bench = Waiting()
    result, _ = bench.execute(("Placed", order(customer_id="c-1", total=5)))
    with pytest.raises(NotCaughtUp) as caught:
        bench.after(result).list("Summary", "o-1")
    assert str(caught.value) == (
        "the view Summary does not hold commit 1 of Order#o-1 after 5 seconds: its function is late, or not there; "
        "ask again, or without `after`"
    )
    assert 4 < bench.time <= 5
    assert caught.value.status == 503


def test_a_parked_aggregate_is_not_waited_for() -> None:
    bench = Waiting()
    result, feed = bench.execute(("Placed", {"order_id": "o-1"}))
    for _ in range(5):
        with pytest.raises(Failed):
            feed()
    feed()
    with pytest.raises(NotCaughtUp) as caught:
        bench.after(result).get("Spent", "c-1")
    assert str(caught.value).startswith(
        "the view Spent has parked Order#o-1 at commit 1, so it does not come to hold commit 1: CqrslessError: the "
    )
    assert bench.time == 0


def test_a_switch_of_runs_is_followed_while_waiting() -> None:
    bench = Waiting()
    result, _ = bench.execute(("Placed", order(customer_id="c-1", total=5)))

    def switch() -> None:
        bench.container(run=2).feed(*bench.commits())
        bench.run = 2

    bench.then = [switch]
    assert bench.after(result).get("Summary", "o-1") is not None


def test_a_reference_in_a_header_stands_for_the_commit() -> None:
    bench = Waiting()
    result, feed = bench.execute(("Placed", order(customer_id="c-1", total=5)))
    text = str(Reference.to(result))
    assert text.isascii() and text.isprintable()
    bench.then = [feed]
    assert bench.views.after(Reference.read(text)).get("Summary", "o-1") is not None
    noticed, _ = bench.execute(("Noticed", {}))
    assert bench.views.after(Reference.read(str(Reference.to(noticed)))).get("Summary", "o-1") is not None


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text())
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage, match="this names no commit: give back what the answer to a command had"):
        Reference.read(text)


@pytest.mark.parametrize("key", ["Order#o-1", "Order#" + "a" * 2042, "Nobody#1", "#", "Order#\x00", "a#b#c"])
@pytest.mark.parametrize("version", [1, 9, 2**63 - 1])
def test_a_reference_to_a_commit_that_is_none_is_refused_without_waiting(key: str, version: int) -> None:
    bench = Waiting()
    with pytest.raises(MalformedMessage, match=f"there is no commit {version} of "):
        bench.views.after(Reference.read(str(Reference(key, version)))).get("Summary", "o-1")
    assert bench.time == 0
