"""What happened before: commits that are written the way every commit is, by no command of the application's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from ..aggregates import reading
from ..aggregates.deciding import Decision, fold_onto
from ..aggregates.executing import Execution, Executor
from ..aggregates.kind import Kind
from ..aggregates.loaded import Loaded
from ..app import App
from ..delivery.commit import Commit, Decoder
from ..dispatcher import CommandPlan, Dispatcher
from ..errors import CqrslessError, NotFound, a_type
from ..keys import aggregate_key, read_id, split_id
from ..messages import Command, Cost, Event, Message
from ..registry import DELETED
from ..registry.names import is_schema
from ..resources import Resources
from ..store import Item, SizedItem
from .whose import Said, others_of, whose

__all__ = ["NOBODY", "Aggregate", "state_of"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

#: Stands for the id of an aggregate that nothing names, such as that of an invalid command.
NOBODY: Final = "given"


class Aggregate:
    """One aggregate of an application under test, with a cache of its own: the application's stays cold."""

    def __init__(self, app: App, kind: Kind, id: str) -> None:
        self._app = app
        self._executor = Executor(app.store, app.now)
        self.kind = kind
        self.id = id

    @classmethod
    def of_command(cls, app: App, command: Command) -> Aggregate | None:
        """Find the one that a command is for, by the code that executes commands; `None` where it has none."""
        record = app.model.commands[command.name]
        if record.aggregate is None:
            return None
        plan = CommandPlan(record, Dispatcher(app.model, Executor(app.store, app.now), Resources({}, {})))
        assert plan.kind is not None
        message = Message(str(command.id), command.name, "command", command.payload, app.now())
        try:
            if plan.kind.record.new_id is not None:
                message = plan.with_id(message)
            id = read_id(plan.kind.name, plan.kind.id_field, plan.payload(message))
        except CqrslessError:
            id = NOBODY  # the command will not get as far as its aggregate, but its past is written and checked
        return cls(app, plan.kind, id)

    @classmethod
    def of_event(cls, app: App, event: Event, said: Said) -> Aggregate:
        """Find the one that records an event: the one that is named, else the one that can be told from the event."""
        kind, id = whose(app, event, said)
        return cls(app, kind, NOBODY if id is None else id)

    def live_through(self, past: Sequence[Any], *, by: str = "", snapshot: bool = False) -> None:
        """Write a past, a commit for each event or for the state. With `snapshot`, the last one bears the state.

        `by` names the command whose aggregate it is, where nothing but its payload says so.
        """
        told = sum(not isinstance(one, Command) for one in past)
        for at, what in enumerate(past, 1):
            if isinstance(what, Command):
                self._app.execute(what)
                continue
            self._check(what, told)
            self.check_id(what, by)
            self._write(what, _WithSnapshot if snapshot and at == len(past) else Execution)
        if snapshot and self.load().gap:
            raise TypeError("through_snapshot() needs a past that ends with an event or with a state")

    def record(self, event: Event, metadata: Mapping[str, Any] | None = None) -> Commit:
        """Commit an event and nothing else, whatever kind of aggregate it is of; give the commit."""
        number = self._write(event, _Alone, metadata)
        item = self._app.store.get("events", aggregate_key(self.kind.name, self.id), number, Cost())
        assert item is not None
        return Commit(item, Decoder(self._app.model.events))

    def load(self) -> Loaded:
        return reading.load(self._app.store, self.kind, aggregate_key(self.kind.name, self.id), Cost())

    def _write(self, what: Any, execution: type[Execution], metadata: Mapping[str, Any] | None = None) -> int:
        name = what.name if isinstance(what, Event) else "state"
        message = Message(
            f"given-{uuid4().hex}",
            f"given {name}",
            "command",
            {},
            self._app.now(),
            "given",
            aggregate_id=self.id,
            metadata=dict(metadata or {}),
        )
        try:
            done = execution(self._executor, self.kind, message, {}, _Past(what), "if_missing").run()
        except NotFound as error:
            raise ValueError(
                f"given() has {name} behind what deleted the {self.kind.name}: nothing happens to it after that"
            ) from error
        return done.version or 0

    def _check(self, what: Any, count: int) -> None:
        name = self.kind.name
        if self.kind.event_sourced and not isinstance(what, Event):
            raise TypeError(
                f"{name} is event-sourced: give the events that happened, as in given(Event(...)), and not "
                f"{_a(what)}; if nothing happened, given()"
            )
        if not self.kind.event_sourced and (isinstance(what, Event) or what is None or count > 1):
            raise TypeError(
                f"{name} is state-stored: give its one state, as in given({{...}}), and not "
                f"{_a(what) if count == 1 else f'{count} things'}; if it does not exist, given()"
            )
        others = others_of(self._app, what, self.kind) if isinstance(what, Event) else []
        if others:
            raise TypeError(
                f"{what.name} is no event of {name}, which does not know it, but of {' and of '.join(others)}: the "
                "past of a command is that of its own aggregate"
            )
        state = self.kind.record.state
        fits = isinstance(what, dict) if state is dict else type(what) is state or is_schema(state)
        if not self.kind.event_sourced and what is not DELETED and not fits:
            example = "{...}" if state is dict else f"{state.__name__}(...)"
            raise TypeError(
                f"the state of {name} is a {state.__name__}, and given() or racing() has {a_type(what)}: "
                f"write given({example})"
            )

    def check_id(self, what: Any, command: str) -> None:
        """Refuse what says that it is of another aggregate than the command: it would be written as this one's."""
        if not command or self.id == NOBODY:
            return
        name, fields = self.kind.name, self.kind.id_field
        payload = what.payload if isinstance(what, Event) else what
        for field, own in zip(fields, split_id(self.id, len(fields)), strict=True):
            other = payload.get(field) if isinstance(payload, Mapping) else getattr(payload, field, None)
            if isinstance(other, (str, UUID)) and str(other) != own:
                said = "the event " + what.name if isinstance(what, Event) else "a state"
                id = repr(self.id) if len(fields) == 1 else split_id(self.id, len(fields))
                raise TypeError(
                    f"the past has {said} with {field} {str(other)!r}, and {command} is for the {name} with {field} "
                    f"{own!r}: the past of a command is that of its own aggregate, so write {own!r} in both, or say "
                    f"that it is all the same, by given(..., of=({name!r}, {id}))"
                )


class _Past:
    """What a given commit holds, in the place of a handler's decision."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def payload(self, message: Message) -> Any:
        return {}

    def decide(self, message: Message, payload: Any, state: Any) -> Any:
        return self.what


class _WithSnapshot(Execution):
    def is_due(self, loaded: Loaded, size: int, full: int) -> bool:
        return True

    def with_snapshot(self, item: Item, text: str) -> SizedItem:
        full = super().with_snapshot(item, text)
        if full is None:
            raise AssertionError(f"the state of {self.kind.name} does not fit into a commit: no snapshot is made of it")
        return full


class _Alone(Execution):
    """Commits an event on whatever the state is, as what is recorded in place of a refused command is."""

    def decide(self, loaded: Loaded) -> Decision:
        assert isinstance(self.plan, _Past)
        event: Event = self.plan.what
        events = (self.kind.encode(event.name, event.payload),)
        if self.kind.event_sourced and not loaded.gone:
            return fold_onto(self.kind, loaded, events, self.message, self._time)
        return Decision(events, loaded.text, loaded.private(self.kind), gone=loaded.gone, void=not loaded.exists)


def state_of(kind: Kind, loaded: Loaded) -> Any:
    """Give a state as `then_state` compares it: `None` where nothing exists, `DELETED` where something did."""
    if not loaded.exists:
        return DELETED if loaded.gone else None
    return loaded.private(kind)


def _a(value: Any) -> str:
    return f"the event {value.name}" if isinstance(value, Event) else f"{value!r}"
