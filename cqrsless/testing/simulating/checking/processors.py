"""Handlers see each aggregate's events in order, none missing, and again only where the promise allows that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....errors import NotFound
from ....messages import name_of
from ....registry import Cancel, ProcessorRecord
from ..dropping import Dropped
from ..errands import Errands
from ..guard import Move
from ..history import History, mark_at
from ..watching import Call
from ..world import World
from .commands import is_final

__all__ = ["left_behind", "violations"]


def violations(
    world: World, errands: Errands, history: History, waiting: Mapping[str, set[str]], dropped: Dropped
) -> Iterator[str]:
    for processor in _processors(world, errands, history, waiting, dropped):
        yield from processor.violations()
    replays = {
        function: record.replay
        for function, record in zip(world.registry.handlers, world.model.event_handlers, strict=True)
        if record.source is None
    }
    live = {(call.task, call.message.id) for call in world.calls if not call.replaying}
    muted = {(call.task, call.message.id) for call in world.calls if call.replaying} - live
    for execution in world.executions:
        message = execution.message
        if message.source == "event" and (execution.task, message.causation_id) in muted:
            yield f"{message.name} was run for {message.causation_id}, which was only handled in a replay"
    yield from _keys(world)
    for call in world.calls:
        if call.replaying and not replays.get(call.function, call.kind == "projector"):
            yield f"{call.function} was called in a replay with {call.message.id}"


def _keys(world: World) -> Iterator[str]:
    """What a handler does outside has one key for each event, whenever it is called, and no other has it."""
    keys: dict[tuple[str, str], str | None] = {}
    owners: dict[str | None, tuple[str, str]] = {}
    for call in world.calls:
        if call.kind == "handler" and call.message.idempotency_key is not None:  # it asks for its message
            key, one = call.message.idempotency_key, (call.function, call.message.id)
            if keys.setdefault(one, key) != key or owners.setdefault(key, one) != one:
                yield f"{call.function} was called with {call.message.id} under the key {key}: each has one of its own"


def left_behind(
    world: World, errands: Errands, history: History, waiting: Mapping[str, set[str]], dropped: Dropped
) -> Iterator[str]:
    """Say what no handler has come to an end with, but for the aggregates that wait."""
    for processor in _processors(world, errands, history, waiting, dropped):
        yield from processor.left_behind()


def _processors(
    world: World, errands: Errands, history: History, waiting: Mapping[str, set[str]], dropped: Dropped
) -> Iterator[_Processor]:
    names: dict[str, list[str]] = defaultdict(list)
    for function, record in zip(world.registry.handlers, world.model.event_handlers, strict=True):
        if record.source is None:
            names[record.processor].append(function)
    for one in world.model.processors.values():
        if names[one.name]:
            yield _Processor(world, errands, history, one, names[one.name], waiting.get(one.name, set()), dropped)


class _Processor:
    """The live run of one processor."""

    def __init__(
        self,
        world: World,
        errands: Errands,
        history: History,
        record: ProcessorRecord,
        functions: Sequence[str],
        waiting: set[str],
        dropped: Dropped,
    ) -> None:
        self.world, self.errands, self.history, self.record = world, errands, history, record
        self.functions = functions
        self.waiting = waiting
        self.dropped = dropped
        self.names = {
            function: history.stored(one.names)
            for function, one in zip(world.registry.handlers, world.model.event_handlers, strict=True)
            if function in functions
        }
        self.stored_names = frozenset[str]().union(*self.names.values())
        control = world.guard.controls.get(record.name, {})
        since = 0 if record.start == "beginning" else int(control.get("since", 0))
        self.since = max(since, int(control.get("muted", 0)))
        self.moves = {pk: some for (run, pk), some in history.processor_moves(record.name).items() if run == 1}
        self.calls: dict[str, list[Call]] = defaultdict(list)
        for call in world.calls:
            if call.function in self.names and not call.replaying:
                self.calls[call.key].append(call)

    def violations(self) -> Iterator[str]:
        for pk in self.history.commits:
            yield from self._handled(pk)
            if self.record.ordered:
                yield from self._marks(pk)
                yield from self._order(pk)
            yield from self._start(pk)
        yield from self._effects()

    def left_behind(self) -> Iterator[str]:
        for pk in self.history.commits:
            yield from self._handled(pk)

    def _handled(self, pk: str) -> Iterator[str]:
        """None is missing: every handler has come to an end with every event that it asked for."""
        for function, names in self.names.items():
            ended = {
                call.message.version for call in self.calls[pk] if call.function == function and call.ended is not None
            }
            for number in self.history.relevant(pk, names, since=self.since):
                if (
                    number not in ended
                    and pk not in self.waiting
                    and (self.record.name, pk, number) not in self.dropped
                ):
                    yield f"{function} was never called with {pk}@{number} to its end"

    def _marks(self, pk: str) -> Iterator[str]:
        """A place moves on only past what its worker has handled."""
        for move in self.moves.get(pk, ()):
            passed = self.history.relevant(
                pk, self.stored_names, since=self.since if move.before == 0 else 0, behind=move.before, to=move.after
            )
            before = move.entry.before or {}
            expected = [] if "parked" in before and "parked" not in (move.entry.after or {}) else [move.after]
            missed = [number for number in passed if number not in expected]
            if missed:
                yield f"{self.record.name} went from commit {move.before} of {pk} to {move.after}, past {missed}"
            for number in expected:
                if id(move) not in self.dropped.moves:
                    yield from self._was_handled(pk, number, move)

    def _was_handled(self, pk: str, number: int, move: Move) -> Iterator[str]:
        names = self.history.commits[pk][number].get("names", {})
        for function, handled in self.names.items():
            if not handled.isdisjoint(names) and not any(
                call.function == function
                and call.message.version == number
                and call.who == move.entry.who
                and call.ended is not None
                and call.ended <= move.entry.at
                for call in self.calls[pk]
            ):
                yield f"{self.record.name} moved to {pk}@{number} without having called {function} with it"

    def _order(self, pk: str) -> Iterator[str]:
        """A call finds all earlier commits done, and its own not, unless another worker was just at it."""
        moves = self.moves.get(pk, [])
        for call in self.calls[pk]:
            number = call.message.version or 0
            mark = mark_at(moves, call.began)
            earlier = self.history.relevant(pk, self.stored_names, since=self.since, to=number - 1)
            if earlier and mark < earlier[-1]:
                yield f"{call.function} was called with {pk}@{number} when {self.record.name} had come to commit {mark}"
            if mark >= number and mark_at(moves, self.errands.began[call.task]) >= number:
                yield f"{call.function} was called again with {pk}@{number}, long after that was done"

    def _start(self, pk: str) -> Iterator[str]:
        for call in self.calls[pk]:
            if self.history.commits[pk][call.message.version or 0]["time"] < self.since:
                yield f"{call.function} was called with {call.message.id}, from before {self.record.name} started"

    def _effects(self) -> Iterator[str]:
        """What a handler returned was carried out: run to its end, or scheduled, or cancelled."""
        carried_out: set[tuple[str | None, str, str | None]] = set()
        for execution in self.world.executions:
            message = execution.message
            is_missing = message.source == "event" and isinstance(execution.outcome, NotFound)
            if is_final(execution.outcome) and not is_missing:
                carried_out.add((message.causation_id, message.name, message.on_rejected))
        for wire in self.world.guard.scheduled:
            carried_out.add((wire.get("causation_id"), wire.get("command", ""), wire.get("on_rejected")))
        for calls in self.calls.values():
            for call in calls:
                is_dropped = (self.record.name, call.key, call.message.version or 0) in self.dropped
                if call.ended is None or call.key in self.waiting or is_dropped:
                    continue
                for effect in _effects_of(call):
                    if isinstance(effect, Cancel):
                        if effect.id not in self.world.guard.cancelled:
                            yield f"{call.function} cancelled {effect.id} for {call.message.id}, and it was not"
                        continue
                    if effect.id in self.world.guard.cancelled:
                        continue
                    on_rejected = None if effect.on_rejected is None else name_of(effect.on_rejected)
                    if (call.message.id, effect.name, on_rejected) not in carried_out:
                        more = "" if on_rejected is None else f", with on_rejected={on_rejected!r},"
                        asked = f"{effect.name}{more} for {call.message.id}"
                        yield f"{call.function} asked for {asked}, which was never run"


def _effects_of(call: Call) -> list[Any]:
    given: Any = call.given
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]
