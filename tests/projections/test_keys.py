"""Values as parts of keys."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrsless.errors import ValidationFailed
from cqrsless.projections.keys import END, encode, joined, partition, sort_key

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
numbers = st.one_of(
    st.integers(),
    st.integers(-20, 20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=2),
)
texts = st.one_of(st.text(), st.text("ab !\x00\x01\x1f\x20\x21\x22~", max_size=6))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=zones)
kinds = {
    "texts": texts,
    "numbers": numbers,
    "bools": st.booleans(),
    "moments": moments,
    "naive moments": st.datetimes(),
    "days": st.dates(),
    "times of day": st.times(),
    "times of day with an offset": st.times(timezones=zones),
    "durations": st.timedeltas(),
    "bytes": st.binary(),
    "uuids": st.uuids(),
}


def text_of(value: Any) -> str:
    return encode(value, "it")


def comparable(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


@pytest.mark.parametrize("kind", kinds)
def test_texts_sort_as_their_values_and_are_equal_where_these_are(kind: str) -> None:
    @given(kinds[kind], kinds[kind])
    def check(one: Any, other: Any) -> None:
        left, right = comparable(one), comparable(other)
        assert (text_of(one) < text_of(other)) == (left < right)
        assert (text_of(one) == text_of(other)) == (left == right)

    check()


@given(st.lists(st.one_of(*kinds.values()), min_size=2, max_size=2))
def test_values_of_two_kinds_share_no_text(values: list[Any]) -> None:
    one, other = values
    if text_of(one) == text_of(other):
        assert comparable(one) == comparable(other) or {type(one), type(other)} == {str, UUID}


@given(st.tuples(texts, numbers), st.tuples(texts, numbers))
def test_several_parts_sort_by_the_first_and_then_by_the_second(one: Any, other: Any) -> None:
    left, right = joined([*map(text_of, one)]), joined([*map(text_of, other)])
    assert (left < right) == (tuple(map(comparable, one)) < tuple(map(comparable, other)))


@given(st.one_of(*kinds.values()))
def test_no_part_holds_a_control_character_or_what_ends_it(value: Any) -> None:
    text = text_of(value)
    assert text
    assert END not in text
    assert all(ord(sign) > 0x20 for sign in text)


@given(texts, texts)
def test_texts_sort_alike_in_python_and_as_utf_8(one: str, other: str) -> None:
    left, right = text_of(one), text_of(other)
    assert (left < right) == (left.encode() < right.encode())


def test_equal_numbers_are_one_key_whatever_their_type() -> None:
    assert {text_of(one) for one in (5, 5.0, Decimal("5"), Decimal("5.00"), Decimal("0.5E+1"))} == {text_of(5)}
    assert text_of(0.1) == text_of(Decimal("0.1"))
    assert text_of(0) == text_of(-0.0) == text_of(Decimal("-0"))
    assert text_of(True) != text_of(1)


def test_a_moment_is_one_key_in_every_time_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    assert text_of(noon) == text_of(noon.astimezone(timezone(timedelta(hours=5)))) == "t2026-03-01T12:00:00.000000"
    assert text_of(noon) != text_of(noon.replace(tzinfo=None))
    assert text_of(time(1, tzinfo=timezone(timedelta(hours=2)))) < text_of(time(0, tzinfo=timezone.utc))
    assert text_of(date(2026, 3, 1)) == "d2026-03-01"


def test_a_uuid_is_its_text_and_an_enum_its_value() -> None:
    class Status(Enum):
        PLACED = "placed"

    class Name(str):
        pass

    identity = UUID("00000000-0000-4000-8000-000000000001")
    assert text_of(identity) == text_of(str(identity))
    assert text_of(Status.PLACED) == text_of("placed") == text_of(Name("placed"))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "the id is None; a key is a string, a number,"),
        (["a"], "the id is of type list; a key is"),
        (float("nan"), "the id is nan, which is no number to sort by"),
        (Decimal("Infinity"), "the id is Decimal('Infinity'), which is no number to sort by"),
        pytest.param(10**5000, "the id is a number of 16610 bits, too long for a key", id="huge"),
        ("\ud800", "the id holds a lone surrogate, which is no text"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "past the years 1 to 9999"),
    ],
)
def test_what_has_no_place_in_an_order_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        encode(value, "the id")
    assert why in str(caught.value)
    assert caught.value.messages == {"key": [str(caught.value)]}


def test_a_key_past_the_limits_is_refused_with_both_sizes() -> None:
    assert partition("v#1#Sum#", "s" + "ä" * 1019, "it")
    with pytest.raises(ValidationFailed, match="the id makes a partition key of 2049 bytes; DynamoDB takes 2048"):
        partition("v#1#Summ#", "s" + "ä" * 1019 + "a", "the id")
    assert sort_key("s" * 1024, "it")
    with pytest.raises(ValidationFailed, match="the id makes a sort key of 1025 bytes; there is room for 1024"):
        sort_key("s" * 1025, "the id")
