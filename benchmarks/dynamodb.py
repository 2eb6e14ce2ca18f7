"""W2: what a command asks of DynamoDB: requests and units by operation, and CPU of the client.

An account is opened and deposited to; looked at are the creation and the 10th, 100th and 1,000th deposit. The
100,000th is made on a history that was written beforehand, whole, as the case itself would have written it. Requests
are counted where they leave botocore; `ReturnConsumedCapacity` is put into each call, so that all are told alike.
Against `stub`, botocore's HTTP session answers by itself: what is left is the client's own work.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
import statistics
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

PROBES: Final = (10, 100, 1000)
FAR: Final = 100_000
#: Cases whose history is written beforehand; that of cqrsless is then used warm, too.
FILLED: Final = ("bare, state in the last event", "cqrsless, cold")
READS: Final = frozenset({"Query", "GetItem", "BatchGetItem", "TransactGetItems", "Scan"})


class Bank(Protocol):
    """What a case can do."""

    def open(self) -> Any: ...
    def deposit(self, account: Any, memo: str = "") -> None: ...
    def balance(self, account: Any) -> int: ...


class Filled(Bank, Protocol):
    """A case whose history can be written beforehand."""

    client: Any

    def history(self, deposits: int) -> tuple[str, str, Iterator[dict[str, Any]]]:
        """Give an account, the table, and the items of that account."""
        ...


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
    # What follows from events is fed by the stream of their table, so each has one, as those of cqrsless do.
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"} if range_key else {"StreamEnabled": False}
    client.create_table(
        TableName=name, KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST",
        StreamSpecification=stream,
    )  # fmt: skip


class Bare:
    """One conditional put of a JSON event; the state is kept in this process, or in the last event."""

    def __init__(self, *, cached: bool) -> None:
        import boto3

        self.client = boto3.client("dynamodb")
        self.name = f"bare-{os.getpid()}"
        table(self.client, self.name, "pk", "sk")
        self.cache: dict[str, tuple[int, int]] | None = {} if cached else None

    def load(self, account: str) -> tuple[int, int]:
        if self.cache is not None and account in self.cache:
            return self.cache[account]
        found = self.client.query(
            TableName=self.name, ConsistentRead=True, KeyConditionExpression="pk=:p", ScanIndexForward=False, Limit=1,
            ExpressionAttributeValues={":p": {"S": account}},
        )["Items"]  # fmt: skip
        return int(found[0]["sk"]["N"]), json.loads(found[0]["state"]["S"])["balance"]

    def append(self, account: str, version: int, event: dict[str, Any], balance: int) -> None:
        item = self.item(account, version, event, balance)
        self.client.put_item(TableName=self.name, Item=item, ConditionExpression="attribute_not_exists(pk)")
        if self.cache is not None:
            self.cache[account] = (version, balance)

    def item(self, account: str, version: int, event: dict[str, Any], balance: int) -> dict[str, Any]:
        item = {"pk": {"S": account}, "sk": {"N": str(version)}, "body": {"S": json.dumps(event)}}
        if self.cache is None:
            item["state"] = {"S": json.dumps({"balance": balance})}
        return item

    def history(self, deposits: int) -> tuple[str, str, Iterator[dict[str, Any]]]:
        account, event = os.urandom(16).hex(), {"type": "Deposited", "amount": 5}
        if self.cache is not None:
            self.cache[account] = (deposits + 1, 5 * deposits)
        items = (self.item(account, number + 1, event, 5 * number) for number in range(deposits + 1))
        return account, self.name, items

    def open(self) -> str:
        account = os.urandom(16).hex()
        self.append(account, 1, {"type": "Opened", "owner": "Ada"}, 0)
        return account

    def deposit(self, account: str, memo: str = "") -> None:
        version, balance = self.load(account)
        event = {"type": "Deposited", "amount": 5} | ({"memo": memo} if memo else {})
        self.append(account, version + 1, event, balance + 5)

    def balance(self, account: str) -> int:
        return self.load(account)[1]

    def conflict(self, account: str) -> None:
        version, balance = self.load(account)
        self.append(account, version + 1, {"type": "Deposited", "amount": 5}, balance + 5)
        self.append(account, version + 1, {"type": "Deposited", "amount": 7}, balance + 7)


class Cqrsless:
    def __init__(self, *, cached: bool) -> None:
        from marshmallow import fields

        from cqrsless import App

        from .dispatch import Account, Deposit, OpenAccount

        class Noted(Deposit):
            memo = fields.String()

        self.registry = bank(Account, OpenAccount, Noted)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
        self.prefix = f"bank-{os.getpid()}"
        url = f"dynamodb://{self.prefix}" + (f"?endpoint={endpoint}" if endpoint else "")
        self.app = App(url, registry=self.registry, cache=None if cached else 0)
        if endpoint:
            self.app.create_tables()

    def another(self, *, cached: bool) -> Cqrsless:
        """Give another container on the same tables."""
        from cqrsless import App

        made = copy.copy(self)
        made.app = App(self.app.store, registry=self.registry, cache=None if cached else 0)
        return made

    @property
    def client(self) -> Any:
        store: Any = self.app.store
        return store.client

    def history(self, deposits: int) -> tuple[str, str, Iterator[dict[str, Any]]]:
        from cqrsless import App
        from cqrsless.stores.dynamodb_items import encode_image

        written = App("memory://", registry=self.registry)
        account = os.urandom(16).hex()
        written.execute("OpenAccount", {"account_id": account, "owner": "Ada"})
        for _ in range(deposits):
            written.execute("Deposit", {"account_id": account, "amount": 5})
        changes = written.store.changes("events", 0, deposits + 1)
        return account, f"{self.prefix}-events", (encode_image(change.item) for change in changes if change.item)

    def open(self) -> str:
        account = os.urandom(16).hex()
        self.app.execute("OpenAccount", {"account_id": account, "owner": "Ada"})
        return account

    def deposit(self, account: str, memo: str = "") -> None:
        self.app.execute("Deposit", {"account_id": account, "amount": 5} | ({"memo": memo} if memo else {}))

    def balance(self, account: str) -> int:
        balance: int = self.app.load("Account", account).state.balance
        return balance

    def conflict(self, account: str) -> None:
        """Let two containers that know the same version deposit, one after the other."""
        from cqrsless import App

        other = App(self.app.store, registry=self.registry)
        other.load("Account", account)
        self.deposit(account)
        other.execute("Deposit", {"account_id": account, "amount": 7})


def bank(state: Any, opening: Any, depositing: Any) -> Any:
    from cqrsless import Event, Registry

    registry = Registry("bank")
    kind = registry.aggregate("Account", id_field="account_id", event_sourced=True, state=state)

    @registry.command_handler("OpenAccount", schema=opening, aggregate=kind, creation="always")
    def open_account(command: Any, account: Any) -> Any:
        return Event("Opened", {"owner": command["owner"]})

    @registry.command_handler("Deposit", schema=depositing, aggregate=kind)
    def deposit(command: Any, account: Any) -> Any:
        noted = {"memo": command["memo"]} if "memo" in command else {}
        return Event("Deposited", {"amount": command["amount"], **noted})

    @registry.evolver("Opened", aggregate=kind)
    def opened(account: Any, event: Any) -> Any:
        return state(event["owner"])

    @registry.evolver("Deposited", aggregate=kind)
    def deposited(account: Any, event: Any) -> Any:
        return state(account.owner, account.balance + event["amount"])

    return registry


CASES: Final[dict[str, tuple[str, Callable[[], Filled]]]] = {
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
    last: list[list[float]] = []
    for number in range(1, top + 1):
        begun = time.process_time()
        made.deposit(account)
        cpu.append((time.process_time() - begun) * 1e3)
        last.append(meter.taken())
        if number in PROBES:
            found[str(number)] = last[-1]
    # What snapshots cost falls on some commands: the mean of a hundred is what they cost.
    found["mean"] = [statistics.mean(each) for each in zip(*last[-100:], strict=True)]
    found["cpu_ms"] = statistics.median(cpu[-100:])
    found["right"] = made.balance(account) == 5 * top
    found["stale"] = _stale(made)
    found["large"] = _large(made)
    return found


def _stale(made: Any) -> str:
    """Say what becomes of a second write on a state that is no longer the newest."""
    if not hasattr(made, "conflict"):
        return "-"
    account = made.open()
    made.deposit(account)
    try:
        made.conflict(account)
    except Exception as error:  # whatever the client calls it
        return f"refused: {type(error).__name__}"
    balance = made.balance(account)
    return "decided again, both kept" if balance == 17 else f"**accepted, one lost**: {balance}, not 17"


def _large(made: Any) -> str:
    """Say whether a stream of more than a page of 1 MB loads whole."""
    account = made.open()
    if made.balance(account):
        return "-"
    try:
        for number in range(30):
            made.deposit(account, b64encode(random.Random(number).randbytes(30_000)).decode())
        return "yes" if made.balance(account) == 150 else f"**wrong**: {made.balance(account)}, not 150"
    except Exception as error:
        return f"**fails**: {type(error).__name__}"


def measure_far(name: str, length: int) -> dict[str, Any]:
    """Write a history of so many commands less two, and give what the second from there asks for, case by case."""
    made = CASES[name][1]()
    account, table_name, items = made.history(length - 2)
    while batch := list(itertools.islice(items, 25)):
        left: Any = {table_name: [{"PutRequest": {"Item": item}} for item in batch]}
        while left:
            left = made.client.batch_write_item(RequestItems=left)["UnprocessedItems"]
    made.deposit(account)
    meter = Meter()
    found = {name: _far(made, meter, account, length)}
    if isinstance(made, Cqrsless):
        warm = made.another(cached=True)
        warm.deposit(account)  # fills its cache
        meter.taken()
        found["cqrsless, warm"] = _far(warm, meter, account, length + 102)
    return found


def _far(made: Bank, meter: Meter, account: str, number: int) -> dict[str, Any]:
    made.deposit(account)
    asked = meter.taken()
    cpu: list[float] = []
    for _ in range(100):
        begun = time.process_time()
        made.deposit(account)
        cpu.append((time.process_time() - begun) * 1e3)
    right = made.balance(account) == 5 * (number + 100)
    return {"far": asked, "far_cpu_ms": statistics.median(cpu), "far_right": right}


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
