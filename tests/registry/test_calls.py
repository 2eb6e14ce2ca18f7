"""A decorator that is called wrongly says so by its own name, with the line, what was meant and an example."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cqrsless
from cqrsless import Registry
from cqrsless.errors import RegistrationError

UNTYPED: Any = Registry("calls")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda made: made.command_handler("X", aggregat="Order"),
            "@command_handler has no option aggregat=; did you mean 'aggregate': it takes schema=, aggregate=, "
            'creation=, route=, allow=, middleware=, as in @command_handler("ShipOrder", aggregate="Order")',
        ),
        (
            lambda made: made.evolver("X", of="Order"),
            '@evolver has no option of=: it takes aggregate=, as in @evolver("OrderShipped", aggregate="Order")',
        ),
        (
            lambda made: made.query_handler("X", rute="GET /x"),
            "@query_handler has no option rute=; did you mean 'route'",
        ),
        (
            lambda made: made.event_handler("X", proc="p"),
            "@event_handler has no option proc=; did you mean 'processor'",
        ),
        (
            lambda made: made.event_type("X", vers=2),
            "event_type() has no option vers=; did you mean 'version': it takes",
        ),
        (lambda made: made.middleware(name="x"), "@middleware has no option name=: write @middleware"),
        (
            lambda made: made.aggregate("X"),
            'aggregate() needs id_field=: write aggregate("Order", id_field="order_id")',
        ),
        (lambda made: made.aggregate(id_field="x"), "aggregate() has no name: write aggregate("),
        (
            lambda made: made.aggregate("X", "x_id"),
            "aggregate() is given 'x_id' without the name of an option: it takes id_field=, event_sourced=, ",
        ),
        (lambda made: made.view("X"), 'view() needs key=: write view("OrderSummary", key="order_id")'),
        (lambda made: made.processor(), 'processor() has no name: write processor("mailer")'),
        (lambda made: made.resource(), '@resource has no name: write @resource("rates")'),
        (
            lambda made: made.evolver("X"),
            '@evolver needs aggregate=: write @evolver("OrderShipped", aggregate="Order")',
        ),
        (lambda made: made.projector("X"), "@projector needs view=: write @projector("),
        (lambda made: made.publisher("X"), "@publisher needs to=: write @publisher("),
        (lambda made: made.upcaster("X"), "@upcaster needs from_version=: write @upcaster("),
        (
            lambda made: made.state_upcaster(),
            '@state_upcaster does not say of which aggregate: write @state_upcaster("',
        ),
        (lambda made: made.state_upcaster("X", aggregate="X", from_version=1), "is given its aggregate twice"),
        (
            lambda made: made.deployment(5),
            "deployment() is given 5 without the name of an option: write deployment(memory=",
        ),
        (lambda made: type(made)(), 'Registry() has no name: write Registry("orders")'),
    ],
)
def test_a_call_that_does_not_fit_is_told_with_its_line_and_an_example(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(RegistrationError) as told:
        call(UNTYPED)
    place, _, said = str(told.value).partition(": ")
    assert place == f"tests/registry/{Path(__file__).name}:{call.__code__.co_firstlineno}"
    assert said.startswith(text) or text in said
    assert told.value.__suppress_context__ or told.value.__context__ is None


def test_a_mistake_inside_of_what_a_decorator_calls_is_raised_as_it_is() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        UNTYPED.event_type("X", was=5)


def test_a_decorator_keeps_its_signature_and_its_text() -> None:
    for name in ("command_handler", "aggregate", "projector", "deployment"):
        decorator = getattr(cqrsless, name)
        assert decorator.__name__ == name and decorator.__doc__
        assert "self" not in inspect.signature(decorator).parameters
    assert list(inspect.signature(cqrsless.evolver).parameters) == ["names", "aggregate"]
    assert list(inspect.signature(Registry).parameters) == ["name"]
