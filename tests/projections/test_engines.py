"""Views on DynamoDB's own API: its conditions, transactions, keys and pages are those of the embedded stores."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.projections.reading import Views
from cqrsless.stores.dynamodb import DynamoDBStore
from tests.projections.harness import Bench, order, registry, shared, summary

ODD = ["o-1", "New York", "a!b", "ä\u00a0ß", "#", "!", "a b", "日本", "~"]


def fill(bench: Bench) -> None:
    one, other = bench.container(), bench.container()
    for name in ODD:
        one.feed(bench.commit(f"Order:{name}", ("Placed", order(name, customer_id="c 1", total=5, status="new"))))
    late = [bench.commit(f"Order:{name}", ("Paid", order(name, status="paid"))) for name in ODD[:4]]
    gone = [bench.commit(f"Order:{name}", ("Forgotten", order(name, customer_id="c 1"))) for name in ODD[:1]]
    payments = [bench.commit(f"Payment:{name}", ("Paid", order(name, status="twice"))) for name in ODD[:2]]
    for item in [*gone, *payments, *late, *late]:
        other.feed(item)
        one.feed(item)


def told(bench: Bench) -> dict[str, Any]:
    views = Views(bench.app.model.views, bench.store, lambda view, cost: 1)
    pages: list[list[Any]] = []
    for status in ("new", "paid", "twice"):
        for reverse in (False, True):
            cursor = None
            while True:
                page = views.list("Listed", status, 2, cursor, reverse, index="by_status")
                pages.append([row["order_id"] for row in page.rows])
                cursor = page.cursor
                if cursor is None:
                    break
    return {
        "rows": [views.get("Summary", name) for name in ODD],
        "spent": views.get("Spent", "c 1"),
        "pages": pages,
        "marks": sorted((item["pk"], item["sk"], item["mark"]) for item in bench.items() if "mark" in item),
        "entries": sorted((item["pk"], item["sk"]) for item in bench.items("i#")),
    }


def shop(store: Any) -> Bench:
    made = registry()
    summary(made)
    shared(made)
    Listed = made.view("Listed", key="order_id", indexes={"by_status": ("status", "order_id")})
    made.projector("Placed", "Paid", view=Listed)(lambda row, event: {**(row or {}), **event})
    bench = Bench(made, store)
    fill(bench)
    return bench


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return told(shop("memory://"))


def test_sqlite_holds_the_same(expected: dict[str, Any], tmp_path: Any) -> None:
    assert told(shop(f"sqlite:///{tmp_path}/shop.db")) == expected


@pytest.mark.usefixtures("moto_aws")
def test_dynamodb_holds_the_same(expected: dict[str, Any], table_prefix: str) -> None:
    assert told(shop(DynamoDBStore(table_prefix))) == expected


@pytest.mark.server
def test_a_server_holds_the_same(expected: dict[str, Any], table_prefix: str, ministack_endpoint: str) -> None:
    assert told(shop(DynamoDBStore(table_prefix, endpoint=ministack_endpoint))) == expected
