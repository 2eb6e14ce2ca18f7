"""The tables that `create_tables` makes, waits for, or refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cqrsless.errors import CqrslessError, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.store import KEYS, Table
from cqrsless.stores.dynamodb import DynamoDBStore
from cqrsless.stores.dynamodb_calls import Refused
from cqrsless.stores.dynamodb_tables import create_tables, definition


class Tables:
    """An account's tables, as `Calls` would reach them; each shows itself after `hidden` looks, active after `slow`."""

    def __init__(self, *, hidden: int = 0, slow: int = 0) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.created: list[str] = []
        self.hidden, self.slow = hidden, slow
        self.looks: dict[str, int] = {}
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def call(self, operation: str, params: Any, cost: Cost, *, expecting: Any = ()) -> Any:
        name = params["TableName"]
        if operation == "CreateTable":
            if name in self.tables:
                raise Refused("ResourceInUseException", {})
            self.tables[name] = {**params, "TableStatus": "CREATING"}
            self.created.append(name)
            return {}
        looks = self.looks[name] = self.looks.get(name, -1) + (name in self.tables)
        if name not in self.tables or (name in self.created and looks < self.hidden):
            raise Refused("ResourceNotFoundException", {})
        if looks >= self.hidden + self.slow and self.tables[name]["TableStatus"] == "CREATING":
            self.tables[name]["TableStatus"] = "ACTIVE"
        return {"Table": self.tables[name]}


def create(tables: Tables) -> None:
    calls: Any = tables
    create_tables(calls, "orders")


def existing(table: Table, **changes: Any) -> Tables:
    tables = Tables()
    made = {**definition("orders", table), "TableStatus": "ACTIVE", **changes}
    tables.tables[made["TableName"]] = made
    return tables


@pytest.mark.usefixtures("moto_aws")
def test_the_tables_are_on_demand_keyed_and_streamed(table_prefix: str) -> None:
    store = DynamoDBStore(table_prefix)
    store.create_tables()
    store.create_tables()
    shapes = {}
    for name in store.client.list_tables()["TableNames"]:
        table = store.client.describe_table(TableName=name)["Table"]
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
        keys = [
            (entry["AttributeName"], entry["KeyType"], types[entry["AttributeName"]]) for entry in table["KeySchema"]
        ]
        billing = table.get("BillingModeSummary", {}).get("BillingMode")
        shapes[name] = keys, billing, table.get("StreamSpecification", {}).get("StreamViewType")
    assert shapes == {
        f"{table_prefix}-events": ([("pk", "HASH", "S"), ("c", "RANGE", "N")], "PAY_PER_REQUEST", "NEW_IMAGE"),
        f"{table_prefix}-log": ([("pk", "HASH", "S"), ("n", "RANGE", "N")], "PAY_PER_REQUEST", "NEW_IMAGE"),
        f"{table_prefix}-views": ([("pk", "HASH", "S"), ("sk", "RANGE", "S")], "PAY_PER_REQUEST", None),
    }
    expiry = store.client.describe_time_to_live(TableName=f"{table_prefix}-views")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_it_waits_until_each_table_shows_itself_and_is_active() -> None:
    tables = Tables(hidden=2, slow=3)
    create(tables)
    assert sorted(tables.created) == ["orders-events", "orders-log", "orders-views"]
    assert {table["TableStatus"] for table in tables.tables.values()} == {"ACTIVE"}
    assert tables.now > 0


def test_only_what_is_missing_is_created() -> None:
    tables = existing("events")
    create(tables)
    assert tables.created == ["orders-log", "orders-views"]


def test_a_table_that_someone_else_is_creating_is_waited_for() -> None:
    class Raced(Tables):
        def call(self, operation: str, params: Any, cost: Cost, *, expecting: Any = ()) -> Any:
            if operation == "CreateTable":
                self.tables.setdefault(params["TableName"], {**params, "TableStatus": "CREATING"})
            return super().call(operation, params, cost, expecting=expecting)

    tables = Raced(slow=2)
    create(tables)
    assert tables.created == []
    assert {table["TableStatus"] for table in tables.tables.values()} == {"ACTIVE"}


def test_a_table_that_is_being_updated_serves() -> None:
    tables = existing("events", TableStatus="UPDATING")
    create(tables)
    assert tables.now == 0


def test_waiting_has_an_end() -> None:
    tables = Tables(slow=10_000)
    with pytest.raises(StoreUnavailable, match=r"the table orders-events is still CREATING after 180 seconds; run app"):
        create(tables)
    tables = Tables(hidden=10_000)
    with pytest.raises(StoreUnavailable, match="the table orders-events is still not there after 180 seconds"):
        create(tables)


WRONG: list[tuple[Callable[[], Tables], str]] = [
    (
        lambda: existing("events", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}]),
        r"the table orders-events has the key pk \(S\), and cqrsless needs pk \(S\) and c \(N\); choose another prefix",
    ),
    (
        lambda: existing(
            "views",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
        ),
        r"the table orders-views has the key pk \(S\) and sk \(N\), and cqrsless needs pk \(S\) and sk \(S\)",
    ),
    (
        lambda: existing("log", StreamSpecification={"StreamEnabled": False}),
        "the table orders-log has no stream with new images, and event handlers would never run; enable it with",
    ),
    (
        lambda: existing("log", StreamSpecification=None),
        "the table orders-log has no stream with new images",
    ),
    (
        lambda: existing("events", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}),
        "the table orders-events has no stream with new images",
    ),
    (
        lambda: existing("events", Replicas=[{"RegionName": "us-east-1"}]),
        r"the table orders-events is replicated to other regions \(a global table\), where the last writer wins",
    ),
    (
        lambda: existing("views", GlobalTableVersion="2019.11.21"),
        r"the table orders-views is replicated to other regions",
    ),
    (
        lambda: existing("views", TableStatus="DELETING"),
        "the table orders-views is being deleted; run app.create_tables",
    ),
]


@pytest.mark.parametrize(("make", "text"), WRONG)
def test_a_table_that_would_not_keep_data_safe_is_refused_before_any_is_made(
    make: Callable[[], Tables], text: str
) -> None:
    tables = make()
    with pytest.raises(CqrslessError, match=text):
        create(tables)
    assert tables.created == []


def test_old_images_beside_the_new_ones_do_no_harm() -> None:
    tables = existing("log", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    create(tables)
    assert len(tables.created) == len(KEYS) - 1
