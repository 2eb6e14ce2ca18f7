from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from cqrsless.errors import MalformedMessage, SerializationFailed
from cqrsless.sources import documents
from cqrsless.sources.documents import check, parse, plain, shown


def label(value: object) -> str:
    return shown(value)[:40]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "the body is not JSON: Expecting ',' delimiter at line 1 column 8"),
        ("", "the body is not JSON: Expecting value at line 1 column 1"),
        ('{"a": NaN}', "the body is not JSON: NaN is not a JSON number"),
        ('{"a": -Infinity}', "the body is not JSON: -Infinity is not a JSON number"),
        ('{"a": 1e999}', "the body is not JSON: a number is larger than any that can be held"),
        ('{"a": ' + "9" * 10_000 + "}", "the body holds a number with too many digits"),
        ('{"a": ' + "[" * 100_000, "the body nests too deeply; 100 levels are read"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "the body nests too deeply; 100 levels are read"),
        ('{"a": "\\ud800"}', "the body holds half a surrogate pair, which is no Unicode text"),
        ('{"\ud800": 1}', "the body holds half a surrogate pair, which is no Unicode text"),
        (b'{"a": "\xff"}', "the body is not UTF-8: invalid start byte at byte 7"),
        ("[1]", "the body is a JSON list, and has to be a JSON object"),
        ('"x"', "the body is a JSON string, and has to be a JSON object"),
        ("null", "the body is null, and has to be a JSON object"),
        ("true", "the body is a JSON boolean, and has to be a JSON object"),
        ("7", "the body is a JSON number, and has to be a JSON object"),
    ],
    ids=label,
)
def test_what_is_no_json_object_is_malformed_and_the_text_says_why(text: str | bytes, message: str) -> None:
    with pytest.raises(MalformedMessage) as raised:
        parse(text, "the body")
    assert str(raised.value) == message


def test_a_good_document_is_read() -> None:
    text = '{"a": [1, 2.5, "é", "\\u00e9\\ud83d\\ude00", null, true], "b": ' + "[" * 99 + "]" * 99 + "}"
    document = parse(text, "the body")
    assert document["a"] == [1, 2.5, "é", "é😀", None, True]
    assert parse(json.dumps({"a": [[]] * 500}).encode(), "the body") == {"a": [[]] * 500}


def test_of_a_name_that_stands_twice_the_last_value_counts_as_where_lambda_parsed_it() -> None:
    text = '{"a": {"b": 1, "b": 2}, "c": 1, "c": {"d": 3}}'
    assert parse(text, "the body") == json.loads(text) == {"a": {"b": 2}, "c": {"d": 3}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "the event holds NaN, Infinity or a number with too many digits"),
        (10**5000, "the event holds NaN, Infinity or a number with too many digits"),
        ("\udc00", "the event holds half a surrogate pair, which is no Unicode text"),
        ({1, 2}, "the event is not JSON: Object of type set is not JSON serializable"),
    ],
    ids=label,
)
def test_a_document_that_something_else_has_parsed_is_checked_as_well(value: object, message: str) -> None:
    with pytest.raises(MalformedMessage) as raised:
        check({"payload": {"a": [value]}}, "the event")
    assert str(raised.value) == message


def test_a_deep_document_that_something_else_has_parsed_is_refused() -> None:
    for depth in (99, 100, 100_000):
        deep: list[Any] = []
        for _ in range(depth - 1):
            deep = [deep]
        if depth < 100:
            check({"a": deep}, "the event")
        else:
            with pytest.raises(MalformedMessage, match="nests too deeply"):
                check({"a": deep}, "the event")


class Color(Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


class Text(str):
    pass


class Page(NamedTuple):
    rows: list[Any]
    cursor: str | None


@dataclass
class Money:
    amount: Decimal
    currency: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("19.90"), "19.90"),
        (datetime(2026, 11, 23, 12, tzinfo=timezone.utc), "2026-11-23T12:00:00+00:00"),
        (date(2026, 11, 23), "2026-11-23"),
        (time(12, 30), "12:30:00"),
        (timedelta(minutes=2), 120),
        (timedelta(milliseconds=1500), 1.5),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (b"\x00\xff", "AP8="),
        (Color.RED, "red"),
        (Size.BIG, 3),
        (Text("t"), "t"),
        (Money(Decimal(5), "EUR"), {"amount": "5", "currency": "EUR"}),
        (MappingProxyType({"a": (1, 2)}), {"a": [1, 2]}),
        pytest.param({"b", "a"}, ["a", "b"], id="a set"),  # whose repr differs between xdist's workers
        (Page([{"n": 1.5}], None), {"rows": [{"n": 1.5}], "cursor": None}),
        ({Color.RED: 1, 2: 3, UUID(int=1): 4}, {"red": 1, "2": 3, "00000000-0000-0000-0000-000000000001": 4}),
        ([None, True, "é", [[]], {}], [None, True, "é", [[]], {}]),
    ],
    ids=label,
)
def test_pythons_common_values_have_a_form_in_json(value: object, expected: object) -> None:
    given = plain({"value": value})["value"]
    assert given == expected
    assert type(given) is type(expected)
    json.dumps(given)


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"rows": [1, {"at": object()}]}, "rows[1].at", "the answer's rows[1].at is of type object, which has no form"),
        ({"n": float("inf")}, "n", "the answer's n is inf, which JSON does not have"),
        ([float("nan")], "[0]", "the answer's [0] is nan"),
        ({"a": {(1, 2): 3}}, "a", "the answer's a has a key of type tuple: keys are strings in JSON"),
        (Money, "", "the answer is of type type, which has no form in JSON"),
    ],
    ids=label,
)
def test_any_other_value_is_an_error_that_names_the_path(value: object, path: str, message: str) -> None:
    with pytest.raises(SerializationFailed) as raised:
        plain(value)
    assert str(raised.value).startswith(message)
    assert raised.value.path == path


def test_an_answer_that_holds_itself_is_an_error() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(SerializationFailed, match="the answer holds itself"):
        plain(loop)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 100_000, repr("x" * 200 + "...")),
        ("a\nb", r"'a\nb'"),
        ("\ud800", r"'\ud800'"),
        ({"a": "x" * 100_000}, "a JSON object"),
        ([1] * 100_000, "a JSON list"),
        (10**100_000, "a very large number"),
        (None, "None"),
        (5, "5"),
    ],
    ids=label,
)
def test_a_wrong_input_is_shown_short_on_one_line_and_encodable(value: object, text: str) -> None:
    assert shown(value) == text
    assert len(shown(value).encode().splitlines()) == 1


def test_a_mapping_of_another_kind_is_shown_too() -> None:
    class Odd(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            raise KeyError(key)

        def __iter__(self) -> Any:
            return iter(())

        def __len__(self) -> int:
            return 0

    assert len(shown(Odd())) <= 203


@pytest.mark.parametrize("value", [{"n": 2**70, "é": [1.5, None, True]}, {"text": 'a"\n\u2028'}, [], "x", {"n": -0.0}])
def test_an_answer_is_the_same_document_with_and_without_orjson(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")
    fast = documents.written(value)
    monkeypatch.setattr(documents, "fast", None)
    assert json.loads(fast) == json.loads(documents.written(value)) == value
