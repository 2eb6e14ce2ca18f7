"""The application: a registry and a store, and everything that can be asked of them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from .aggregates import reading
from .aggregates.executing import Executor
from .aggregates.kind import Kind
from .aggregates.memory import Cache
from .dispatcher import Dispatcher
from .errors import MalformedMessage, NotFound, UnknownMessage
from .keys import aggregate_key, id_of
from .logs import install_record_factory
from .messages import Command, CommandResult, Cost, Message, Query, RecordedEvent
from .metrics import Metrics, metrics_from_environment
from .registry import DEFAULT, AggregateRecord, Model, Registry
from .resources import Resources
from .store import Store
from .stores import open_store

__all__ = ["App", "AsOf"]


class AsOf(NamedTuple):
    """An aggregate's state as of one of its versions."""

    state: Any
    version: int


class App:
    """A registry's handlers on a store.

    `store` is a URL (`memory://`, `sqlite:///orders.db`, `dynamodb://orders`) or a store; by default
    `CQRSLESS_STORE`, else `memory://`. `resources` gives what handlers ask for by name, in place of the registry's
    `@resource` factories. `clock` gives the time (aware, UTC).

    >>> from cqrsless import Event, Registry
    >>> shop = Registry("shop")
    >>> Order = shop.aggregate("Order", id_field="order_id")
    >>> @shop.command_handler("CreateOrder", aggregate=Order, creation="always")
    ... def create_order(command, order):
    ...     return {"status": "placed"}, Event("OrderCreated", dict(command))
    >>> app = App(store="memory://", registry=shop)
    >>> app.execute("CreateOrder", {"order_id": "o-1"}, id="c-1").version
    1
    >>> app.load(Order, "o-1")
    AsOf(state={'status': 'placed'}, version=1)
    """

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        registry: Registry | None = None,
        resources: Mapping[str, Any] | None = None,
        clock: Callable[[], datetime] | None = None,
        cache: int | None = None,
    ) -> None:
        self.registry = registry if registry is not None else DEFAULT
        if store is None:
            store = os.environ.get("CQRSLESS_STORE") or "memory://"
        self.store: Store = open_store(store) if isinstance(store, str) else store
        self._given = dict(resources or {})
        self._clock = clock or _utc_now
        self._cache_count = cache
        self._metrics: Metrics | None = metrics_from_environment()
        install_record_factory()
        self._dispatcher: Dispatcher | None = None
        if not self.registry.empty:
            self._dispatcher = self._compile()

    # -- what the sources need

    @property
    def model(self) -> Model:
        """The frozen registry."""
        return self._current().model

    def now(self) -> datetime:
        return self._clock()

    def dispatch(self, message: Message) -> Any:
        """Run a message: a `CommandResult` for a command, what its handler returned for a query."""
        return self._current().dispatch(message)

    # -- commands and queries

    def execute(
        self,
        command: Command | str,
        payload: Any = None,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
        on_rejected: str | None = None,
    ) -> CommandResult:
        """Execute a command, given whole or as name and payload.

        Raises `ValidationFailed`, `Rejected`, `NotFound` and the other errors of `cqrsless.errors`; an exception of
        the handler's own comes as it is.
        """
        if isinstance(command, str):
            command = Command(
                command, {} if payload is None else payload, id, metadata or {}, expected_version, None, on_rejected
            )
        result: CommandResult = self.dispatch(self._message(command))
        return result

    def execute_many(self, commands: Iterable[Command]) -> list[CommandResult | Exception]:
        """Execute commands one after the other; give a result or an error for each, in their order."""
        outcomes: list[CommandResult | Exception] = []
        for command in commands:
            try:
                outcomes.append(self.execute(command))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    def ask(self, query: Query | str, payload: Any = None) -> Any:
        """Ask a query, given whole or as name and payload; give what its handler returned."""
        if isinstance(query, str):
            query = Query(query, {} if payload is None else payload)
        identity = uuid.uuid4().hex
        return self.dispatch(
            Message(identity, query.name, "query", query.payload, self._clock(), correlation_id=identity)
        )

    # -- what is stored

    def load(self, aggregate: AggregateRecord | str, id: str | Sequence[str], version: int | None = None) -> AsOf:
        """Give an aggregate's state and version, now or as of a version; raise `NotFound` where it does not exist."""
        kind, pk = self._find(aggregate, id)
        if version is not None and version < 1:
            raise ValueError(f"versions start at 1, so there is none of number {version}")
        loaded = reading.load(self.store, kind, pk, Cost(), version)
        if version is not None and 0 < loaded.number < version:
            raise NotFound(f"{kind.name} {id} has {loaded.number} versions, so none of number {version}")
        if not loaded.exists:
            raise NotFound(f"{kind.name} {id} was deleted" if loaded.gone else f"there is no {kind.name} {id}")
        return AsOf(loaded.private(kind), loaded.number)

    def history(self, aggregate: AggregateRecord | str, id: str | Sequence[str]) -> list[RecordedEvent]:
        """Give all events recorded of an aggregate, oldest first, brought up to date by the upcasters."""
        kind, pk = self._find(aggregate, id)
        return list(reading.history(self.store, kind, pk, Cost()))

    def create_tables(self) -> None:
        """Create whatever this store needs and lacks."""
        self.store.create_tables()

    # -- inside

    def _find(self, aggregate: AggregateRecord | str, id: str | Sequence[str]) -> tuple[Kind, str]:
        name = aggregate if isinstance(aggregate, str) else aggregate.name
        kinds = self._current().kinds
        if name not in kinds:
            raise UnknownMessage(
                f"no aggregate {name!r} is registered; there is {', '.join(map(repr, kinds)) or 'none'}"
            )
        kind = kinds[name]
        return kind, aggregate_key(name, id_of(name, kind.id_field, id))

    def _message(self, command: Command) -> Message:
        identity = command.id if command.id is not None else uuid.uuid4().hex
        if not isinstance(identity, str) or not identity:
            raise MalformedMessage(f"the id of {command.name} is {identity!r}: a command's id is a non-empty string")
        metadata = command.metadata
        return Message(
            identity,
            command.name,
            "command",
            command.payload,
            self._clock(),
            correlation_id=str(metadata.get("correlation_id") or identity),
            causation_id=str(metadata["causation_id"]) if metadata.get("causation_id") else None,
            metadata={k: v for k, v in metadata.items() if k not in ("correlation_id", "causation_id")}
            if metadata
            else metadata,
            expected_version=command.expected_version,
            on_rejected=command.on_rejected,
        )

    def _current(self) -> Dispatcher:
        dispatcher = self._dispatcher
        if dispatcher is None or dispatcher.model.revision != self.registry.revision:
            dispatcher = self._dispatcher = self._compile()
        return dispatcher

    def _compile(self) -> Dispatcher:
        model = self.registry.freeze(frozenset(self._given))
        cache = Cache() if self._cache_count is None else Cache(self._cache_count)
        executor = Executor(self.store, self._clock, cache=cache)
        return Dispatcher(model, executor, Resources(model.resources, self._given), self._metrics)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
