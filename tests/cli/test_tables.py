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
    assert "its streams bring this to views and processors" in result.stderr
