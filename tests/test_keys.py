"""Ids and keys: what is let in, and that no two things share one."""

from __future__ import annotations

from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cqrsless.errors import ValidationFailed
from cqrsless.keys import aggregate_key, id_of, join_id, read_id, split_id

PARTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.sampled_from(
    ["1:a", ":", "#", "2:ab", "0:", "-1:", "1"]
)


@given(st.lists(PARTS, min_size=2, max_size=4))
def test_a_composite_id_comes_apart_as_it_was_joined(parts: list[str]) -> None:
    assert split_id(join_id(parts), len(parts)) == tuple(parts)


@given(st.lists(PARTS, min_size=2, max_size=3), st.lists(PARTS, min_size=2, max_size=3))
def test_two_composite_ids_are_one_only_if_all_parts_are(one: list[str], other: list[str]) -> None:
    assert (join_id(one) == join_id(other)) == (one == other)


@given(st.text(st.sampled_from("0123456789:-+_ a\u0661"), max_size=12))
@example("-3:")
@example("-2:")
@example("1_0:a")
@example("99999999999999999999:a")
def test_what_is_no_composite_id_is_a_value_error_and_no_endless_loop(text: str) -> None:
    try:
        parts = split_id(text, 2)
    except ValueError:
        return
    assert join_id(parts) == text


def test_the_type_cannot_run_into_the_id() -> None:
    assert aggregate_key("Order", "a#b").partition("#") == ("Order", "#", "a#b")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "Missing data for required field."),
        (5, "An id is a string, not int."),
        (True, "An id is a string, not bool."),
        (["a"], "An id is a string, not list."),
        ("", "An id is not empty."),
        ("a\nb", "An id has no control characters."),
        ("\x00", "An id has no control characters."),
        ("\x7f", "An id has no control characters."),
        ("\x85", "An id has no control characters."),
        ("\ud800", "An id has no control characters."),
        ("x" * 2043, "An id makes a key of at most 2048 bytes; this one would take 2049."),
        ("é" * 1022, "An id makes a key of at most 2048 bytes; this one would take 2050."),
    ],
)
def test_a_bad_id_is_a_validation_error_of_its_field(value: Any, text: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_id("Order", ("order_id",), {"order_id": value})
    assert caught.value.messages == {"order_id": [text]}
    shown = "'order_id'" if value is None else "order_id="
    assert str(caught.value).startswith(f"no valid id of Order: order_id: {text} (sent was {shown}")


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({}, "nothing"),
        ({"order_id": None}, "'order_id'"),
        ({"id": "1", "note": ""}, "'id', 'note'"),
        ({"order_id": 7}, "order_id=7"),
        ({"order_id": "a\nb\ud800"}, r"order_id='a\nb\ud800'"),
        ({"order_id": "x" * 9999}, f"order_id='{'x' * 12}...{'x' * 13}'"),
        ({f"f{number}": 1 for number in range(99)}, "'f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7', ..."),
        ([1], "a list"),
    ],
)
def test_what_was_sent_in_the_place_of_an_id_is_said_bounded_and_escaped(payload: Any, sent: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_id("Order", ("order_id",), payload)
    assert str(caught.value).endswith(f" (sent was {sent})")


@pytest.mark.parametrize(
    "value", ["o-1", "a b", "#", "a#b", "1:a", "ü", "日本", "\u200b", "x" * 2042, "é" * 1021, "\u00a0"]
)
def test_any_other_text_is_an_id(value: str) -> None:
    assert read_id("Order", ("order_id",), {"order_id": value}) == value


class Region(str, Enum):
    NORTH = "north"


def test_an_id_may_be_an_enum_of_strings_or_a_uuid() -> None:
    assert read_id("Shop", ("region",), {"region": Region.NORTH}) == "north"
    assert read_id("Shop", ("region", "id"), {"region": Region.NORTH, "id": "1"}) == join_id(["north", "1"])
    assert read_id("Shop", ("id",), {"id": UUID(int=1)}) == str(UUID(int=1))


def test_an_id_is_read_from_an_object_too() -> None:
    class Payload:
        order_id = "o-1"

    assert read_id("Order", ("order_id",), Payload()) == "o-1"


def test_every_bad_part_of_a_composite_id_is_named() -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_id("Seat", ("show", "row", "place"), {"row": 5, "place": "a"})
    assert list(caught.value.messages) == ["show", "row"]


@pytest.mark.parametrize("given_id", [("hamlet", "f"), ["hamlet", "f"], {"show": "hamlet", "row": "f"}, "6:hamlet1:f"])
def test_a_composite_id_is_given_in_several_forms(given_id: Any) -> None:
    assert id_of("Seat", ("show", "row"), given_id) == "6:hamlet1:f"


@pytest.mark.parametrize("given_id", ["hamlet", "-3:", ("hamlet",), ("hamlet", "f", "g"), (), {"show": "hamlet"}])
def test_a_composite_id_with_a_part_too_few_or_too_many_is_refused(given_id: Any) -> None:
    with pytest.raises(ValidationFailed):
        id_of("Seat", ("show", "row"), given_id)
