"""One small domain, a box that numbers are put into, as each kind of aggregate.

`stored` keeps its state, a dict; `sourced` folds it, a dict; `frozen` folds a frozen dataclass, which is shared and
not copied. They take the same commands and give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from cqrsless import DELETED, App, Event, Registry, Rejected
from cqrsless.aggregates.executing import Executor
from cqrsless.registry import AggregateRecord
from cqrsless.store import Store

KindOfBox = Literal["stored", "sourced", "frozen"]
KINDS: tuple[KindOfBox, ...] = ("stored", "sourced", "frozen")


@dataclass(frozen=True)
class Frozen:
    total: int = 0
    numbers: tuple[int, ...] = ()
    ballast: str = ""


def numbers(state: Any) -> list[int]:
    """Give what was put into a box, in order, whichever way it is kept."""
    return list(state.numbers if isinstance(state, Frozen) else state["numbers"])


def put_in(state: Any, number: int) -> Any:
    if isinstance(state, Frozen):
        return replace(state, total=state.total + number, numbers=(*state.numbers, number))
    state["total"] += number
    state["numbers"].append(number)
    return state


class Failure(Exception):
    """A bug in a handler."""


def box(
    kind: KindOfBox,
    *,
    state_version: int = 1,
    snapshot_every: int = 8,
    ballast: int = 0,
    seen: Callable[[str, Any, Any], None] = lambda name, command, state: None,
) -> Registry:
    """Make the registry of a box; `seen` is told what each handler is given, `ballast` makes a snapshot cost that."""
    registry = Registry("boxes")
    sourced = kind != "stored"
    Box = registry.aggregate(
        "Box",
        id_field="id",
        event_sourced=sourced,
        state=Frozen if kind == "frozen" else None,
        state_version=state_version,
        snapshot_every=snapshot_every,
    )

    def empty() -> Any:
        return {"total": 0, "numbers": [], **({"ballast": "x" * ballast} if ballast else {})}

    def answer(state: Any, *events: Event, deleted: bool = False) -> Any:
        """Give what a handler of this kind returns, having put the numbers of its events into the state."""
        if sourced:
            return list(events)
        state = state if state is not None else empty()
        for event in events:
            if event.name in ("Opened", "Put"):
                put_in(state, event.payload["n"])
        return DELETED if deleted else state, list(events)

    def handles(name: str, creation: Any = "never") -> Callable[[Any], Any]:
        def decorate(fn: Any) -> Any:
            def handle(command: Any, state: Any) -> Any:
                seen(name, command, state)
                return fn(command, state)

            registry.command_handler(name, aggregate=Box, creation=creation)(handle)
            return fn

        return decorate

    @handles("Open", "always")
    def open_(command: Any, state: Any) -> Any:
        return answer(state, Event("Opened", {"n": command.get("n", 0)}))

    @handles("Ensure", "if_missing")
    @handles("Put")
    def put(command: Any, state: Any) -> Any:
        return answer(state, Event("Put", {k: v for k, v in command.items() if k != "id"}))

    @handles("PutMany")
    def put_many(command: Any, state: Any) -> Any:
        return answer(state, *(Event("Put", {"n": n}) for n in command["ns"]))

    @handles("PutBelow", "if_missing")
    def put_below(command: Any, state: Any) -> Any:
        """Put a number into a box that has fewer than so many."""
        count = len(numbers(state or empty()))
        if count >= command["most"]:
            raise Rejected(f"there are {count} already")
        return answer(state, Event("Put", {"n": command["n"]}))

    @handles("Note", "if_missing")
    def note(command: Any, state: Any) -> Any:
        return answer(state, Event(command["as"], {"text": command.get("text", "")}))

    @handles("Refuse", "if_missing")
    def refuse(command: Any, state: Any) -> Any:
        raise Rejected("the box says no")

    @handles("Leave", "if_missing")
    def leave(command: Any, state: Any) -> Any:
        return [] if sourced else (state if state is not None else empty())

    @handles("Break", "if_missing")
    def break_(command: Any, state: Any) -> Any:
        """Change everything in place, and fail."""
        command["n"] = "broken"
        if isinstance(state, dict):
            state.setdefault("numbers", []).append("broken")
            state.clear()
        raise Failure("a bug in the handler")

    @handles("Swap")
    def swap(command: Any, state: Any) -> Any:
        """Put a number in; change nothing if it is there already."""
        if command["n"] in numbers(state):
            return [] if sourced else state
        return answer(state, Event("Put", {"n": command["n"]}))

    @handles("Close")
    def close(command: Any, state: Any) -> Any:
        return answer(state, Event("Closed", {}), deleted=True)

    for name in NOTES:
        registry.event_type(name)
    for version in range(1, state_version if not sourced else 1):

        @registry.state_upcaster(Box, from_version=version)
        def bring_up(state: Any) -> Any:
            return {**state, "upcast": state.get("upcast", 0) + 1}

    if sourced:

        @registry.evolver("Opened", "Put", aggregate=Box)
        def put_evolved(state: Any, event: Any) -> Any:
            if isinstance(state, Frozen):
                return put_in(replace(state, ballast="x" * ballast), event["n"])
            return put_in(state or empty(), event["n"])

        @registry.evolver("Closed", aggregate=Box)
        def closed(state: Any, event: Any) -> Any:
            return DELETED

    return registry


#: Events that change no state.
NOTES = ("Noted", "Refused", *(f"Noted{n}" for n in range(40)))


def box_aggregate(app: App) -> AggregateRecord:
    return app.model.aggregates["Box"].record


def opened(kind: KindOfBox, store: Store | str = "memory://", **options: Any) -> App:
    """Make an application with an open box, `b`, in its cache."""
    app = App(store, registry=box(kind, **options))
    app.execute("Open", {"id": "b"}, id="open")
    return app


def executor_of(app: App) -> Executor:
    """Give what an application executes its commands with: its cache, its turns, its settings."""
    return app._current().dispatcher.executor
