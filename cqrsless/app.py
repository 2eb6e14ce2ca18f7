"""The application: a registry and a store, and everything that can be asked of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from . import arguments, messages, tracing
from .aggregates import reading
from .aggregates.executing import Executor
from .aggregates.kind import Kind
from .aggregates.memory import CACHE_BYTES, CACHE_COUNT, Cache
from .clock import Clock
from .compiled import Compiled, is_embedded
from .dispatcher import NO_HANDLERS
from .errors import CqrslessError, NotFound, UnknownMessage
from .keys import aggregate_key, id_of
from .logs import install_last_resort, install_record_factory
from .messages import Command, CommandResult, Cost, Message, Name, Query, RecordedEvent, command_message, new_id
from .metrics import Metrics, metrics_from_environment
from .registry import DEFAULT, AggregateRecord, Model, ProcessorRecord, Registry, ViewRecord
from .settings import cache_bytes, records_commands, selected_processor, store_url
from .store import Store
from .stores import open_store
from .surroundings import reading_after

if TYPE_CHECKING:
    from .delivery.batches import Delivery
    from .delivery.letters import Letters
    from .driver import Drained
    from .publishing.published import Published

__all__ = ["App", "AsOf"]

log = logging.getLogger("cqrsless")


class AsOf(NamedTuple):
    """An aggregate's state as of one of its versions."""

    state: Any
    version: int


class App:
    """A registry's handlers on a store.

    `store` is a URL (`memory://`, `sqlite:///orders.db`, `dynamodb://orders`) or a store; by default `CQRSLESS_STORE`,
    else `memory://` (in Lambda `dynamodb://cqrsless`). `resources` gives what handlers ask for by name, in place of
    the registry's `@resource` factories. `clock` gives the time (aware, UTC).

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
        arguments.check_app(store, registry, resources, clock)
        self.registry = registry if registry is not None else DEFAULT
        store = store_url(os.environ) if store is None else store
        self.store: Store = open_store(store) if isinstance(store, str) else store
        self._given = dict(resources or {})
        self._clock = Clock(clock)
        self._cache_count = CACHE_COUNT if cache is None else cache
        self._metrics: Metrics | None = metrics_from_environment()
        self._selection = selected_processor(os.environ)
        install_record_factory()
        install_last_resort()
        tracing.configure()
        self._compiled: Compiled | None = None
        if not self.registry.empty:
            self._current()

    def on(
        self,
        store: str | Store,
        *,
        resources: Mapping[str, Any] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> App:
        """Give the same application on another store, with other resources and another clock where they are given.

        >>> App("memory://").on("memory://elsewhere").store.url
        'memory://elsewhere'
        """
        given, now = {**self._given, **(resources or {})}, clock or self._clock.now
        return App(store, registry=self.registry, resources=given, clock=now, cache=self._cache_count)

    # -- what the sources need

    @property
    def model(self) -> Model:
        """The frozen registry."""
        return self._current().dispatcher.model

    def now(self) -> datetime:
        """Give the application's time (aware, UTC)."""
        return self._clock.now()

    def dispatch(self, message: Message) -> Any:
        """Run a message: a `CommandResult` for a command, what its handler returned for a query."""
        current = self._current()
        if message.source == "scheduler":  # it may have been cancelled meanwhile
            return current.reactions.scheduling.fire(message)
        return current.dispatcher.dispatch(message)

    def receive_event(self, message: Message) -> bool:
        """Handle an external event; say whether anybody does."""
        return self._current().reactions.external.receive(message)

    def consume(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Offer delivered commits to this function's consumers; give the ids of those that have to come again."""
        return self._current().reactions.consume(deliveries)

    def wake(self, pages: Sequence[Delivery]) -> list[str]:
        """Let tracking processors read the log; give the ids of pages that have to come again."""
        try:
            ended = self._current().reactions.wake()
        except Exception:
            log.exception("the log could not be read to its end")
            ended = False
        return [] if ended else [page.id for page in pages]

    def park_given_up(self, deliveries: Sequence[Delivery], why: str) -> list[str]:
        """Park the aggregates of commits that Lambda gave up on; give the ids of those that could not be parked."""
        return self._current().reactions.park_given_up(deliveries, why)

    def answer_replay(self, name: str, run: int | None) -> dict[str, Any]:
        """Begin a replay, or go on with a run, for as long as this invocation has time; say how far each run is."""
        return self._current().reactions.replays.answer(name, run)

    # -- commands and queries

    def execute(
        self,
        command: Command | str,
        payload: Any = None,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
        due: datetime | timedelta | None = None,
        on_rejected: Name | None = None,
    ) -> CommandResult:
        """Execute a command, given whole or as name and payload; a keyword beside a whole one replaces its own.

        One that is `due` later only waits from now on, and its result is empty; one that was due earlier runs now.
        Raises `ValidationFailed`, `Rejected`, `NotFound` and the other errors of `cqrsless.errors`; an exception of
        the handler's own comes as it is.
        """
        if isinstance(command, str):
            name, payload = command, {} if payload is None else payload
        elif not isinstance(command, Command) or payload is not None:
            raise messages.not_a(Command, "app.execute", command)
        else:
            given = id, metadata, expected_version, due, on_rejected
            name, payload, id, metadata, expected_version, due, on_rejected = arguments.whole(command, given)
        if expected_version is not None:
            arguments.check_expected(name, expected_version)
        try:
            message = command_message(name, payload, self._clock.now(), id, metadata, expected_version, on_rejected)
        except AttributeError:
            arguments.check_command(name, metadata, on_rejected)
            raise
        current = self._compiled
        if current is None or current.revision != self.registry.revision:
            current = self._current()
        if due is None or name not in current.dispatcher.model.commands:  # an unknown name is told now, not when due
            result: CommandResult = current.dispatcher.dispatch(message)
            return result
        done: CommandResult | None = current.reactions.scheduling.at(message, due)
        return CommandResult() if done is None else done

    def execute_many(self, commands: Iterable[Command]) -> list[CommandResult | Exception]:
        """Execute commands one after the other; give a result or an error for each, in their order."""
        if isinstance(commands, (str, Command)) or not isinstance(commands, Iterable):
            raise messages.not_a(Command, "app.execute_many", [commands])
        outcomes: list[CommandResult | Exception] = []
        for command in commands:
            try:
                outcomes.append(self.execute(command))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    def ask(self, query: Query | str, payload: Any = None, *, after: CommandResult | None = None) -> Any:
        """Ask a query, given whole or as name and payload; give what its handler returned.

        With `after`, each view that it reads first comes to hold what that command committed, which is waited for a few
        seconds at most; then `NotCaughtUp` is raised.
        """
        if isinstance(query, str):
            query = Query(query, {} if payload is None else payload)
        elif not isinstance(query, Query) or payload is not None:
            raise messages.not_a(Query, "app.ask", query)
        identity = new_id()
        message = Message(identity, query.name, "query", query.payload, self.now(), correlation_id=identity)
        if after is None:
            return self.dispatch(message)
        from .projections.freshness import Reference

        reference = Reference.to(after)
        with reading_after(*() if reference is None else (reference,)):
            return self.dispatch_after(message)

    def dispatch_after(self, message: Message) -> Any:
        """Dispatch a query whose views wait for commits; on an embedded store, what is pending is delivered first."""
        if is_embedded(self.store):
            self.drain()
        return self.dispatch(message)

    # -- what is stored

    def load(self, aggregate: AggregateRecord | str, id: str | Sequence[str], version: int | None = None) -> AsOf:
        """Give an aggregate's state and version, now or as of a version; raise `NotFound` where it does not exist."""
        kind, pk = self._find(aggregate, id)
        arguments.check_version(version)
        loaded = reading.load(self.store, kind, pk, Cost(), version and min(version, 2**63 - 1))  # none counts further
        if version is not None and 0 < loaded.number < version:
            raise NotFound(f"{kind.name} {id} is at version {loaded.number}, so there is no {version}")
        if not loaded.exists:
            raise NotFound(loaded.absence(f"{kind.name} {id}"))
        return AsOf(loaded.private(kind), loaded.number)

    def history(self, aggregate: AggregateRecord | str, id: str | Sequence[str]) -> list[RecordedEvent]:
        """Give all events recorded of an aggregate, oldest first, brought up to date by the upcasters."""
        kind, pk = self._find(aggregate, id)
        return list(reading.history(self.store, kind, pk, Cost()))

    def create_tables(self) -> None:
        """Create whatever this store needs and lacks, and note from when its processors start."""
        self.store.create_tables()
        current = self._current()
        if current.reacts:
            current.reactions.start()
            current.reactions.note_views()

    # -- what reacts

    def receive(
        self,
        name: str,
        payload: Any = None,
        *,
        source: str,
        id: str | None = None,
        time: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """Handle an external event, as a queue or bus would bring it; say whether anybody does.

        `id` is the event's own: commands made from it are made once. An event that may be received again long after
        has a `time` (aware), too, as those from queues and buses have: its commands are then looked for since that
        time, and not only among the last ones of their aggregate.
        """
        identity = id if id is not None else new_id()
        arguments.check_received(name, time, metadata)
        message = Message(
            identity, name, "event", {} if payload is None else payload, time or self.now(), source,
            correlation_id=identity, metadata=dict(metadata or {}), sent=time,
        )  # fmt: skip
        return self.receive_event(message)

    def drain(self) -> Drained:
        """Deliver every pending event to its handlers, views and publishers, and all that follows from that.

        For embedded stores; on AWS the tables' streams do it. Say what was delivered, and what still fails.
        """
        self._embedded("drain")
        from .reacting.embedded import deliver

        current = self._current()
        return deliver(self._entrypoint, self.store, self._clock, current.reactions if current.reacts else None)

    def advance(self, delta: timedelta) -> int:
        """Move the clock on, and on the way run what is due and deliver what follows; give how many were run."""
        self._embedded("advance")
        from .reacting.embedded import advance

        scheduling: Any = self._current().reactions.scheduling
        return advance(delta, self._clock, scheduling.scheduler, scheduling, self.drain)

    def replay(self, name: str | ViewRecord | ProcessorRecord, progress: Callable[[int], None] | None = None) -> None:
        """Build a view anew, or call a processor's handlers again, for all that is stored; to the end, in this process.

        Readers see the view as it was until the new one has caught up. `progress` is told the commits so far. One
        that is killed goes on where it was, a minute later, in whatever process asks for it.
        """
        self._current().reactions.replay(name if isinstance(name, str) else name.name, progress)

    def rebuild(self, progress: Callable[[int], None] | None = None) -> None:
        """Index every commit anew, while writers run: what a log needs that missed more than a day of the stream.

        Tracking processors go on where they are; one that is to see what was missing is replayed. A rebuild that is
        killed goes on where it was.
        """
        from .log.rebuild import Rebuild

        self.store.check_origin("log")
        Rebuild(self.store, self.now).run(progress)

    def restore(self, progress: Callable[[int], None] | None = None) -> None:
        """Make log and views anew for an events table that was restored from a backup, under a prefix of its own.

        Nothing that was committed before has effects again: event handlers and publishers start from now. Call it
        before anything is fed by the new tables; one that was killed is called again, a minute later. Raises
        `CqrslessError` where the views are in use already.
        """
        from .reacting.restoring import restore

        self.create_tables()
        restore(self._current().reactions, self.now, progress)

    @property
    def letters(self) -> Letters:
        """What is parked: `list`, `retry` and `drop`, by processor or view."""
        return self._current().reactions.letters

    @property
    def published(self) -> Published:
        """The public events so far, on embedded stores, where they are kept and not sent."""
        self._embedded("published")
        return self._current().published

    # -- inside

    def _find(self, aggregate: AggregateRecord | str, id: str | Sequence[str]) -> tuple[Kind, str]:
        kind = self.kind(aggregate)
        return kind, aggregate_key(kind.name, id_of(kind.name, kind.id_field, id))

    def kind(self, aggregate: AggregateRecord | str) -> Kind:
        """Give an aggregate's type as it is compiled, for tools and tests; raise `UnknownMessage` for none of ours."""
        name = arguments.named_aggregate(aggregate)
        kinds = self._current().dispatcher.kinds
        if name not in kinds:
            known = ", ".join(map(repr, kinds)) or "none"
            raise UnknownMessage(f"no aggregate {name!r} is registered; there is {known}")
        return kinds[name]

    def _embedded(self, what: str) -> None:
        if not is_embedded(self.store):
            raise CqrslessError(
                f"app.{what} is for embedded stores, and this is {self.store.url}: there, streams and schedules deliver"
            )
        if what != "published" and not (self.model.commands or self.model.queries or self._current().reacts):
            raise UnknownMessage(f"app.{what} finds no handler in registry {self.registry.name!r}: {NO_HANDLERS}")

    def _entrypoint(self, event: Any, context: Any) -> Any:
        from .sources import handle

        return handle(event, context, self)

    @property
    def compiled(self) -> Compiled:
        """The application's parts as they now stand, for tools and tests: its dispatcher, and what reacts."""
        return self._current()

    def _current(self) -> Compiled:
        compiled = self._compiled
        if compiled is None or compiled.revision != self.registry.revision:
            model = self.registry.freeze(frozenset(self._given))
            cache = Cache(self._cache_count, cache_bytes(os.environ, CACHE_BYTES))
            records = records_commands(os.environ, self.store.url)
            compiled = Compiled(
                model,
                Executor(self.store, self._clock.now, cache=cache, records=records),
                self._given,
                self._metrics,
                now=self._clock.now,
                selection=self._selection,
            )
            if self._compiled is not None:
                compiled.take_over(self._compiled)
            self._compiled = compiled
            if compiled.reacts and is_embedded(self.store):
                compiled.reactions.start()
        return compiled
