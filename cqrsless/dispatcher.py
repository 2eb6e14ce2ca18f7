"""From a message to its handler: middleware, validation, permission, injection, execution.

Everything that can be worked out before a message arrives is: a `Dispatcher` is compiled from a frozen model, and a
message then takes one look-up and a few calls.
"""

from __future__ import annotations

import logging
import time as clock
from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from . import codec, schemas, tracing
from .aggregates.executing import Execution, Executor
from .aggregates.kind import Kind
from .errors import (
    CqrslessError,
    Forbidden,
    InvalidReturn,
    MalformedMessage,
    SerializationFailed,
    Unauthenticated,
    UnknownEvent,
    UnknownMessage,
    returned,
)
from .keys import read_id
from .logs import current_message
from .messages import Command, CommandResult, Cost, Event, Message
from .metrics import Executed, Metrics
from .registry import near_or_all
from .registry.places import unwrapped
from .resources import Resources
from .surroundings import Step, Surroundings

if TYPE_CHECKING:
    from .registry import CommandRecord, Model, QueryRecord

log = logging.getLogger("cqrsless")
#: Mistakes of a handler's code that are told without its traceback, so that they have to say where it is.
_MISTAKES: Final = (InvalidReturn, SerializationFailed, UnknownEvent)
#: What to do about an application that has no functions at all.
NO_HANDLERS: Final = (
    "import the modules whose functions it has, or load what CQRSLESS_APP or pyproject.toml names: "
    "app = cqrsless.application()"
)


class Dispatcher:
    """Runs the commands and queries of one frozen model."""

    def __init__(self, model: Model, executor: Executor, resources: Resources, metrics: Metrics | None = None) -> None:
        self.model = model
        self.executor = executor
        self.metrics = metrics
        self.surroundings = Surroundings(model.middleware, resources)
        self.kinds = {name: Kind(aggregate, model.events) for name, aggregate in model.aggregates.items()}
        self._steps: dict[tuple[str, str], Step] = {}
        #: The commands whose payloads come to their handlers as they were sent.
        self._direct: dict[str, CommandPlan] = {}
        for command in model.commands.values():
            plan = CommandPlan(command, self)
            if not model.middleware and not command.middleware:
                self._direct[command.name] = plan
            self._steps["command", command.name] = self.surroundings.around(command.middleware, plan.run)
        for query in model.queries.values():
            self._steps["query", query.name] = self.surroundings.around(query.middleware, Plan(query, self).run)

    def dispatch(self, message: Message) -> Any:
        """Run a command or a query: a `CommandResult`, or what the query handler returned."""
        step = self._steps.get((message.kind, message.name))
        if step is None:
            raise UnknownMessage(self._unknown(message))
        token = current_message.set(message)
        try:
            result = tracing.dispatching(message, step) if tracing.on() else step(message)
        finally:
            current_message.reset(token)
        if message.kind == "command" and not isinstance(result, CommandResult):
            what = "nothing" if result is None else f"a {type(result).__name__}"
            raise InvalidReturn(
                f"a middleware around {message.name} returned {what} in place of the command's result: "
                "return what call_next(message) gives"
            )
        return result

    def check(self, message: Message) -> None:
        """Raise what a command that is to run later would be refused for by its payload alone.

        A middleware may still make another payload of it, so that one behind a middleware is told when it runs.
        """
        plan = self._direct.get(message.name)
        if plan is not None:
            plan.check(message)

    def _unknown(self, message: Message) -> str:
        commands, queries = list(self.model.commands), list(self.model.queries)
        known, other, what, ways = (
            (queries, commands, "a command", ("app.execute", "cqrsless send"))
            if message.kind == "query"
            else (commands, queries, "a query", ("app.ask", "cqrsless ask"))
        )
        name = message.name if len(message.name) <= 100 else f"{message.name[:100]}…"
        text = f"no {message.kind} handler is registered for {name!r}"
        if not commands and not queries:
            return f"{text}, nor any other in registry {self.model.name!r}: {NO_HANDLERS}"
        if message.name in other:
            return f"{text}: it is {what}, for {' or '.join(ways)}"
        what = self._what(message.name)
        return f"{text}: it is {what}" if what else text + near_or_all(message.name, known)

    def _what(self, name: str) -> str:
        """Say what else of the application has a name that no message has."""
        model = self.model
        if name in model.views:
            return "a view, which query handlers read"
        if name in model.aggregates:
            return "an aggregate, which commands change"
        return "an event, which command handlers return" if name in model.event_names() else ""


class Plan:
    """How one query runs, and what a command's run has in common with it."""

    def __init__(self, record: CommandRecord | QueryRecord, dispatcher: Dispatcher) -> None:
        self.record = record
        self.dispatcher = dispatcher
        self.schema = None if record.schema is None else schemas.instance(record.schema)
        self.validated = None if self.schema is None else schemas.loader(self.schema, record.name)
        self.copies = self.schema is not None and schemas.passes_on(self.schema)

    def run(self, message: Message) -> Any:
        payload = self.admit(message)
        return self.call(message, payload)

    def call(self, message: Message, payload: Any) -> Any:
        record = self.record
        if not record.inject:
            return record.fn(payload)
        seen = message.replace(payload=payload)
        return record.fn(payload, **self.dispatcher.surroundings.injected(record.inject, seen))

    def admit(self, message: Message) -> Any:
        """Validate the payload and ask for permission; give the payload as the handler sees it."""
        if self.record.allow is None:
            return self.payload(message)
        asks = message.source == "http"
        if asks and message.actor is None and not message.claims:
            raise Unauthenticated(f"{message.name} is not for everybody: say who you are")
        payload = self.payload(message)
        if asks:
            self.permit(message.replace(payload=payload))
        return payload

    def payload(self, message: Message) -> Any:
        """Give the payload as the handler sees it: validated, and nobody else's."""
        if self.validated is not None:
            return self.validated(deepcopy(message.payload) if self.copies else message.payload)
        if not isinstance(message.payload, dict):
            raise MalformedMessage(f"the payload of {message.name} is an object, not {_a(message.payload)}")
        return codec.encode(message.payload, f"the payload of {message.name}")[1]

    def permit(self, message: Message) -> None:
        assert self.record.allow is not None
        try:
            allowed = self.record.allow(message)
        except Exception:
            log.exception("the allow= of %s raised: taken as a no", message.name)
            allowed = False
        if not allowed:
            raise Forbidden(f"{message.actor or 'who asks'} may not do {message.name}")


class CommandPlan(Plan):
    """How one command runs."""

    def __init__(self, record: CommandRecord, dispatcher: Dispatcher) -> None:
        super().__init__(record, dispatcher)
        self.command = record
        self.kind: Kind | None = None if record.aggregate is None else dispatcher.kinds[record.aggregate]
        #: Where a missing id is filled in (the last part of a composite one): before the payload is validated, unless
        #: its schema does not know the field.
        self.id_field = "" if self.kind is None else self.kind.id_field[-1]
        self.fills_id = self.schema is None or schemas.has_field(self.schema, self.id_field)
        #: What admits a payload where it need only be validated.
        self.direct = self.validated if record.allow is None and self.fills_id and not self.copies else None

    def run(self, message: Message) -> CommandResult:
        """Execute the command."""
        if self.dispatcher.metrics is not None or log.isEnabledFor(logging.DEBUG):
            return self.accounted(message, self.dispatcher.metrics)
        if self.kind is None:
            return self.value(message)
        execution = self.execution(self.kind, message)
        try:
            return execution.run()
        except _MISTAKES as mistake:
            self.place(mistake)
            raise

    def place(self, mistake: CqrslessError) -> None:
        """Say where the handler is that made a mistake; one of the sender's has been told before it was called."""
        fn, place = unwrapped(self.record.fn), self.record.place
        mistake.args = (f"{mistake} (in {getattr(fn, '__name__', type(fn).__name__)}, {place})",)

    def accounted(self, message: Message, metrics: Metrics | None) -> CommandResult:
        """Execute the command, and tell log and metrics of it."""
        begun = clock.perf_counter()
        execution: Execution | None = None
        outcome, duplicate = "failed", False
        try:
            if self.kind is None:
                result = self.value(message)
            else:
                execution = self.execution(self.kind, message)
                result = execution.run()
            outcome, duplicate = "done", result.duplicate
            log.debug("%s done: version %s, %d events", message.name, result.version, len(result.events))
            return result
        except CqrslessError as error:
            outcome = "refused" if error.status < 500 else "failed"
            if execution is not None and isinstance(error, _MISTAKES):
                self.place(error)
            raise
        finally:
            if metrics is not None:
                took = (clock.perf_counter() - begun) * 1000
                cost, conflicts = (execution.cost, execution.conflicts) if execution else (Cost(), 0)
                metrics.command(
                    Executed(message.name, self.command.aggregate, took, cost, duplicate, conflicts, outcome)
                )

    def value(self, message: Message) -> CommandResult:
        """Call the handler of a command without an aggregate."""
        value = self.call(message, self.admit(message))
        if isinstance(value, (Exception, Command, Event)):
            advice = ""
            if isinstance(value, Event):
                advice = ": only a handler with aggregate= records what it returns; this one's answer is for its caller"
            elif isinstance(value, Command):
                advice = ": only an event handler's commands are carried out; this one's answer is for its caller"
            mistake = InvalidReturn(f"the handler of {message.name} returned {returned(value)}{advice}")
            self.place(mistake)
            raise mistake
        return CommandResult(value=value)

    def execution(self, kind: Kind, message: Message) -> Execution:
        """Admit a command on an aggregate, and make ready what executes it."""
        if kind.record.new_id is not None:
            message = self.with_id(message)
        payload = self.admit(message) if self.direct is None else self.direct(message.payload)
        message = message.of(read_id(kind.name, kind.id_field, payload))
        current_message.set(message)  # logs say of which aggregate; `dispatch` takes it back
        return Execution(self.dispatcher.executor, kind, message, payload, self, self.command.creation)

    def check(self, message: Message) -> None:
        """Raise what the payload would be refused for, and run nothing."""
        if self.kind is not None and self.kind.record.new_id is not None:
            message = self.with_id(message)
        payload = self.payload(message)
        if self.kind is not None:
            read_id(self.kind.name, self.kind.id_field, payload)

    def payload(self, message: Message) -> Any:
        payload = super().payload(message)
        if message.aggregate_id is not None and not self.fills_id:
            return {**payload, self.id_field: message.aggregate_id}
        return payload

    def decide(self, message: Message, payload: Any, state: Any) -> Any:
        """Call the handler of a command on an aggregate."""
        record = self.command
        if not record.inject:
            return record.fn(payload, state)
        seen = message.replace(payload=payload)
        return record.fn(payload, state, **self.dispatcher.surroundings.injected(record.inject, seen))

    def with_id(self, message: Message) -> Message:
        """Fill a missing id, so that the same command always means the same aggregate."""
        assert self.kind is not None and self.kind.record.new_id is not None
        field, payload = self.id_field, message.payload
        if not isinstance(payload, Mapping) or payload.get(field) is not None:
            return message
        made = self.kind.record.new_id(message)
        if self.fills_id:
            return message.replace(payload={**payload, field: made}, aggregate_id=made)
        return message.replace(aggregate_id=made)


def _a(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
