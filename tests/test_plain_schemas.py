"""Compiled loads of plain schemas: whatever they take, marshmallow would have made the same of it."""

from __future__ import annotations

import copy
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate, validates

from cqrsless.errors import ValidationFailed
from cqrsless.plain_schemas import Unsure, compiled
from cqrsless.schemas import loader


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Line(Schema):
    sku = fields.String(required=True, validate=validate.Length(min=1, max=3))
    count = fields.Integer(load_default=1, strict=True)


class Everything(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True)
    text = fields.String(allow_none=True, validate=[validate.Length(max=4), validate.Regexp(r"[a-z]*$")])
    mail = fields.Email()
    site = fields.Url(load_default="https://example.com/")
    number = fields.Integer(validate=validate.Range(min=0, max=9))
    ratio = fields.Float(data_key="the ratio")
    total = fields.Decimal(places=2, attribute="sum")
    flag = fields.Boolean(load_default=None)
    odd_flag = fields.Boolean(truthy={1, 0, "x"}, falsy={"no"})
    at = fields.DateTime()
    day = fields.Date()
    time = fields.Time()
    span = fields.TimeDelta()
    uuid = fields.UUID()
    colour = fields.Enum(Colour, by_value=True)
    address = fields.IP()
    raw = fields.Raw(required=False)
    tags = fields.List(fields.String(validate=validate.OneOf(["a", "b"])), validate=validate.Length(max=2))
    lines = fields.List(fields.Nested(Line), load_default=list)
    first = fields.Nested(Line, allow_none=True)
    sizes = fields.Dict(keys=fields.String(), values=fields.Integer())
    pair = fields.Tuple((fields.String(), fields.Integer()))
    secret = fields.String(load_only=True)
    told = fields.String(dump_only=True)


class Strict(Schema):
    id = fields.String(required=True)
    amount = fields.Integer(required=True, validate=validate.Range(min=1))
    ratio = fields.Float(load_default=0.5)


LEAVES = (
    st.none() | st.booleans() | st.integers(-2, 12) | st.floats() | st.text("abx/é0", max_size=4)
    | st.binary(max_size=2)
    | st.sampled_from(["red", "no", "a@b.example", "http://a.example/", "2026-01-02", "2026-01-02T03:04:05", "10:00",
                       "1.25", "7", "10.0.0.1", "e2b7ad1c-5b47-4a4b-8a36-4a4c9b0d2c11", "true"])
)  # fmt: skip
LINES = st.fixed_dictionaries({}, optional={"sku": LEAVES, "count": LEAVES, "more": LEAVES})
VALUES = LEAVES | LINES | st.lists(LEAVES | LINES, max_size=3) | st.dictionaries(st.text("ab", max_size=1), LEAVES)
NAMES = [*(field.data_key or name for name, field in Everything().fields.items()), "unknown"]


def outcome(load: Any, payload: Any) -> tuple[str, Any]:
    try:
        return "loaded", load(payload)
    except ValidationError as error:
        return "invalid", error.messages
    except ValidationFailed as error:
        return "invalid", error.messages
    except (ArithmeticError, TypeError) as error:  # marshmallow's own slips are its own here, too
        return type(error).__name__, str(error)


@pytest.mark.parametrize("schema", [Everything(), Strict()], ids=["everything", "strict"])
@given(data=st.data())
def test_a_payload_is_loaded_just_as_marshmallow_loads_it(schema: Schema, data: Any) -> None:
    names = [*schema.fields, "unknown"] if isinstance(schema, Strict) else NAMES
    payload = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=6) | VALUES)
    if isinstance(payload, dict) and data.draw(st.booleans()):
        payload = {"id": "o-1", "amount": 2, **payload}
    before = copy.deepcopy(payload)
    expected = outcome(schema.load, copy.deepcopy(payload))
    got = outcome(loader(schema, "Test"), payload)
    assert repr(got) == repr(expected)  # types, order and NaN, too
    assert repr(payload) == repr(before)


def test_what_is_valid_needs_no_marshmallow(monkeypatch: pytest.MonkeyPatch) -> None:
    load = loader(Strict(), "Test")
    monkeypatch.setattr(Strict, "load", lambda *_: pytest.fail("marshmallow was asked"))
    assert load({"id": "o-1", "amount": 2}) == {"id": "o-1", "amount": 2, "ratio": 0.5}


@pytest.mark.parametrize("payload", [{}, {"id": "o-1"}, {"id": 1, "amount": 2}, {"id": "o-1", "amount": 2, "x": 1}, []])
def test_what_is_not_surely_valid_is_left_to_marshmallow(payload: Any) -> None:
    load = compiled(Strict())
    assert load is not None
    with pytest.raises((Unsure, ValidationError)):
        load(payload)


def test_a_default_that_is_made_is_made_anew_each_time() -> None:
    load = compiled(Everything())
    assert load is not None
    first = load({"id": "o-1"})
    first["lines"].append(1)
    assert load({"id": "o-1"})["lines"] == []


class Own(fields.String):
    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return f"own {value}"


class Hooked(Schema):
    id = fields.String()

    @post_load
    def made(self, data: Any, **_: Any) -> Any:
        return data


class Before(Schema):
    id = fields.String()

    @pre_load
    def prepared(self, data: Any, **_: Any) -> Any:
        return data


class Validated(Schema):
    id = fields.String()

    @validates("id")
    def check(self, value: Any, **_: Any) -> None: ...


class Overridden(Schema):
    id = fields.String()

    def load(self, *args: Any, **kwargs: Any) -> Any:
        return "own"


class Itself(Schema):
    below = fields.Nested(lambda: Itself())


def schema_of(field: Any, **options: Any) -> Schema:
    return Schema.from_dict({"id": field})(**options)


def with_something_new() -> Schema:
    schema = schema_of(fields.String())
    schema.fields["id"].from_a_newer_marshmallow = True  # type: ignore[attr-defined]
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        Hooked(), Before(), Validated(), Overridden(), Itself(), with_something_new(),
        schema_of(Own()), schema_of(fields.List(Own())), schema_of(fields.Dict(values=Own())),
        schema_of(fields.Nested(Hooked)), schema_of(fields.List(fields.Nested(Hooked))),
        schema_of(fields.Nested(Line, unknown=INCLUDE)), schema_of(fields.Nested(Line, many=True)),
        schema_of(fields.String(validate=lambda value: None)), schema_of(fields.String(load_default=lambda: "x")),
        schema_of(fields.String(attribute="a.b")), schema_of(fields.Function(deserialize=str)),
        schema_of(fields.String(), unknown=INCLUDE), schema_of(fields.String(), many=True),
        schema_of(fields.String(), partial=True),
    ],
    ids=lambda schema: type(schema).__name__,
)  # fmt: skip
def test_a_schema_that_runs_a_users_code_is_left_to_marshmallow(schema: Schema) -> None:
    assert compiled(schema) is None


def test_a_users_validator_is_asked_once() -> None:
    asked: list[Any] = []

    def check(value: Any) -> None:
        asked.append(value)
        raise ValidationError("no")

    with pytest.raises(ValidationFailed):
        loader(schema_of(fields.String(validate=check)), "Test")({"id": "o-1"})
    assert asked == ["o-1"]
