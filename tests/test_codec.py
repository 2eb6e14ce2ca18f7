"""Payloads and states, to stored text and back."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrsless import codec
from cqrsless.errors import SerializationFailed


class Colour(str, Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


class Price(Enum):
    LOW = Decimal("9.90")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEYS = TEXT | st.sampled_from(["$dec", "$dt", "$date", "$time", "$td", "$uuid", "$bytes", "$", "$$", "$$dec", "$x"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones() | st.just(timezone.utc)).map(lambda at: at.replace(fold=0))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.binary(max_size=8)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def same(left: Any, right: Any) -> bool:
    """Compare more strictly than `==`, which takes 1 for True and for 1.0."""
    if isinstance(left, dict):
        return type(right) is dict and list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return type(right) is list and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (float, Decimal)):
        return type(left) is type(right) and str(left) == str(right)
    return type(left) is type(right) and left == right


@given(VALUES)
def test_what_goes_in_comes_back_as_it_was(value: Any) -> None:
    text, copy = codec.encode(value)
    assert same(value, copy)
    assert same(codec.decode(text), value)
    text.encode()


@given(st.dictionaries(KEYS, VALUES, max_size=3), st.randoms())
def test_a_digest_does_not_hang_on_the_order_of_keys(payload: dict[str, Any], random: Any) -> None:
    shuffled = list(payload.items())
    random.shuffle(shuffled)
    assert codec.digest(payload) == codec.digest(dict(shuffled))


@pytest.mark.parametrize(
    ("one", "other"), [({"n": 1}, {"n": 1.0}), ({"n": 1}, {"n": True}), ({"n": "1"}, {"n": 1}), ({"a": [1]}, {"a": 1})]
)
def test_a_digest_tells_payloads_apart(one: Any, other: Any) -> None:
    assert codec.digest(one) != codec.digest(other)


@pytest.mark.parametrize(
    ("value", "copy"),
    [
        ((1, (2,)), [1, [2]]),
        (Colour.RED, "red"),
        (Size.BIG, 3),
        (Price.LOW, Decimal("9.90")),
        ({Colour.RED: 1}, {"red": 1}),
        ({Colour.RED: (1,)}, {"red": [1]}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Decimal("1.10"), Decimal("1.10")),
        (datetime(2026, 3, 29, 3, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2026, 3, 29, 1, tzinfo=timezone.utc)),
    ],
)
def test_python_values_come_back_in_their_stored_form(value: Any, copy: Any) -> None:
    assert codec.encode(value)[1] == copy
    assert type(codec.encode(value)[1]) is type(copy)


@pytest.mark.parametrize("key", ["$dec", "$uuid", "$dt", "$td", "$bytes", "$date", "$time", "$set", "$"])
@pytest.mark.parametrize("value", [5, "x", None, [1], {"a": 1}, True, 1e308, "1"])
def test_a_key_with_a_dollar_is_the_users_own(key: str, value: Any) -> None:
    text, copy = codec.encode({"x": {key: value}})
    assert copy == codec.decode(text) == {"x": {key: value}}
    assert f'"${key}"' in text  # escaped, so a tag that a later version adds cannot be meant


def test_every_reading_gives_a_copy_of_its_own() -> None:
    text, copy = codec.encode({"lines": [{"sku": "a"}]})
    copy["lines"][0]["sku"] = "b"
    assert codec.decode(text) == {"lines": [{"sku": "a"}]}
    assert codec.decode(text)["lines"] is not codec.decode(text)["lines"]


class Other:
    pass


@pytest.mark.parametrize(
    ("value", "path", "why"),
    [
        ({"lines": [{"sku": Other()}]}, "lines[0].sku", "type Other cannot be stored"),
        ({"lines": [1, {2, 3}]}, "lines[1]", "type set cannot be stored"),
        ({"total": float("nan")}, "total", "is no number that JSON knows"),
        ({"total": float("-inf")}, "total", "is no number that JSON knows"),
        ({"by": {1: 2}}, "by", "the key 1 is of type int"),
        ({"by": {None: 2}}, "by", "the key None is of type NoneType"),
        ({"by": {True: 2}}, "by", "the key True is of type bool"),
        ({"name": "\ud800"}, "name", "lone surrogate"),
        ({"name": {"\udfff": 1}}, "name", "lone surrogate"),
        ({"a": 1j}, "a", "type complex cannot be stored"),
        ({"a": bytearray(b"x")}, "a", "type bytearray cannot be stored"),
    ],
)
def test_an_error_names_the_path(value: Any, path: str, why: str) -> None:
    with pytest.raises(SerializationFailed) as caught:
        codec.encode(value, "the payload of Shipped")
    assert caught.value.path == path
    assert str(caught.value).startswith(f"the payload of Shipped at {path}: ")
    assert why in str(caught.value)
    str(caught.value).encode()


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(SerializationFailed, match="nested too deeply, or holds itself"):
        codec.encode({"loop": loop})
    with pytest.raises(SerializationFailed):
        codec.digest({"loop": loop})


def test_a_number_of_too_many_digits_is_refused() -> None:
    with pytest.raises(SerializationFailed, match="digits"):
        codec.encode({"n": 10**5000})


@pytest.mark.parametrize(
    "value",
    [
        Decimal("Infinity"),
        Decimal("1E+30"),
        timedelta.min,
        timedelta.max,
        datetime.max,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        date.min,
        time(23, 59, 59, 999999, tzinfo=timezone.utc),
        UUID(int=0),
        b"",
        -0.0,
        2**64,
    ],
)
def test_extreme_values_come_back(value: Any) -> None:
    assert same(codec.encode(value)[1], value)


def test_not_a_number_of_decimal_comes_back() -> None:
    assert codec.encode(Decimal("NaN"))[1].is_nan()


def test_a_body_is_inflated_up_to_the_bound_and_no_further() -> None:
    most = json.dumps("x" * (codec.UNCOMPRESSED_LIMIT - 2))
    assert codec.inflate(codec.compress(most)) == most
    with pytest.raises(SerializationFailed, match="grows past"):
        codec.inflate(codec.compress(most + " "))
    with pytest.raises(SerializationFailed, match="grows past"):
        codec.inflate(zlib.compress(b"0" * 200_000_000, 9))


def test_text_that_was_not_compressed_is_given_as_it_is() -> None:
    assert codec.inflate("[1]") == "[1]"


#: Texts, numbers and names that two writers of JSON may well write differently.
AWKWARD = st.text(max_size=6) | st.sampled_from(
    ["\x00\x1f\x7f\x80", "\u2028\u2029", '"\\/', "é", "\U0001f600", "\ud800"]
)
FLAT = st.dictionaries(
    AWKWARD | st.sampled_from(["$dec", "$", "é", "z", "Z"]),
    AWKWARD
    | st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1])
    | st.sampled_from([Colour.RED, Size.BIG, 1e16, -0.0, Decimal("1.10"), UUID(int=1), datetime(2026, 1, 1), [1], {}]),
    max_size=5,
)


@given(FLAT)
def test_what_is_stored_and_compared_is_the_same_text_with_and_without_orjson(value: dict[str, Any]) -> None:
    pytest.importorskip("orjson")

    def told() -> list[Any]:
        found: list[Any] = []
        for tell in (codec.encode, codec.plain_text, codec.digest):
            try:
                found.append(tell(value))
            except (SerializationFailed, UnicodeEncodeError) as error:
                found.append(str(error))
        return found

    with pytest.MonkeyPatch.context() as patch:
        ours = told()
        patch.setattr(codec, "fast", None)
        patch.setattr(codec, "_ALIKE", frozenset())
        assert repr(told()) == repr(ours)


def test_orjson_writes_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")

    def slow(value: Any) -> str:
        raise AssertionError(f"{value!r} was not written by orjson")

    monkeypatch.setattr(codec, "dumps", slow)
    monkeypatch.setattr(codec, "_canonical", slow)
    value = {"id": "é", "n": 1, "ok": True, "none": None}
    text = '{"id":"é","n":1,"ok":true,"none":null}'
    assert codec.encode(value) == (text, value)
    assert codec.plain_text(value) == text
    assert codec.digest({"id": "e", "n": 1}) == codec.digest({"n": 1, "id": "e"})
