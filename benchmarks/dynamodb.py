"""W2: what a command asks of DynamoDB: requests and units by operation, and CPU of the client.

An account is opened and deposited to; looked at are the creation and the 10th, 100th and 1,000th deposit. Requests are
counted where they leave botocore; `ReturnConsumedCapacity` is put into each call, so that all are told alike.
Against `stub`, botocore's HTTP session answers by itself: what is left is the client's own work.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

PROBES: Final = (10, 100, 1000)
READS: Final = frozenset({"Query", "GetItem", "BatchGetItem", "TransactGetItems", "Scan"})


class Bank(Protocol):
    """What a case can do."""

    def open(self) -> Any: ...
    def deposit(self, account: Any) -> None: ...
    def balance(self, account: Any) -> int: ...


class Meter:
    """Counts what leaves botocore, of every client in this process."""

    def __init__(self) -> None:
        import botocore.client
        import botocore.endpoint

        self.requests = 0
        self.read = self.written = 0.0
        call, send = botocore.client.BaseClient._make_api_call, botocore.endpoint.Endpoint.make_request

        def calling(client: Any, name: str, params: Any) -> Any:
            shape = client.meta.service_model.operation_model(name).input_shape
            if shape and "ReturnConsumedCapacity" in shape.members:
                params = {**params, "ReturnConsumedCapacity": "TOTAL"}
            answer = call(client, name, params)
            told = answer.get("ConsumedCapacity") or []
            for one in told if isinstance(told, list) else [told]:
                units = one.get("CapacityUnits", 0.0)
                if name in READS:
                    self.read += units
                else:
                    self.written += units
            return answer

        def sending(endpoint: Any, model: Any, params: Any) -> Any:
            self.requests += 1
            return send(endpoint, model, params)

        botocore.client.BaseClient._make_api_call = calling
        botocore.endpoint.Endpoint.make_request = sending

    def taken(self) -> list[float]:
        taken = [self.requests, self.read, self.written]
        self.requests, self.read, self.written = 0, 0.0, 0.0
        return taken


def answer_in_process() -> None:
    """Let botocore's HTTP session answer every call with nothing found and everything done."""
    import botocore.awsrequest
    import botocore.httpsession

    class Raw:
        def __init__(self, body: bytes) -> None:
            self.body = body

        def stream(self, *_: Any, **__: Any) -> Any:
            yield self.body

    def send(session: Any, request: Any) -> Any:
        target = request.headers.get("X-Amz-Target", b"")
        found = target.endswith(b"Query" if isinstance(target, bytes) else "Query")
        raw = Raw(b'{"Count":0,"Items":[]}' if found else b"{}")
        headers = {"content-type": "application/x-amz-json-1.0"}
        return botocore.awsrequest.AWSResponse(request.url, 200, headers, raw)

    botocore.httpsession.URLLib3Session.send = send


def table(client: Any, name: str, hash_key: str, range_key: str | None = None) -> None:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    types = [{"AttributeName": hash_key, "AttributeType": "S"}]
    if range_key is not None:
        keys.append({"AttributeName": range_key, "KeyType": "RANGE"})
        types.append({"AttributeName": range_key, "AttributeType": "N"})
    client.create_table(TableName=name, KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")


class Bare:
    """One conditional put of a JSON event; the state is kept in this process, or in the last event."""

    def __init__(self, *, cached: bool) -> None:
        import boto3

        self.client = boto3.client("dynamodb")
        self.name = f"bare-{os.getpid()}"
        table(self.client, self.name, "pk", "sk")
        self.cache: dict[str, tuple[int, int]] | None = {} if cached else None

    def load(self, account: str) -> tuple[int, int]:
        if self.cache is not None:
            return self.cache[account]
        found = self.client.query(
            TableName=self.name, ConsistentRead=True, KeyConditionExpression="pk=:p", ScanIndexForward=False, Limit=1,
            ExpressionAttributeValues={":p": {"S": account}},
        )["Items"]  # fmt: skip
        return int(found[0]["sk"]["N"]), json.loads(found[0]["state"]["S"])["balance"]

    def append(self, account: str, version: int, event: dict[str, Any], balance: int) -> None:
        item = {"pk": {"S": account}, "sk": {"N": str(version)}, "body": {"S": json.dumps(event)}}
        if self.cache is None:
            item["state"] = {"S": json.dumps({"balance": balance})}
        self.client.put_item(TableName=self.name, Item=item, ConditionExpression="attribute_not_exists(pk)")
        if self.cache is not None:
            self.cache[account] = (version, balance)

    def open(self) -> str:
        account = os.urandom(16).hex()
        self.append(account, 1, {"type": "Opened", "owner": "Ada"}, 0)
        return account

    def deposit(self, account: str) -> None:
        version, balance = self.load(account)
        self.append(account, version + 1, {"type": "Deposited", "amount": 5}, balance + 5)

    def balance(self, account: str) -> int:
        return self.load(account)[1]


class Cqrsless:
    def __init__(self, *, cached: bool) -> None:
        from cqrsless import App

        from .dispatch import Account, Deposit, OpenAccount

        registry = bank(Account, OpenAccount, Deposit)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
        url = f"dynamodb://bank-{os.getpid()}" + (f"?endpoint={endpoint}" if endpoint else "")
        self.app = App(url, registry=registry, cache=None if cached else 0)
        if endpoint:
            self.app.create_tables()

    def open(self) -> str:
        account = os.urandom(16).hex()
        self.app.execute("OpenAccount", {"account_id": account, "owner": "Ada"})
        return account

    def deposit(self, account: str) -> None:
        self.app.execute("Deposit", {"account_id": account, "amount": 5})

    def balance(self, account: str) -> int:
        balance: int = self.app.load("Account", account).state.balance
        return balance


def bank(state: Any, opening: Any, depositing: Any) -> Any:
    from cqrsless import Event, Registry

    registry = Registry("bank")
    kind = registry.aggregate("Account", id_field="account_id", event_sourced=True, state=state)

    @registry.command_handler("OpenAccount", schema=opening, aggregate=kind, creation="always")
    def open_account(command: Any, account: Any) -> Any:
        return Event("Opened", {"owner": command["owner"]})

    @registry.command_handler("Deposit", schema=depositing, aggregate=kind)
    def deposit(command: Any, account: Any) -> Any:
        return Event("Deposited", {"amount": command["amount"]})

    @registry.evolver("Opened", aggregate=kind)
    def opened(account: Any, event: Any) -> Any:
        return state(event["owner"])

    @registry.evolver("Deposited", aggregate=kind)
    def deposited(account: Any, event: Any) -> Any:
        return state(account.owner, account.balance + event["amount"])

    return registry


CASES: Final[dict[str, tuple[str, Callable[[], Bank]]]] = {
    "bare, state cached": ("main", lambda: Bare(cached=True)),
    "bare, state in the last event": ("main", lambda: Bare(cached=False)),
    "cqrsless, warm": ("main", lambda: Cqrsless(cached=True)),
    "cqrsless, cold": ("main", lambda: Cqrsless(cached=False)),
}


def measure(make: Callable[[], Bank], top: int) -> dict[str, Any]:
    """Give requests, read and write units of the probes, and the CPU of the last 100 commands."""
    made = make()
    meter = Meter()
    account = made.open()
    found: dict[str, Any] = {"create": meter.taken()}
    cpu: list[float] = []
    for number in range(1, top + 1):
        begun = time.process_time()
        made.deposit(account)
        cpu.append((time.process_time() - begun) * 1e3)
        asked = meter.taken()
        if number in PROBES:
            found[str(number)] = asked
    found["cpu_ms"] = statistics.median(cpu[-100:])
    found["right"] = made.balance(account) == 5 * top
    return found


def client_cpu(make: Callable[[], Bank], count: int = 500) -> float:
    """Give the client's µs of CPU a command, with nobody behind the HTTP session."""
    answer_in_process()
    made = make()
    account = made.open()
    for _ in range(100):
        made.deposit(account)
    begun = time.process_time()
    for _ in range(count):
        made.deposit(account)
    return (time.process_time() - begun) / count * 1e6
