"""W1 for the peers: the same account, opened once and deposited to a hundred times."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

from .dispatch import DEPOSITS, Run, http_run


def eventsourcing(*, cached: bool = False, looks: bool = True, snapshots: int = 0) -> Run:
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event

    class Account(Aggregate):
        @event("Opened")
        def __init__(self, owner: str) -> None:
            self.owner, self.balance = owner, 0

        @event("Deposited")
        def deposit(self, amount: int) -> None:
            self.balance += amount

    class Bank(Application[Any]):
        snapshotting_intervals = {Account: snapshots} if snapshots else {}

    settings = {"PERSISTENCE_MODULE": "eventsourcing.popo"}
    settings |= {"AGGREGATE_CACHE_MAXSIZE": "1000"} if cached else {}
    settings |= {} if looks else {"AGGREGATE_CACHE_FASTFORWARD": "n"}
    settings |= {"IS_SNAPSHOTTING_ENABLED": "y"} if snapshots else {}

    def run(accounts: int) -> None:
        app: Any = Bank(env=settings)
        for _ in range(accounts):
            account = Account("Ada")
            app.save(account)
            for _ in range(DEPOSITS):
                loaded = app.repository.get(account.id)
                loaded.deposit(5)
                app.save(loaded)
        assert app.repository.get(account.id).balance == 5 * DEPOSITS

    return run


def eventsource_py(*, snapshots: int | None = None) -> Run:
    from eventsource import (
        AggregateRepository,
        AggregateRoot,
        DomainEvent,
        InMemoryEventStore,
        InMemorySnapshotStore,
        register_event,
    )
    from pydantic import BaseModel

    logging.disable(logging.CRITICAL)

    @register_event
    class AccountOpened(DomainEvent):
        event_type: str = "AccountOpened"
        aggregate_type: str = "Account"
        owner: str

    @register_event
    class Deposited(DomainEvent):
        event_type: str = "Deposited"
        aggregate_type: str = "Account"
        amount: int

    class State(BaseModel):
        owner: str = ""
        balance: int = 0

    class Account(AggregateRoot[State]):
        aggregate_type = "Account"

        def _get_initial_state(self) -> State:
            return State()

        def _apply(self, event: Any) -> None:
            if isinstance(event, AccountOpened):
                self._state = State(owner=event.owner)
            else:
                self._state = self._state.model_copy(update={"balance": self._state.balance + event.amount})

        def record(self, made: type[Any], **fields: Any) -> None:
            self.apply_event(made(aggregate_id=self.aggregate_id, aggregate_version=self.get_next_version(), **fields))

    async def run_all(accounts: int) -> None:
        kept = InMemorySnapshotStore() if snapshots else None
        repository = AggregateRepository(
            event_store=InMemoryEventStore(), aggregate_factory=Account, aggregate_type="Account",
            snapshot_store=kept, snapshot_threshold=snapshots,
        )  # fmt: skip
        for _ in range(accounts):
            id = uuid.uuid4()
            account = repository.create_new(id)
            account.record(AccountOpened, owner="Ada")
            await repository.save(account)
            for _ in range(DEPOSITS):
                account = await repository.load(id)
                account.record(Deposited, amount=5)
                await repository.save(account)
        assert (await repository.load(id)).state.balance == 5 * DEPOSITS
        assert kept is None or kept.snapshot_count == accounts

    return lambda accounts: asyncio.run(run_all(accounts))


def protean() -> Run:
    """Its memory store is copied whole for each command, so it is emptied for each account."""
    import protean as framework
    from protean.core.aggregate import apply
    from protean.fields import Identifier, Integer, String

    logging.disable(logging.CRITICAL)
    domain = framework.Domain(name="bank")

    class Opened:
        account_id = Identifier(required=True)
        owner = String(required=True)

    class Deposited:
        account_id = Identifier(required=True)
        amount = Integer(required=True)

    Opened, Deposited = (domain.event(part_of="Account")(made) for made in (Opened, Deposited))

    class Account:
        account_id = Identifier(identifier=True)
        owner = String()
        balance = Integer(default=0)

        def opened(self, event: Any) -> None:
            self.account_id, self.owner, self.balance = event.account_id, event.owner, 0

        def deposited(self, event: Any) -> None:
            self.balance += event.amount

        opened.__annotations__["event"], deposited.__annotations__["event"] = Opened, Deposited
        opened, deposited = apply(opened), apply(deposited)

    Account = domain.aggregate(is_event_sourced=True)(Account)

    class OpenAccount:
        account_id = Identifier(identifier=True)
        owner = String(required=True, max_length=100)

    class Deposit:
        account_id = Identifier(identifier=True)
        amount = Integer(required=True, min_value=1)

    OpenAccount, Deposit = (domain.command(part_of=Account)(made) for made in (OpenAccount, Deposit))

    class Handler:
        @framework.handle(OpenAccount)
        def open(self, command: Any) -> None:
            account: Any = Account._create_new(account_id=command.account_id)
            account.raise_(Opened(account_id=command.account_id, owner=command.owner))
            domain.repository_for(Account).add(account)

        @framework.handle(Deposit)
        def deposit(self, command: Any) -> None:
            accounts = domain.repository_for(Account)
            account = accounts.get(command.account_id)
            account.raise_(Deposited(account_id=account.account_id, amount=command.amount))
            accounts.add(account)

    domain.command_handler(part_of=Account)(Handler)
    domain.config["command_processing"] = domain.config["event_processing"] = "sync"
    domain.init(traverse=False)

    def run(accounts: int) -> None:
        with domain.domain_context():
            for account in range(accounts):
                for provider in domain.providers.values():
                    provider._data_reset()
                domain.event_store.store._data_reset()
                id = f"a{account}"
                domain.process(OpenAccount(account_id=id, owner="Ada"), asynchronous=False)
                for _ in range(DEPOSITS):
                    domain.process(Deposit(account_id=id, amount=5), asynchronous=False)
            assert domain.repository_for(Account).get(id).balance == 5 * DEPOSITS

    return run


def python_cqrs() -> Run:
    import cqrs
    import di
    from cqrs.bootstrap import requests as bootstrap

    balances: dict[str, int] = {}

    @dataclasses.dataclass
    class OpenAccount(cqrs.DCRequest):
        account_id: str
        owner: str

    @dataclasses.dataclass
    class Deposit(cqrs.DCRequest):
        account_id: str
        amount: int

    class Opening(cqrs.RequestHandler[OpenAccount, None]):
        events: Any = ()

        async def handle(self, request: OpenAccount) -> None:
            balances[request.account_id] = 0

    class Depositing(cqrs.RequestHandler[Deposit, None]):
        events: Any = ()

        async def handle(self, request: Deposit) -> None:
            balances[request.account_id] += request.amount

    def bind(commands: Any) -> None:
        commands.bind(OpenAccount, Opening)
        commands.bind(Deposit, Depositing)

    mediator = bootstrap.bootstrap(di_container=di.Container(), commands_mapper=bind)

    async def run_all(accounts: int) -> None:
        for account in range(accounts):
            await mediator.send(OpenAccount(f"a{account}", "Ada"))
            for _ in range(DEPOSITS):
                await mediator.send(Deposit(f"a{account}", 5))
        assert balances["a0"] == 5 * DEPOSITS

    return lambda accounts: asyncio.run(run_all(accounts))


def powertools(*, validation: bool) -> Run:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from pydantic import BaseModel, Field

    app = APIGatewayHttpResolver(enable_validation=validation)
    balances: dict[str, int] = {}
    if validation:

        class OpenAccount(BaseModel):
            account_id: str
            owner: str = Field(min_length=1, max_length=100)

        class Deposit(BaseModel):
            account_id: str
            amount: int = Field(ge=1)

        def opened(command: Any) -> dict[str, Any]:
            balances[command.account_id] = 0
            return {"ok": True}

        def deposited(command: Any) -> dict[str, Any]:
            balances[command.account_id] += command.amount
            return {"ok": True}

        opened.__annotations__ = {"command": OpenAccount, "return": dict}
        deposited.__annotations__ = {"command": Deposit, "return": dict}
        app.post("/open")(opened)
        app.post("/deposit")(deposited)
    else:

        @app.post("/open")
        def opened_plainly() -> dict[str, Any]:
            balances[app.current_event.json_body["account_id"]] = 0
            return {"ok": True}

        @app.post("/deposit")
        def deposited_plainly() -> dict[str, Any]:
            body = app.current_event.json_body
            balances[body["account_id"]] += body["amount"]
            return {"ok": True}

    class Context:
        aws_request_id = "r"
        function_name = "f"

    return http_run(lambda event: app.resolve(event, Context), balances)


def chalice() -> Run:
    """Call an application as Lambda does, by its REST API's event; it validates nothing."""
    from chalice import Chalice

    app = Chalice(app_name="bank")
    balances: dict[str, int] = {}

    @app.route("/deposit", methods=["POST"])
    def deposit() -> dict[str, Any]:
        body = app.current_request.json_body
        balances[body["account_id"]] = balances.get(body["account_id"], 0) + body["amount"]
        return {"ok": True}

    def run(accounts: int) -> None:
        for account in range(accounts):
            place = {"httpMethod": "POST", "resourcePath": "/deposit", "path": "/deposit"}
            event = {
                "requestContext": place, "headers": {"content-type": "application/json"}, "pathParameters": {},
                "multiValueQueryStringParameters": None, "stageVariables": None, "isBase64Encoded": False,
                "body": json.dumps({"account_id": f"a{account}", "amount": 5}),
            }  # fmt: skip
            for _ in range(DEPOSITS + 1):
                assert app(dict(event), None)["statusCode"] == 200

    return run


#: group -> case -> how it is made, beside the cases of the same group in `dispatch`.
PEERS: Final[dict[str, dict[str, Callable[[], Run]]]] = {
    "dispatch, json, Schema.load": {"python-cqrs mediator (no json, no validation)": python_cqrs},
    "event-sourced, cached": {
        "eventsourcing, cached (no json, no validation)": lambda: eventsourcing(cached=True),
        "eventsourcing, cached, without fast-forward": lambda: eventsourcing(cached=True, looks=False),
    },
    "event-sourced, nothing cached": {
        "eventsourcing (no json, no validation)": eventsourcing,
        "eventsourcing, a snapshot each 10": lambda: eventsourcing(snapshots=10),
        "eventsource-py (no json, no validation)": eventsource_py,
        "eventsource-py, a snapshot each 8": lambda: eventsource_py(snapshots=8),
        "protean (no json)": protean,
    },
    "HTTP event with validation": {
        "Powertools with validation": lambda: powertools(validation=True),
        "Powertools without": lambda: powertools(validation=False),
        "chalice (no validation)": chalice,
    },
}
