"""What a command, a query or an event is made of, checked where it is written."""

from __future__ import annotations

from collections import UserDict
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from cqrsless import Command, Event, Query, Registry

Kinds = pytest.mark.parametrize("kind", [Event, Command, Query])


@Kinds
@pytest.mark.parametrize(
    ("payload", "given"),
    [
        ("text", "a str"), (["x"], "a list"), (("x",), "a tuple"), ({"x"}, "a set"), (1, "a int"), (1.5, "a float"),
        (True, "a bool"), (b"x", "a bytes"),
    ],
)  # fmt: skip
def test_a_payload_that_is_no_object_is_refused_where_it_is_written(kind: Any, payload: Any, given: str) -> None:
    with pytest.raises(TypeError) as refused:
        kind("Ship", payload)
    name = kind.__name__
    assert str(refused.value) == (
        f"the payload of {name}('Ship', ...) is {given}: a payload is an object, as in "
        f'{name}("Ship", {{"order_id": "o-1"}})'
    )


@Kinds
def test_no_payload_is_left_out_and_not_none(kind: Any) -> None:
    assert kind("Ship").payload == {}
    with pytest.raises(TypeError, match=rf'is None: a payload is an object, as in {kind.__name__}\("Ship"\)$'):
        kind("Ship", None)


def test_an_event_type_makes_no_event_of_a_text() -> None:
    shipped = Registry("shop").event_type("Shipped")
    with pytest.raises(TypeError, match=r"the payload of Event\('Shipped', \.\.\.\) is a str"):
        shipped("o-1")


@dataclass
class Shipped:
    order_id: str


class Order(NamedTuple):
    order_id: str


@Kinds
@pytest.mark.parametrize("payload", [{}, UserDict(a=1), MappingProxyType({"a": 1}), Shipped("o-1"), Order("o-1")])
def test_whatever_a_schema_may_dump_is_a_payload(kind: Any, payload: Any) -> None:
    assert kind("Ship", payload).payload is payload
