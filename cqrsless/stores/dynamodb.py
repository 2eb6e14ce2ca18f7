"""The store on DynamoDB: the interface translated into its API, one call each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from .. import clients
from ..errors import AppLoadError, CqrslessError
from ..messages import Cost
from ..store import (
    KEYS,
    Change,
    Condition,
    ConditionFailed,
    Delete,
    Item,
    Page,
    Put,
    SortKey,
    Table,
    Write,
    item_size,
    read_units,
    total_size,
    write_units,
)
from .dynamodb_calls import PATIENCE, Calls, Refused
from .dynamodb_identity import Origins
from .dynamodb_items import decode_image, encode_image, encode_value
from .dynamodb_tables import check_tables, create_tables
from .rules import check_key, check_limit, check_query, is_empty, measure, measure_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: A table's name has at most 255 characters.
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{1,240}")
_CONDITION_FAILED: Final = "ConditionalCheckFailedException"
_CANCELED: Final = "TransactionCanceledException"


def make_client(region: str | None = None, endpoint: str | None = None) -> DynamoDBClient:
    """Make a client for this store: from boto3's default session where the user has set one up, else from botocore."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        tcp_keepalive=True,
        max_pool_connections=50,
        parameter_validation=False,  # what this module sends has the right shape by construction
        retries={"total_max_attempts": 1, "mode": "standard"},  # see dynamodb_calls
        user_agent_extra="cqrsless",
    )
    try:
        client: DynamoDBClient = clients.make_client("dynamodb", region, endpoint, config)
    except (BotoCoreError, ValueError) as error:
        if not isinstance(error, NoRegionError):
            raise AppLoadError(f"no client for DynamoDB can be made: {error}") from error
        raise AppLoadError(
            "no AWS region is known for DynamoDB; set AWS_REGION, or write it into the store's URL: "
            "dynamodb://prefix?region=eu-west-1"
        ) from error
    return client


class DynamoDBStore:
    """A store in three tables that share a prefix.

    Its client is made with it and kept: in Lambda that is the init phase, and connections are reused from then on.
    `patience` is how many seconds a call is retried before it is `StoreUnavailable`. A ready `client` should have
    its own retries switched off.
    """

    def __init__(
        self,
        prefix: str,
        *,
        client: DynamoDBClient | None = None,
        region: str | None = None,
        endpoint: str | None = None,
        patience: float = PATIENCE,
        url: str | None = None,
    ) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise AppLoadError(
                f"{prefix!r} cannot begin the name of a DynamoDB table; a prefix has 1 to 240 characters out of "
                "A-Z a-z 0-9 _ . -"
            )
        self.prefix = prefix
        self.url = url or f"dynamodb://{prefix}"
        self._names: Mapping[Table, str] = {table: f"{prefix}-{table}" for table in KEYS}
        self.client = client if client is not None else make_client(region, endpoint)
        self._calls = Calls(self.client, patience)
        self._origins = Origins(self._calls, prefix, self)

    def get(self, table: Table, pk: str, sk: SortKey, cost: Cost) -> Item | None:
        check_key(table, pk, sk)
        response = self._calls.call("GetItem", {**self._reading(table), "Key": _key(table, pk, sk)}, cost)
        item = decode_image(response["Item"]) if "Item" in response else None
        cost.read_units += _units(response, read_units(item_size(item) if item else 0))
        return item

    def query(
        self,
        table: Table,
        pk: str,
        cost: Cost,
        *,
        first: SortKey | None = None,
        last: SortKey | None = None,
        after: SortKey | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Page:
        check_query(table, pk, first, last, after, limit)
        if is_empty(first, last, after, descending):
            return Page([], False)
        params = self._reading(table)
        pk_name, sk_name = KEYS[table]
        if after is not None and _is_inside(first, last, after):  # DynamoDB refuses to start outside the range
            params["ExclusiveStartKey"] = _key(table, pk, after)
        condition = f"{pk_name} = :pk"
        values: dict[str, Any] = {":pk": {"S": pk}}
        if first is not None and last is not None:
            condition += f" AND {sk_name} BETWEEN :first AND :last"
        elif first is not None:
            condition += f" AND {sk_name} >= :first"
        elif last is not None:
            condition += f" AND {sk_name} <= :last"
        for name, value in ((":first", first), (":last", last)):
            if value is not None:
                values[name] = encode_value(value)
        params["KeyConditionExpression"] = condition
        params["ExpressionAttributeValues"] = values
        if descending:
            params["ScanIndexForward"] = False
        return self._page("Query", params, limit, cost)

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        _, _, size = measure(table, item)
        params = {
            "TableName": self._names[table],
            "Item": encode_image(item),
            "ReturnConsumedCapacity": "TOTAL",
            **_condition(table, condition),
        }
        try:
            response = self._calls.call("PutItem", params, cost, expecting=(_CONDITION_FAILED,))
        except Refused as refused:
            old = decode_image(refused.response["Item"]) if "Item" in refused.response else None
            cost.write_units += write_units(item_size(old) if old else 0)
            raise ConditionFailed(old) from None
        cost.write_units += _units(response, write_units(size))

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        sizes = measure_all(writes)
        params = {
            "TransactItems": [self._action(write) for write in writes],
            "ReturnConsumedCapacity": "TOTAL",
            "ClientRequestToken": uuid4().hex,  # one for all attempts: DynamoDB applies them once
        }
        estimate = 2 * sum(write_units(size) for size in sizes)
        before = cost.requests
        try:
            response = self._calls.call("TransactWriteItems", params, cost, expecting=(_CANCELED,))
        except Refused as refused:
            cost.write_units += estimate
            for index, reason in enumerate(refused.response.get("CancellationReasons", ())):
                if reason.get("Code") == "ConditionalCheckFailed":
                    old = decode_image(reason["Item"]) if reason.get("Item") else None
                    raise ConditionFailed(old, index) from None
            raise CqrslessError(f"DynamoDB canceled a transaction: {refused.response}") from refused
        repeated = cost.requests - before > 1  # a repeat of an applied transaction is billed, and told, as a read
        cost.write_units += estimate if repeated else _units(response, estimate)

    def scan(
        self, table: Table, cost: Cost, *, after: tuple[str, SortKey] | None = None, limit: int | None = None
    ) -> Page:
        check_limit(limit)
        params = self._reading(table)
        if after is not None:
            check_key(table, *after)
            params["ExclusiveStartKey"] = _key(table, *after)
        return self._page("Scan", params, limit, cost)

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        raise CqrslessError(
            f"{self.url} has no change feed to read here: on DynamoDB the tables' streams deliver what was written"
        )

    def create_tables(self) -> None:
        create_tables(self._calls, self.prefix)
        self._origins = Origins(self._calls, self.prefix, self)
        self._origins.mark("log")
        self._origins.mark("views")

    def check_origin(self, table: Table) -> None:
        self._origins.check(table)

    def check_tables(self) -> dict[str, str]:
        """Say of each table what is wrong with it, by its name, and change nothing; an empty text where nothing is."""
        problems = check_tables(self._calls, self.prefix)
        if any(problems.values()):
            return problems
        return problems | Origins(self._calls, self.prefix, self).problems()

    def close(self) -> None:
        self.client.close()

    def _reading(self, table: Table) -> dict[str, Any]:
        return {"TableName": self._names[table], "ConsistentRead": True, "ReturnConsumedCapacity": "TOTAL"}

    def _page(self, operation: str, params: dict[str, Any], limit: int | None, cost: Cost) -> Page:
        if limit is not None:
            params["Limit"] = limit
        response = self._calls.call(operation, params, cost)
        items = [decode_image(image) for image in response["Items"]]
        told = _told_units(response)
        cost.read_units += told if told is not None else read_units(total_size(items))
        return Page(items, bool(response.get("LastEvaluatedKey")))

    def _action(self, write: Write) -> dict[str, Any]:
        condition = _condition(write.table, write.condition)
        name = self._names[write.table]
        if isinstance(write, Put):
            return {"Put": {"TableName": name, "Item": encode_image(write.item), **condition}}
        key = _key(write.table, write.pk, write.sk)
        kind = "Delete" if isinstance(write, Delete) else "ConditionCheck"
        return {kind: {"TableName": name, "Key": key, **condition}}


def open_dynamodb(rest: str, forms: str) -> DynamoDBStore:
    """Open `dynamodb://` + rest: a prefix, and after a question mark `endpoint` and `region`."""
    from urllib.parse import parse_qsl

    prefix, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"endpoint", "region"})
    if unknown or not prefix:
        what = f"the option {unknown[0]!r}" if unknown else "no prefix"
        raise AppLoadError(f"the store's URL 'dynamodb://{rest}' has {what}; the forms are {forms}")
    return DynamoDBStore(
        prefix, region=options.get("region"), endpoint=options.get("endpoint"), url=f"dynamodb://{rest}"
    )


def _key(table: Table, pk: str, sk: SortKey) -> dict[str, Any]:
    pk_name, sk_name = KEYS[table]
    return {pk_name: {"S": pk}, sk_name: encode_value(sk)}


def _condition(table: Table, condition: Condition) -> dict[str, Any]:
    if condition is None:
        return {}
    params: dict[str, Any] = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if condition == "absent":
        params["ConditionExpression"] = f"attribute_not_exists({KEYS[table][0]})"
    else:
        params["ConditionExpression"] = "#a = :a"
        params["ExpressionAttributeNames"] = {"#a": condition.attribute}
        params["ExpressionAttributeValues"] = {":a": encode_value(condition.value)}
    return params


def _is_inside(first: Any, last: Any, after: Any) -> bool:
    return (first is None or after >= first) and (last is None or after <= last)


def _told_units(response: Mapping[str, Any]) -> float | None:
    told = response.get("ConsumedCapacity")
    if not told:
        return None
    if isinstance(told, Mapping):
        told = [told]
    return float(sum(entry["CapacityUnits"] for entry in told))


def _units(response: Mapping[str, Any], estimate: int) -> float:
    told = _told_units(response)
    return told if told is not None else estimate
