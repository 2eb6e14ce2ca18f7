"""How event handlers are called: what they get, what stands around them, and what they may return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from cqrsless import Command, Event, GiveUp, Message, Registry
from cqrsless.logs import current_message
from cqrsless.processors.handlers import idempotency_key, labels
from tests.processors.harness import Bench, registry


def handled(made: Registry, *events: Any, resources: dict[str, Any] | None = None) -> Bench:
    """Give an application whose only commit was handled, or parked with the reason."""
    bench = Bench(made, resources=resources)
    bench.container().batch(bench.commit("Order#1", *events))
    return bench


def why(bench: Bench) -> str:
    return bench.container().letters.list("default")[0].why


@pytest.fixture
def made() -> Registry:
    made = registry()
    made.processor("default", start="beginning", retries=0)
    return made


def test_a_handler_gets_the_message_the_views_and_the_resources_that_it_names(made: Registry) -> None:
    got: list[Any] = []

    @made.resource("mailbox")
    def mailbox() -> str:
        return "a mailbox"

    @made.event_handler("Placed")
    def note(event: Any, *, message: Message, views: Any, mailbox: str) -> None:
        got.extend([event, message, views, mailbox])

    bench = Bench(made)
    container = bench.container()
    container.surroundings.resources._made["views"] = "the views"  # as an application provides them
    container.batch(bench.commit("Order#1", ("Placed", {"total": 3})))
    event, message, views, box = got
    assert (event, views, box) == ({"total": 3}, "the views", "a mailbox")
    assert message == Message(
        id="Order#1@1",
        name="Placed",
        kind="event",
        payload={"total": 3},
        time=bench.time,
        source="Order",
        correlation_id=message.correlation_id,
        causation_id=message.causation_id,
        aggregate_id="1",
        version=1,
        sequence=1,
        attempt=1,
        replaying=False,
        idempotency_key=idempotency_key("Order#1@1", "default", message_label(note)),
        metadata=message.metadata,
        sent=bench.time,
    )


def message_label(fn: Callable[..., Any]) -> str:
    return labels([fn])[0]


def test_the_idempotency_key_is_the_same_for_each_attempt_and_no_other_handler_has_it(made: Registry) -> None:
    keys: list[str | None] = []
    made.processor("other", start="beginning")
    for name in ("default", "default", "other"):

        def note(event: Any, *, message: Message) -> None:
            keys.append(message.idempotency_key)

        note.__qualname__ = f"note{len(made._shelves.event_handlers.records())}"
        made.event_handler("Placed", processor=name)(note)
    bench = Bench(made)
    item = bench.commit("Order#1", "Placed", "Placed")
    bench.container().batch(item)
    assert len(set(keys)) == 6
    bench.container(run=2, replays=True).batch(item)
    assert keys[6:] == keys[:6]


def test_every_handler_gets_a_payload_of_its_own(made: Registry) -> None:
    got: list[Any] = []
    for label in ("first", "second"):

        def spoil(event: Any) -> None:
            got.append(dict(event))
            event["lines"].append("spoilt")
            event["total"] = 0

        spoil.__qualname__ = label
        made.event_handler("Placed")(spoil)
    handled(made, ("Placed", {"total": 3, "lines": []}))
    assert [one["total"] for one in got] == [3, 3]
    assert got[0]["lines"] is not got[1]["lines"]


def test_middleware_stands_around_a_handler_the_applications_outermost(made: Registry) -> None:
    said: list[str] = []

    def say(what: str) -> Callable[..., Any]:
        def around(message: Message, call_next: Callable[[Message], Any]) -> Any:
            said.append(f"{what} {message.kind} {message.name}")
            return call_next(message)

        around.__qualname__ = what
        return around

    made.middleware(say("one"))
    made.middleware(say("two"))

    @made.event_handler("Placed", middleware=[say("own")])
    def note(event: Any) -> None:
        said.append("handler")

    bench = Bench(made)
    item = bench.commit("Order#1", "Placed")
    said.clear()
    bench.container().batch(item)
    assert said == ["one event Placed", "two event Placed", "own event Placed", "handler"]


def test_a_middleware_that_raises_is_a_failure_of_the_handler(made: Registry) -> None:
    def refuse(message: Message, call_next: Any) -> Any:
        raise PermissionError("closed")

    @made.event_handler("Placed", middleware=[refuse])
    def note(event: Any) -> None:
        raise AssertionError("not reached")

    assert why(handled(made, "Placed")).startswith(
        "PermissionError: closed in refuse (tests/processors/test_handlers.py:"
    )


def test_a_middleware_may_pass_on_another_message(made: Registry) -> None:
    got: list[Any] = []

    def enrich(message: Message, call_next: Any) -> Any:
        return call_next(message.replace(payload={**message.payload, "more": 1}))

    @made.event_handler("Placed", middleware=[enrich])
    def note(event: Any, *, message: Message) -> None:
        got.append((event, message.payload))

    handled(made, "Placed")
    assert got == [({"more": 1}, {"more": 1})]


def test_a_generator_runs_to_its_end_inside_its_middleware(made: Registry) -> None:
    said: list[str] = []

    def timed(message: Message, call_next: Any) -> Any:
        given = call_next(message)
        said.append("after")
        return given

    @made.event_handler("Placed", middleware=[timed])
    def charge(event: Any) -> Iterator[Command]:
        for card in "ab":
            said.append(card)
            yield Command("ToCard", {"id": card, "events": [["Charged", {}]]})

    bench = handled(made, "Placed")
    assert said == ["a", "b", "after"]
    assert bench.events("Card#a") == bench.events("Card#b") == ["Charged"]


def test_a_generator_that_fails_half_way_carries_out_nothing(made: Registry) -> None:
    @made.event_handler("Placed")
    def charge(event: Any) -> Iterator[Command]:
        yield Command("ToCard", {"id": "a", "events": [["Charged", {}]]})
        raise ValueError("half")

    bench = handled(made, "Placed")
    assert why(bench).startswith("ValueError: half in charge (")
    assert bench.store.get("events", "Card#a", 1, bench.container().offer().cost) is None


@pytest.mark.parametrize("given", [{"a": 1}, "cancel", 7, True, [1], [Command("X"), None]])
def test_what_is_neither_a_command_nor_a_cancellation_is_refused_with_advice(made: Registry, given: Any) -> None:
    @made.event_handler("Placed")
    def note(event: Any) -> Any:
        return given

    assert "return nothing, a Command, cancel(id), or several of these" in why(handled(made, "Placed"))
    assert "InvalidReturn: event handler" in why(handled(made, "Placed"))


def test_log_lines_bear_the_events_ids_while_it_is_handled(made: Registry) -> None:
    got: list[Any] = []

    @made.event_handler("Placed")
    def note(event: Any) -> None:
        got.extend((current_message.get(), current_message.get()))

    handled(made, "Placed")
    first, again = got
    assert (first.id, first.name, first.aggregate_id) == ("Order#1@1", "Placed", "1")
    assert again is first, "what is only made when it is asked for is made once"
    assert current_message.get() is None


def test_a_handler_is_known_by_its_own_name_and_by_more_where_that_is_not_enough() -> None:
    def one() -> Callable[..., Any]:
        def inner() -> None: ...

        return inner

    first, second, third = one(), one(), one()
    third.__module__ = "elsewhere"
    path = "test_a_handler_is_known_by_its_own_name_and_by_more_where_that_is_not_enough.<locals>.one.<locals>.inner"
    assert labels([first]) == [path]
    assert labels([first, second, third]) == [
        f"{first.__module__}.{path}",
        f"{first.__module__}.{path}~2",
        f"elsewhere.{path}",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Event("Shipped"), "returned an Event: return nothing, a Command, cancel(id), or several of these"),
        ("ShipOrder", "returned a str: return nothing"),
        (GiveUp("no"), "returned a GiveUp (raise it, do not return it): return nothing"),
        ([Command("ToOrder", {}), 1], "returned an int: return nothing"),
        (
            Command("ToCrad", {}),
            "returned a Command that nothing handles: mend its name, or write its handler: "
            "no command handler is registered for 'ToCrad'; did you mean 'ToCard'",
        ),
        (
            Command("ToCard", {"id": "c"}, due=datetime(2026, 3, 1)),
            "returned a Command: due=datetime.datetime(2026, 3, 1, 0, 0) of ToCard has no time zone: write datetime(",
        ),
        (Command("ToCard", {"id": "c"}, due=30), "returned a Command: due=30 of ToCard is no time"),  # type: ignore[arg-type]
    ],
)
def test_a_certain_mistake_parks_at_once_and_is_told_once(given: Any, told: str, caplog: Any) -> None:
    made = registry()
    made.processor("default", start="beginning", retries=5)

    @made.event_handler("Placed")
    def ship(event: Any) -> Any:
        return given

    bench = handled(made, "Placed")
    (letter,) = bench.container().letters.list("default")
    assert "event handler test_a_certain_mistake_parks_at_once_and_is_told_once.<locals>.ship (tests/" in letter.why
    assert told in letter.why
    assert letter.tries == 1
    (record,) = [one for one in caplog.records if one.levelname in ("WARNING", "ERROR")]
    assert told in record.getMessage()
    assert record.exc_info is None
