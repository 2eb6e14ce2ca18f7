"""Dataclasses to plain values and back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Optional
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrsless import codec
from cqrsless.errors import RegistrationError, SerializationFailed
from cqrsless.states import StateCodec, state_codec
from cqrsless.structure import converter


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Grade(Enum):
    A = Decimal("1.5")


Sku = NewType("Sku", str)


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: Literal["EUR", "USD"] = "EUR"


@dataclass(frozen=True)
class Line:
    sku: Sku
    price: Money
    colour: Colour | None = None


@dataclass
class Order:
    lines: list[Line] = field(default_factory=list)
    by_colour: dict[Colour, int] = field(default_factory=dict)
    by_number: dict[int, Line] = field(default_factory=dict)
    by_id: Mapping[UUID, Colour] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    colours: frozenset[Colour] = frozenset()
    pair: tuple[Colour, int] = (Colour.RED, 0)
    many: tuple[Money, ...] = ()
    several: Sequence[Money] = ()
    grade: Grade = Grade.A
    picked: Literal[Colour.RED, "none"] = "none"
    at: datetime | None = None
    day: date | None = None
    hour: time | None = None
    lasts: timedelta | None = None
    key: Annotated[bytes, "any"] = b""
    anything: Any = None
    bare: tuple = ()  # type: ignore[type-arg]  # as users write it
    parent: Optional[Order] = None  # noqa: UP045  # as users write it


CODEC = state_codec(Order, "Order")
MONEY = st.builds(Money, st.decimals(allow_nan=False), st.sampled_from(["EUR", "USD"]))
COLOURS = st.sampled_from(Colour)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
LINES = st.builds(Line, TEXT.map(Sku), MONEY, st.none() | COLOURS)


def orders(parent: st.SearchStrategy[Any]) -> st.SearchStrategy[Order]:
    return st.builds(
        Order,
        lines=st.lists(LINES, max_size=2),
        by_colour=st.dictionaries(COLOURS, st.integers(), max_size=2),
        by_number=st.dictionaries(st.integers(), LINES, max_size=2),
        by_id=st.dictionaries(st.uuids(), COLOURS, max_size=2),
        seen=st.sets(TEXT, max_size=3),
        colours=st.frozensets(COLOURS),
        pair=st.tuples(COLOURS, st.integers()),
        many=st.lists(MONEY, max_size=2).map(tuple),
        several=st.lists(MONEY, max_size=2),
        picked=st.sampled_from([Colour.RED, "none"]),
        at=st.none() | st.datetimes(timezones=st.just(timezone.utc)),
        day=st.none() | st.dates(),
        hour=st.none() | st.times(),
        lasts=st.none() | st.timedeltas(),
        key=st.binary(max_size=4),
        anything=st.recursive(st.none() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2)),
        bare=st.tuples(st.integers(), TEXT),
        parent=parent,
    )


@given(orders(st.none() | orders(st.none())))
def test_a_state_comes_back_as_it_went_in(order: Order) -> None:
    text, read = CODEC.encode(order)
    assert read == order
    assert CODEC.read(codec.decode(text)) == order


def test_a_set_is_stored_in_one_order_in_every_process() -> None:
    text, _ = CODEC.encode(Order(seen={"b", "a", "c"}))
    assert '"seen":["a","b","c"]' in text


@pytest.mark.parametrize(
    ("changes", "path", "why"),
    [
        ({"lines": [Line(Sku("a"), Money(Decimal(1))), 5]}, "lines[1]", "expected Line, found int"),
        ({"lines": [Line(Sku("a"), Money(object()))]}, "lines[0].price.amount", "type object cannot be stored"),  # type: ignore[arg-type]
        ({"lines": [Line(Sku("a"), Money(Decimal(1)), "red")]}, "lines[0].colour", "expected Colour, found 'red'"),  # type: ignore[arg-type]
        ({"grade": "A"}, "grade", "expected Grade, found 'A'"),
        ({"pair": (Colour.RED,)}, "pair", "expected 2 values, found 1"),
        ({"parent": Order(grade=None)}, "parent.grade", "expected Grade, found None"),  # type: ignore[arg-type]
        ({"anything": {1, 2}}, "anything", "type set cannot be stored"),
        ({"anything": [Colour.RED, object()]}, "anything[1]", "type object cannot be stored"),
        ({"lines": 5}, "lines", "not iterable"),
    ],
)
def test_what_does_not_fit_names_its_path(changes: dict[str, Any], path: str, why: str) -> None:
    with pytest.raises(SerializationFailed) as caught:
        CODEC.encode(Order(**changes))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"the state of Order at {path}: ")
    assert why in str(caught.value)


@dataclass
class RushOrder(Order):
    fee: int = 5


def test_a_subclass_is_refused_as_its_own_fields_would_be_lost() -> None:
    with pytest.raises(SerializationFailed, match="is a Order, but the handler returned a RushOrder"):
        CODEC.encode(RushOrder())
    with pytest.raises(SerializationFailed, match="at parent: expected Order, found RushOrder"):
        CODEC.encode(Order(parent=RushOrder()))


class Pair(Enum):
    ONE = (1, 2)


@dataclass
class Tired:
    pair: Pair | None = None
    count: int = 0

    def __post_init__(self) -> None:
        if self.count > 1:
            raise ValueError("too many")


def test_a_state_that_could_not_be_read_back_is_refused_before_it_is_stored() -> None:
    tired = state_codec(Tired, "Tired")
    state = Tired()
    state.count = 2
    with pytest.raises(SerializationFailed, match="could not be read back: too many"):
        tired.encode(state)
    with pytest.raises(SerializationFailed, match=r"could not be read back: .*is not a valid"):
        tired.encode(Tired(Pair.ONE))


def test_a_stored_field_that_the_class_lacks_says_what_to_do() -> None:
    with pytest.raises(SerializationFailed, match=r"has the field 'x', which the class lacks.*state_version") as caught:
        CODEC.read({"x": 1})
    assert caught.value.path == "x"


def test_a_required_field_that_is_not_stored_says_what_to_do() -> None:
    with pytest.raises(SerializationFailed, match="a stored Money lacks amount: give the field a default") as caught:
        state_codec(Money, "Price").read({})
    assert caught.value.path == "amount"


def shared(how: StateCodec) -> bool:
    """Say whether a private copy of a state is the state itself."""
    return how.shared


def test_a_frozen_state_of_immutable_values_is_shared_by_every_application() -> None:
    for _ in range(2):
        assert shared(state_codec(Line, "Line"))
        assert shared(state_codec(Money, "Money"))
        assert not shared(state_codec(Order, "Order"))


@dataclass(frozen=True)
class Holder:
    """Frozen, and yet not to be shared."""

    tags: tuple[list[int], ...] = ()


@dataclass(frozen=True)
class Labels:
    labels: dict[str, str] = field(default_factory=dict)


def test_a_frozen_state_that_holds_something_mutable_is_not_shared() -> None:
    assert not shared(state_codec(Holder, "Holder"))
    assert not shared(state_codec(Labels, "Labels"))


def test_a_type_that_cannot_be_told_from_another_is_refused() -> None:
    for hint, why in (
        (Money | Line, "which of Money | Line"),
        (dict[date, int], "keys of type"),
        (dict[Grade, int], "not strings"),
    ):
        cls = make_dataclass("Odd", [("odd", hint)])
        with pytest.raises(RegistrationError, match=why):
            converter(cls, "Odd")


def test_a_class_that_failed_to_compile_fails_again() -> None:
    cls = make_dataclass("Odd", [("odd", Money | Line)])
    for _ in range(2):
        with pytest.raises(RegistrationError, match=r"Odd\.odd: which of"):
            converter(cls, "Odd")


def test_many_threads_compile_a_class_at_once() -> None:
    classes = [make_dataclass(f"C{n}", [("line", Line), ("lines", list[Line])], frozen=True) for n in range(30)]
    wrong: list[type] = []

    def compile_all() -> None:
        for cls in classes:
            made = converter(cls, cls.__name__)
            if made.to_plain is None or converter(cls, cls.__name__) is not made:
                wrong.append(cls)

    threads = [threading.Thread(target=compile_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is of Python 3.12")
def test_a_type_alias_stands_for_what_it_names() -> None:
    scope: dict[str, Any] = {"Line": Line}
    exec("type Lines = list[Line]", scope)
    made = converter(scope["Lines"], "Lines")
    line = Line(Sku("a"), Money(Decimal(1)))
    assert made.to_plain is not None and made.from_plain is not None
    assert made.from_plain(made.to_plain([line])) == [line]
