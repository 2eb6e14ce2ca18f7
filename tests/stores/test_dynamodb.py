"""The client behind the store, and what the store asks of it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from cqrsless.errors import AppLoadError, CqrslessError, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.store import Check, ConditionFailed, Equals, Put
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb import DynamoDBStore, make_client

ITEM = {"pk": "Order#o-1", "c": 1}


class Spy:
    """A client that notes what it is asked and gives one answer to everything."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> dict[str, Any]:
            self.asked.append((operation, params))
            return self.answer

        return call


def spying(**answer: Any) -> tuple[DynamoDBStore, Spy]:
    spy = Spy(answer)
    client: Any = spy
    return DynamoDBStore("orders", client=client), spy


# -- the client -------------------------------------------------------------------------------------------------------


def test_importing_the_store_does_not_import_boto3() -> None:
    root = str(Path(__file__).parent.parent.parent)
    program = (
        f"import sys; sys.path.insert(0, {root!r}); import cqrsless.stores.dynamodb; print('boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_botocores_own_retries_are_off_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    for session in (None, boto3.Session()):
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        retries: Any = make_client().meta.config.retries
        assert (retries["total_max_attempts"], retries["mode"]) == (1, "standard")


def test_time_outs_are_short_and_connections_kept() -> None:
    config: Any = make_client().meta.config
    assert (config.connect_timeout, config.read_timeout, config.tcp_keepalive) == (2, 5, True)
    assert config.max_pool_connections == 50


def test_a_session_that_the_user_set_up_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.Session(aws_access_key_id="mine", aws_secret_access_key="s", region_name="eu-north-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    client: Any = make_client()
    assert client.meta.region_name == "eu-north-1"
    assert client._request_signer._credentials.access_key == "mine"
    assert make_client("eu-west-3").meta.region_name == "eu-west-3"


def test_a_ready_client_is_taken_as_it_is() -> None:
    client = make_client()
    assert DynamoDBStore("orders", client=client).client is client


def test_the_endpoint_comes_from_the_url_or_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9001")
    store: Any = open_store("dynamodb://orders")
    assert store.client.meta.endpoint_url == "http://127.0.0.1:9001"
    store = open_store("dynamodb://orders?endpoint=http://127.0.0.1:9002")
    assert store.client.meta.endpoint_url == "http://127.0.0.1:9002"


def test_the_region_comes_from_the_url_or_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert make_client().meta.region_name == "eu-west-1"  # AWS_DEFAULT_REGION, which botocore itself reads
    assert make_client("eu-west-3").meta.region_name == "eu-west-3"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert make_client().meta.region_name == "eu-north-1"


def test_without_a_region_it_says_where_to_write_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(AppLoadError, match=r"no AWS region is known .* dynamodb://prefix\?region=eu-west-1"):
        open_store("dynamodb://orders")


def test_a_client_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(AppLoadError, match="no client for DynamoDB can be made: Invalid endpoint: nowhere"):
        open_store("dynamodb://orders?endpoint=nowhere")
    monkeypatch.setenv("AWS_PROFILE", "unheard-of")
    with pytest.raises(AppLoadError, match=r"no client for DynamoDB can be made: The config profile \(unheard-of\)"):
        open_store("dynamodb://orders")


def test_without_credentials_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = open_store("dynamodb://orders?endpoint=http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="there are no usable AWS credentials for DynamoDB; set AWS_PROFILE, or"):
        store.get("events", "a", 1, Cost())


def test_where_nobody_listens_the_store_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        store = DynamoDBStore("orders", endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}", patience=0.1)
        with pytest.raises(
            StoreUnavailable, match=r"DynamoDB did not do GetItem on orders-events in .* EndpointConnection"
        ):
            store.get("events", "a", 1, Cost())
        store.close()


@pytest.mark.usefixtures("moto_aws")
def test_without_tables_it_says_how_to_create_them(table_prefix: str) -> None:
    store = DynamoDBStore(table_prefix)
    for attempt in (
        lambda: store.put("events", ITEM, Cost(), condition="absent"),
        lambda: store.get("events", "a", 1, Cost()),
        lambda: store.write([Put("events", ITEM)], Cost()),
    ):
        with pytest.raises(
            StoreUnavailable, match=rf"there is no table {table_prefix}-events in this .* app\.create_tables"
        ):
            attempt()


# -- what it asks -----------------------------------------------------------------------------------------------------


def test_every_read_is_strongly_consistent_and_tells_its_units() -> None:
    store, spy = spying(Items=[], ConsumedCapacity={"CapacityUnits": 1.0})
    store.get("events", "a", 1, Cost())
    store.query("events", "a", Cost())
    store.scan("events", Cost())
    assert [operation for operation, _ in spy.asked] == ["get_item", "query", "scan"]
    for _, params in spy.asked:
        assert params["ConsistentRead"] is True
        assert params["ReturnConsumedCapacity"] == "TOTAL"


def test_a_conditional_put_asks_for_the_item_in_the_way() -> None:
    store, spy = spying()
    store.put("events", ITEM, Cost(), condition="absent")
    store.put("events", ITEM, Cost(), condition=Equals("by", "me"))
    store.put("events", ITEM, Cost())
    base = {"TableName": "orders-events", "Item": {"pk": {"S": "Order#o-1"}, "c": {"N": "1"}}}
    base |= {"ReturnConsumedCapacity": "TOTAL"}
    asks = {**base, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    assert [params for _, params in spy.asked] == [
        {**asks, "ConditionExpression": "attribute_not_exists(pk)"},
        {
            **asks,
            "ConditionExpression": "#a = :a",
            "ExpressionAttributeNames": {"#a": "by"},
            "ExpressionAttributeValues": {":a": {"S": "me"}},
        },
        base,
    ]


def test_each_transaction_has_a_token_of_its_own() -> None:
    store, spy = spying()
    for _ in range(2):
        store.write([Put("events", ITEM), Check("views", "v", "k", "absent")], Cost())
    tokens = {params["ClientRequestToken"] for _, params in spy.asked}
    assert len(tokens) == 2
    assert all(1 <= len(token) <= 36 for token in tokens)


def test_units_are_those_that_dynamodb_tells() -> None:
    store, _ = spying(Items=[], ConsumedCapacity={"CapacityUnits": 2.5})
    cost = Cost()
    store.get("events", "a", 1, cost)
    store.query("events", "a", cost)
    store.put("events", ITEM, cost)
    assert cost == Cost(requests=3, read_units=5.0, write_units=2.5)
    store, _ = spying(ConsumedCapacity=[{"CapacityUnits": 4.0}, {"CapacityUnits": 2.0}])
    cost = Cost()
    store.write([Put("events", ITEM)], cost)
    assert cost == Cost(requests=1, write_units=6.0)


def test_units_are_reckoned_where_an_engine_tells_none() -> None:
    image = {"pk": {"S": "a"}, "c": {"N": "1"}, "body": {"B": bytes(5000)}}
    store, _ = spying(Item=image, Items=[image, image])
    cost = Cost()
    store.get("events", "a", 1, cost)
    assert cost == Cost(requests=1, read_units=2)
    store.query("events", "a", cost)
    assert cost == Cost(requests=2, read_units=2 + 3)
    store.put("events", {**ITEM, "body": bytes(5000)}, cost)
    assert cost == Cost(requests=3, read_units=5, write_units=5)
    store.write([Put("events", {**ITEM, "body": bytes(5000)}), Check("views", "v", "k", "absent")], cost)
    assert cost == Cost(requests=4, read_units=5, write_units=5 + 2 * (5 + 1))


def test_more_is_what_dynamodb_says() -> None:
    store, _ = spying(Items=[], LastEvaluatedKey={"pk": {"S": "a"}, "c": {"N": "1"}})
    assert store.query("events", "a", Cost()).more
    assert store.scan("events", Cost()).more


def test_a_transaction_canceled_for_another_reason_is_told_whole() -> None:
    from botocore.exceptions import ClientError

    reasons = [{"Code": "None"}, {"Code": "ValidationError", "Message": "no"}]
    response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}

    class Refusing(Spy):
        def transact_write_items(self, **params: Any) -> Any:
            raise ClientError(response, "TransactWriteItems")

    client: Any = Refusing({})
    with pytest.raises(CqrslessError, match=r"DynamoDB canceled a transaction: .*'ValidationError'") as error:
        DynamoDBStore("orders", client=client).write([Put("events", ITEM)], Cost())
    assert not isinstance(error.value, ConditionFailed)
