"""W2 for the peers: event stores on DynamoDB, and what idempotency alone adds elsewhere."""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Callable
from typing import Any, Final

from .dynamodb import Bank, table


class EventsourcingDynamoDB:
    def __init__(self, *, cached: bool = False, looks: bool = True) -> None:
        """With `cached`, keep aggregates; with `looks`, its default, ask for newer events all the same."""
        import boto3
        from eventsourcing.application import Application
        from eventsourcing.domain import Aggregate, event

        name = f"es-{os.getpid()}"
        table(boto3.client("dynamodb"), name, "originator_id", "originator_version")

        class Account(Aggregate):
            @event("Opened")
            def __init__(self, owner: str) -> None:
                self.owner, self.balance = owner, 0

            @event("Deposited")
            def deposit(self, amount: int, memo: str) -> None:
                self.balance += amount

        globals()["_Account"] = self.account = Account  # found by its name when it is read back
        Account.__qualname__ = "_Account"
        settings = {"PERSISTENCE_MODULE": "eventsourcing_dynamodb", "DYNAMO_TABLE": name}
        settings |= {"AGGREGATE_CACHE_MAXSIZE": "100"} if cached else {}
        settings |= {} if looks else {"AGGREGATE_CACHE_FASTFORWARD": "n"}
        self.app = Application(env=settings)

    def open(self) -> Any:
        account = self.account("Ada")
        self.app.save(account)
        return account.id

    def deposit(self, account: Any, memo: str = "") -> None:
        loaded: Any = self.app.repository.get(account)
        loaded.deposit(5, memo)
        self.app.save(loaded)

    def conflict(self, account: Any) -> None:
        one: Any = self.app.repository.get(account)
        other: Any = self.app.repository.get(account)
        one.deposit(5, "")
        other.deposit(7, "")
        self.app.save(one)
        self.app.save(other)

    def balance(self, account: Any) -> int:
        loaded: Any = self.app.repository.get(account)
        balance: int = loaded.balance
        return balance


class Aett:
    """The package aett, or its older half aett-dynamodb, whose names stand elsewhere."""

    def __init__(self, *, snapshots: int = 0) -> None:
        from aett.domain import Aggregate
        from aett.eventstore import DomainEvent, Memento, TopicMap

        try:
            from aett.domain.default_aggregate_repository import DefaultAggregateRepository
            from aett.storage.synchronous.dynamodb.commit_store import CommitStore
            from aett.storage.synchronous.dynamodb.persistence_management import PersistenceManagement
            from aett.storage.synchronous.dynamodb.snapshot_store import SnapshotStore
        except ImportError:
            from aett.domain import DefaultAggregateRepository
            from aett.dynamodb import CommitStore, PersistenceManagement, SnapshotStore

            self.profile = _default_profile()  # which it asks for by its name

        class Opened(DomainEvent):
            owner: str

        class Deposited(DomainEvent):
            amount: int
            memo: str

        class AccountMemento(Memento[dict]):  # type: ignore[type-arg]
            payload: dict  # type: ignore[type-arg]

        class Account(Aggregate[AccountMemento]):
            def __init__(self, stream_id: str, commit_sequence: int, memento: Any = None) -> None:
                self.total = 0
                super().__init__(stream_id, commit_sequence, memento)

            def apply_memento(self, memento: AccountMemento) -> None:
                self.total = memento.payload["balance"]

            apply_memento.__annotations__["memento"] = AccountMemento  # looked at when a snapshot is read

            def get_memento(self) -> AccountMemento:
                return AccountMemento(id=self.id, version=self.version, payload={"balance": self.total})

            def _apply(self, event: Any) -> None:
                self.total = 0 if isinstance(event, Opened) else self.total + event.amount

            def record(self, made: type[Any], **fields: Any) -> None:
                now = datetime.datetime.now(datetime.timezone.utc)
                self.raise_event(made(source=self.id, timestamp=now, version=self.version + 1, **fields))

        self.account, self.opened, self.deposited = Account, Opened, Deposited
        self.snapshots, self.count = snapshots, 0
        region = os.environ["AWS_REGION"]
        PersistenceManagement(region=region).initialize()
        topics = TopicMap()
        for topic in (Opened, Deposited):
            topics.register(topic) if hasattr(topics, "register") else topics.add(topic.__name__, topic)
        self.repository = DefaultAggregateRepository(
            f"t{os.getpid()}", CommitStore(topics, region=region), SnapshotStore(region=region)
        )

    def open(self) -> str:
        account = os.urandom(16).hex()
        made: Any = self.account(account, 0)
        made.record(self.opened, owner="Ada")
        self.repository.save(made)
        return account

    def deposit(self, account: str, memo: str = "") -> None:
        loaded: Any = self.repository.get(self.account, account)
        loaded.record(self.deposited, amount=5, memo=memo)
        self.repository.save(loaded)
        self.count += 1
        if self.snapshots and self.count % self.snapshots == 0:
            self.repository.snapshot(self.account, account)

    def conflict(self, account: str) -> None:
        one: Any = self.repository.get(self.account, account)
        other: Any = self.repository.get(self.account, account)
        one.record(self.deposited, amount=5, memo="")
        other.record(self.deposited, amount=7, memo="")
        self.repository.save(one)
        self.repository.save(other)

    def balance(self, account: str) -> int:
        loaded: Any = self.repository.get(self.account, account)
        total: int = loaded.total
        return total


def _default_profile() -> Any:
    """Make a file with a profile of that name, for as long as what is given back lives."""
    file = tempfile.NamedTemporaryFile("w", suffix=".ini")  # noqa: SIM115  # closed, and so deleted, with the process
    settings = {name.lower(): os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    settings["region"] = os.environ["AWS_REGION"]
    file.write("\n".join(["[default]", *(f"{name} = {value}" for name, value in settings.items()), ""]))
    file.flush()
    os.environ["AWS_CONFIG_FILE"] = file.name
    return file


class PowertoolsIdempotency:
    """No event store: what it takes to make one function idempotent, and nothing else."""

    def __init__(self) -> None:
        import boto3
        from aws_lambda_powertools.utilities.idempotency import (
            DynamoDBPersistenceLayer,
            IdempotencyConfig,
            idempotent_function,
        )

        name = f"idempotency-{os.getpid()}"
        table(boto3.client("dynamodb"), name, "id")

        @idempotent_function(
            data_keyword_argument="command", config=IdempotencyConfig(event_key_jmespath="id"),
            persistence_store=DynamoDBPersistenceLayer(table_name=name),
        )  # fmt: skip
        def add(command: dict[str, str]) -> dict[str, bool]:
            self.total += 5
            return {"ok": True}

        self.add, self.total, self.count = add, 0, 0

    def open(self) -> str:
        return "the only one"

    def deposit(self, account: str, memo: str = "") -> None:
        self.count += 1
        self.add(command={"id": str(self.count)})

    def balance(self, account: str) -> int:
        return self.total


#: case -> (environment, how it is made)
PEERS: Final[dict[str, tuple[str, Callable[[], Bank]]]] = {
    "eventsourcing-dynamodb": ("eventsourcing-dynamodb", EventsourcingDynamoDB),
    "eventsourcing-dynamodb, cached": ("eventsourcing-dynamodb", lambda: EventsourcingDynamoDB(cached=True)),
    "eventsourcing-dynamodb, cached, without fast-forward": (
        "eventsourcing-dynamodb",
        lambda: EventsourcingDynamoDB(cached=True, looks=False),
    ),
    "aett": ("aett", Aett),
    "aett, a snapshot each 100": ("aett", lambda: Aett(snapshots=100)),
    "aett-dynamodb 2.1.0": ("aett-dynamodb", Aett),
    "Powertools idempotency alone": ("main", PowertoolsIdempotency),
}
