"""A batch: each taker offered each commit, a failure holding back its own aggregate for its own taker alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cqrsless.delivery.batches import Batch, Delivery
from cqrsless.delivery.commit import Commit, Decoder
from cqrsless.messages import Cost


class Taker:
    def __init__(self, name: str, *fails: str) -> None:
        self.name = name
        self.fails = fails
        self.ordered = True
        self.took: list[str] = []

    def take(self, commit: Commit, cost: Cost, /) -> None:
        record = f"{commit.pk}@{commit.number}"
        if record in self.fails:
            raise ValueError(record)
        self.took.append(record)


class Preparing(Taker):
    def __init__(self, *fails: str, broken: bool = False) -> None:
        super().__init__("preparing", *fails)
        self.broken = broken
        self.saw: list[int] = []

    def prepare(self, commits: Sequence[Commit], cost: Cost) -> None:
        assert self.took == []
        self.saw = [commit.number for commit in commits]
        if self.broken:
            raise ConnectionError("away")


def batch(*records: str) -> Batch:
    deliveries = []
    for record in records:
        pk, _, number = record.partition("@")
        deliveries.append(Delivery(record, {"pk": pk, "c": int(number)}))
    return Batch(deliveries, Decoder({}))


def test_every_taker_is_offered_every_commit_in_order() -> None:
    one, two = Taker("one"), Taker("two")
    offered = batch("Order#a@1", "Order#b@1", "Order#a@2")
    offered.offer([one, two])
    assert one.took == two.took == ["Order#a@1", "Order#b@1", "Order#a@2"]
    assert offered.failed() == []


def test_behind_a_failure_the_rest_of_its_aggregate_fails_too_for_that_taker() -> None:
    one, two = Taker("one", "Order#a@1"), Taker("two")
    offered = batch("Order#a@1", "Order#b@1", "Order#a@2")
    offered.offer([one, two])
    assert one.took == ["Order#b@1"]
    assert two.took == ["Order#a@1", "Order#b@1", "Order#a@2"]
    assert offered.failed() == ["Order#a@1", "Order#a@2"]


def test_a_taker_that_keeps_no_order_is_offered_what_is_behind_a_failure() -> None:
    one = Taker("one", "Order#a@1")
    one.ordered = False
    two = Taker("two", "Order#a@1")
    offered = batch("Order#a@1", "Order#a@2")
    offered.offer([one])
    assert one.took == ["Order#a@2"]
    assert offered.failed() == ["Order#a@1"]
    offered.offer([one, two])
    assert offered.failed() == ["Order#a@1", "Order#a@2"]


def test_two_takers_of_one_name_do_not_hold_each_other_back() -> None:
    live, building = Taker("Summary"), Taker("Summary", "Order#a@1")
    batch("Order#a@1", "Order#a@2").offer([live, building])
    assert live.took == ["Order#a@1", "Order#a@2"]
    assert building.took == []


def test_a_taker_that_prepares_sees_the_whole_batch_first() -> None:
    taker = Preparing()
    batch("Order#a@1", "Order#a@2").offer([taker])
    assert taker.saw == [1, 2]
    assert len(taker.took) == 2


def test_a_preparation_that_fails_loses_no_commit(caplog: pytest.LogCaptureFixture) -> None:
    taker = Preparing(broken=True)
    offered = batch("Order#a@1")
    offered.offer([taker])
    assert taker.took == ["Order#a@1"]
    assert offered.failed() == []
    assert "preparing could not make ready for a batch: it takes each commit as it comes" in caplog.text
