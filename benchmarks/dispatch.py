"""W1: dispatch in memory. One account is opened and gets 100 deposits; what one command takes, in µs of CPU.

A message comes as JSON text. The bounds are plain Python: look-up, `json`, `Schema.load`, and where events are kept, a
version check and JSON events. Cases of one group do the same work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import Schema, fields, validate

DEPOSITS: Final = 100
Run = Callable[[int], None]


class OpenAccount(Schema):
    account_id = fields.String(required=True)
    owner = fields.String(required=True, validate=validate.Length(min=1, max=100))


class Deposit(Schema):
    account_id = fields.String(required=True)
    amount = fields.Integer(required=True, validate=validate.Range(min=1))


def texts(account: int) -> Iterator[str]:
    yield json.dumps({"type": "OpenAccount", "data": {"account_id": f"a{account}", "owner": "Ada"}})
    deposit = json.dumps({"type": "Deposit", "data": {"account_id": f"a{account}", "amount": 5}})
    for _ in range(DEPOSITS):
        yield deposit


def request(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give an HTTP API's event, payload format 2.0."""
    http = {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"}
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "x"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "x", "domainPrefix": "x", "http": http, "requestId": "r",
            "routeKey": f"POST {path}", "stage": "$default", "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }  # fmt: skip


# -- the bounds


def bare(keeps: str) -> Run:
    """Do it in plain Python; `keeps` is the state alone, the state with its events, or the events alone."""
    loads = {"OpenAccount": OpenAccount().load, "Deposit": Deposit().load}

    def run(accounts: int) -> None:
        streams: dict[str, list[str]] = {}
        cache: dict[str, tuple[dict[str, Any], int]] = {}

        def apply(state: dict[str, Any], event: dict[str, Any]) -> None:
            if event["type"] == "Opened":
                state["owner"], state["balance"] = event["owner"], 0
            else:
                state["balance"] += event["amount"]

        def load(account_id: str) -> tuple[dict[str, Any], int]:
            if keeps != "events":
                return cache.get(account_id) or ({}, 0)
            state: dict[str, Any] = {}
            stream = streams.get(account_id, [])
            for text in stream:
                apply(state, json.loads(text))
            return state, len(stream)

        def append(account_id: str, state: dict[str, Any], version: int, event: dict[str, Any]) -> None:
            if keeps != "state":
                stream = streams.setdefault(account_id, [])
                if len(stream) != version:
                    raise RuntimeError("conflict")
                stream.append(json.dumps(event))
            if keeps != "events":
                cache[account_id] = (state, version + 1)

        def open_account(command: dict[str, Any]) -> None:
            state, version = load(command["account_id"])
            if version:
                raise ValueError("exists")
            event = {"type": "Opened", "owner": command["owner"]}
            apply(state, event)
            append(command["account_id"], state, version, event)

        def deposit(command: dict[str, Any]) -> None:
            state, version = load(command["account_id"])
            event = {"type": "Deposited", "amount": command["amount"]}
            apply(state, event)
            append(command["account_id"], state, version, event)

        handlers = {"OpenAccount": open_account, "Deposit": deposit}
        for account in range(accounts):
            for text in texts(account):
                message = json.loads(text)
                handlers[message["type"]](loads[message["type"]](message["data"]))
        assert load("a0")[0]["balance"] == 5 * DEPOSITS

    return run


def bare_http() -> Run:
    balances: dict[str, int] = {}

    def opened(command: dict[str, Any]) -> dict[str, Any]:
        balances[command["account_id"]] = 0
        return {"ok": True}

    def deposited(command: dict[str, Any]) -> dict[str, Any]:
        balances[command["account_id"]] += command["amount"]
        return {"ok": True}

    routes = {("POST", "/open"): (OpenAccount().load, opened), ("POST", "/deposit"): (Deposit().load, deposited)}

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        load, handler = routes[event["requestContext"]["http"]["method"], event["rawPath"]]
        body = json.dumps(handler(load(json.loads(event["body"]))))
        headers = {"Content-Type": "application/json"}
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": False}

    return http_run(answer, balances)


def http_run(answer: Callable[[dict[str, Any]], dict[str, Any]], balances: dict[str, int]) -> Run:
    def run(accounts: int) -> None:
        for account in range(accounts):
            opened = answer(request("/open", {"account_id": f"a{account}", "owner": "Ada"}))
            event = request("/deposit", {"account_id": f"a{account}", "amount": 5})
            for _ in range(DEPOSITS):
                done = answer(dict(event))
            assert opened["statusCode"] == done["statusCode"] == 200
        assert balances["a0"] == 5 * DEPOSITS

    return run


# -- cqrsless


@dataclass(frozen=True)
class Account:
    owner: str = ""
    balance: int = 0


def cqrsless_plain(*, http: bool = False) -> Run:
    from cqrsless import App, Registry
    from cqrsless.sources import handle

    registry = Registry("bank")
    balances: dict[str, int] = {}

    @registry.command_handler("OpenAccount", schema=OpenAccount, route="POST /open" if http else None)
    def open_account(command: Any) -> Any:
        balances[command["account_id"]] = 0
        return {"ok": True}

    @registry.command_handler("Deposit", schema=Deposit, route="POST /deposit" if http else None)
    def deposit(command: Any) -> Any:
        balances[command["account_id"]] += command["amount"]
        return {"ok": True}

    app = App("memory://", registry=registry)
    if http:
        return http_run(lambda event: handle(event, None, app), balances)
    return _commands(lambda: app, lambda _: balances["a0"])


def cqrsless_aggregate(state: Any = Account, *, event_sourced: bool = True, cache: int | None = None) -> Run:
    from cqrsless import App, Event, Registry

    registry = Registry("bank")
    kind = registry.aggregate("Account", id_field="account_id", event_sourced=event_sourced, state=state)

    @registry.command_handler("OpenAccount", schema=OpenAccount, aggregate=kind, creation="always")
    def open_account(command: Any, account: Any) -> Any:
        event = Event("Opened", {"owner": command["owner"]})
        return event if event_sourced else ({"owner": command["owner"], "balance": 0}, event)

    @registry.command_handler("Deposit", schema=Deposit, aggregate=kind)
    def deposit(command: Any, account: Any) -> Any:
        event = Event("Deposited", {"amount": command["amount"]})
        return event if event_sourced else ({**account, "balance": account["balance"] + command["amount"]}, event)

    if event_sourced:

        @registry.evolver("Opened", aggregate=kind)
        def opened(account: Any, event: Any) -> Any:
            return Account(event["owner"]) if state is Account else {"owner": event["owner"], "balance": 0}

        @registry.evolver("Deposited", aggregate=kind)
        def deposited(account: Any, event: Any) -> Any:
            if state is Account:
                return Account(account.owner, account.balance + event["amount"])
            account["balance"] += event["amount"]
            return account

    def balance(app: Any) -> Any:
        now = app.load("Account", "a0").state
        return now.balance if state is Account else now["balance"]

    return _commands(lambda: App("memory://", registry=registry, cache=cache), balance)


def _commands(make: Callable[[], Any], balance: Callable[[Any], Any]) -> Run:
    def run(accounts: int) -> None:
        app = make()
        for account in range(accounts):
            for text in texts(account):
                message = json.loads(text)
                app.execute(message["type"], message["data"])
        assert balance(app) == 5 * DEPOSITS

    return run


def cqrsless_replay() -> Run:
    """Fold 101 commits from their events alone, as after a raised `state_version`, where no snapshot can be used."""
    from cqrsless import App, Event, Registry

    def make(version: int, store: Any) -> Any:
        registry = Registry(f"bank{version}")
        kind = registry.aggregate(
            "Account", id_field="account_id", event_sourced=True, state=Account, state_version=version
        )

        @registry.command_handler("Deposit", schema=Deposit, aggregate=kind, creation="if_missing")
        def deposit(command: Any, account: Any) -> Any:
            return Event("Deposited", {"amount": command["amount"]})

        @registry.evolver("Deposited", aggregate=kind)
        def deposited(account: Any, event: Any) -> Any:
            return Account(account.owner, account.balance + event["amount"])

        return App(store, registry=registry)

    before = make(1, "memory://")
    for _ in range(DEPOSITS + 1):
        before.execute("Deposit", {"account_id": "a0", "amount": 5})
    after = make(2, before.store)

    def run(accounts: int) -> None:
        for _ in range(accounts):
            assert after.load("Account", "a0").state.balance == 5 * (DEPOSITS + 1)

    return run


def bare_replay() -> Run:
    stream = [json.dumps({"type": "Deposited", "amount": 5}) for _ in range(DEPOSITS + 1)]

    def run(accounts: int) -> None:
        for _ in range(accounts):
            balance = 0
            for text in stream:
                event = json.loads(text)
                if event["type"] == "Deposited":
                    balance += event["amount"]
            assert balance == 5 * (DEPOSITS + 1)

    return run


#: group -> case -> how it is made; the first case of a group is its bound.
GROUPS: Final[dict[str, dict[str, Callable[[], Run]]]] = {
    "dispatch, json, Schema.load": {
        "bare": lambda: bare("state"),
        "cqrsless": cqrsless_plain,
    },
    "event-sourced, cached": {
        "bare": lambda: bare("both"),
        "cqrsless, frozen dataclass": cqrsless_aggregate,
        "cqrsless, dict": lambda: cqrsless_aggregate(dict),
        "cqrsless, state-stored dict": lambda: cqrsless_aggregate(dict, event_sourced=False),
    },
    "event-sourced, nothing cached": {
        "bare (replays all)": lambda: bare("events"),
        "cqrsless": lambda: cqrsless_aggregate(cache=0),
    },
    "an event folded, of 101, no snapshot": {"bare": bare_replay, "cqrsless": cqrsless_replay},
    "HTTP event with validation": {"bare": bare_http, "cqrsless": lambda: cqrsless_plain(http=True)},
}
