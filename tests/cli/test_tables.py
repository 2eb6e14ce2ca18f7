from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "eu-west-1")):
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("dynamodb", "eu-west-1")


def test_an_embedded_store_has_its_tables(project: Any) -> None:
    assert [row["ok"] for row in project.json("tables", "check")] == [True, True, True]


def test_tables_are_missing_then_created_then_fit(project: Any, aws: Any) -> None:
    store = ("--store", "dynamodb://shop")
    missing = project.run("tables", "check", *store)
    assert missing.exit_code == 1
    assert missing.stdout.count("it does not exist") == 3
    assert "cqrsless tables create makes what is missing" in missing.stderr
    project.ok("tables", "create", *store)
    assert aws.list_tables()["TableNames"] == ["shop-events", "shop-log", "shop-views"]
    assert project.ok("tables", "check", *store).count("ok") == 3


def test_a_check_changes_nothing_and_names_what_is_wrong(project: Any, aws: Any) -> None:
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    aws.create_table(
        TableName="shop-log", KeySchema=key, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
    )
    result = project.run("tables", "check", "--store", "dynamodb://shop", "--json")
    assert result.exit_code == 1
    assert "shop-log has the key id (S), and cqrsless needs pk (S) and n (N)" in result.stdout
    assert aws.list_tables()["TableNames"] == ["shop-log"]


def test_commands_work_on_dynamodb_and_say_that_streams_deliver(project: Any, aws: Any) -> None:
    store = ("--store", "dynamodb://shop")
    project.ok("tables", "create", *store)
    result = project.run("send", "CreateOrder", '{"order_id": "o-1", "total": 1}', *store)
    assert result.exit_code == 0
    assert "the tables' streams bring this to views and processors" in result.stderr


def test_every_command_that_reads_works_on_dynamodb(project: Any, aws: Any) -> None:
    store = ("--store", "dynamodb://shop")
    project.ok("tables", "create", *store)
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": 1}', *store)
    project.ok("send", "ShipOrder", '{"order_id": "o-1"}', *store)
    assert [row["version"] for row in project.json("events", "Order", "o-1", *store)] == [1, 2]
    assert project.json("show", "Order", "o-1", "--at", "1", *store)["state"]["status"] == "placed"
    told = project.json("why", "Order", "o-1", "2", *store)
    assert (told["effects_searched"], [change["path"] for change in told["state"]]) == (False, ["status"])
    assert project.json("why", "Order", "o-1", "2", "--effects", *store)["effects_searched"] is True
    assert "2 same" in project.ok("diff", "Order", "o-1", *store)
    assert [row["behind"] for row in project.json("processors", *store)] == [None, None]
    assert project.json("replay", "OrderSummary", *store)["commits"] == 2
    assert project.json("ask", "GetOrder", '{"order_id": "o-1"}', *store)["status"] == "shipped"
    assert project.json("letters", "list", *store) == []
