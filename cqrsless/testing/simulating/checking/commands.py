"""What was accepted is in the history once, whoever sent it and however often; what was refused is not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from ....errors import CqrslessError
from ....keys import aggregate_key
from ....messages import CommandResult
from ..errands import Arrival, Errands
from ..history import History
from ..watching import Call
from ..world import World

__all__ = ["violations"]


def violations(world: World, errands: Errands, history: History) -> Iterator[str]:
    made: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    caused: Counter[tuple[str, str, str]] = Counter()
    for pk, number, head in history.heads():
        made[head["source"], head["name"], head["id"]].append(f"{pk}@{number}")
        if head["source"] in ("event", "scheduler") and "cau" in head:
            caused[head["cau"], head["name"], pk] += 1
    for (_, name, id), places in made.items():
        if len(places) > 1:
            yield f"the command {name} {id} was committed {len(places)} times: {', '.join(places)}"
    for arrival in errands.commands:
        yield from _arrival(arrival, made)
    yield from _results(world, history)
    yield from _derived(world, history, caused)
    yield from _cancelled(world, errands)
    yield from _scheduled(world)


def _arrival(arrival: Arrival, made: dict[tuple[str, str, str], list[str]]) -> Iterator[str]:
    message = arrival.message
    source = message.source if arrival.due is None else "scheduler"
    places = made.get((source, message.name, message.id), [])
    if arrival.result is not None and arrival.result.events and not places:
        yield f"{arrival} was accepted, and no commit is its"
    if arrival.result is None and arrival.refusal is not None and places and arrival.due is None:
        yield f"{arrival} was refused ({type(arrival.refusal).__name__}), and {places[0]} is its"


def _results(world: World, history: History) -> Iterator[str]:
    """A result says what stands in the history."""
    for execution in world.executions:
        result = execution.outcome
        if not isinstance(result, CommandResult) or not result.events:
            continue
        pk, number = aggregate_key(result.aggregate or "", result.aggregate_id or ""), result.version or 0
        if number not in history.commits.get(pk, {}):
            yield f"{execution.message.name} {execution.message.id} was answered with {pk}@{number}, which is not there"
            continue
        stored = [message.id for message in history.commit(pk, number).messages(_Everything())]
        if stored != [event.id for event in result.events]:
            yield f"{execution.message.name} {execution.message.id} was answered with events that {pk}@{number} has not"


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def _derived(world: World, history: History, caused: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """No event causes a command more often than its handlers asked for it."""
    wanted: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for call in world.calls:
        if call.kind == "handler":
            for name, times in Counter(getattr(one, "name", "") for one in _listed(call)).items():
                times_before = wanted[call.message.id, name, ""][call.function]
                wanted[call.message.id, name, ""][call.function] = max(times, times_before)
    total: Counter[tuple[str, str]] = Counter()
    for (cause, name, _), times in caused.items():
        total[cause, name] += times
    for (cause, name), times in total.items():
        most = sum(wanted[cause, name, ""].values())
        if times > most:
            yield f"{cause} caused {times} commits of {name}, and its handlers asked for {most}"


def _listed(call: Call) -> list[Any]:
    given: Any = call.given
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _cancelled(world: World, errands: Errands) -> Iterator[str]:
    """What was cancelled is not run by whoever comes after that."""
    for execution in world.executions:
        message = execution.message
        cancelled = world.guard.cancelled.get(message.id)
        if message.source == "scheduler" and cancelled is not None and errands.began[execution.task] > cancelled:
            yield f"{message.name} {message.id} was run after it had been cancelled"


def _scheduled(world: World) -> Iterator[str]:
    """What was scheduled is run, unless it was cancelled, or waits for a time that has not come."""
    ended = {one.message.id for one in world.executions if is_final(one.outcome)}
    waiting = {item["id"] for (pk, _), item in world.stored().items() if pk.startswith("s#") and "id" in item}
    for wire in world.guard.scheduled:
        done = {*ended, *waiting, *world.guard.cancelled, *world.guard.given_up}
        if "command" in wire and wire["id"] not in done:
            yield f"{wire['command']} {wire['id']} was scheduled, and never run"


def is_final(outcome: Any) -> bool:
    """Say whether a command came to an end by that: it was carried out, or refused."""
    return outcome is not None and (not isinstance(outcome, CqrslessError) or outcome.status in (404, 409, 412, 422))
