"""A schema's description and the schema itself are of one mind: what one refuses, so does the other."""

from __future__ import annotations

import enum
import json
import warnings
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, validate

from cqrsless.describing.jsonschemas import Dialect, JsonSchemas

VALIDATORS: dict[Dialect, Any] = {"2020-12": Draft202012Validator, "draft-07": Draft7Validator}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(Schema):
    sku = fields.String(required=True, validate=validate.Regexp(r"[A-Z]+\Z"))
    amount = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=9, max_inclusive=False))


class Tree(Schema):
    name = fields.String(required=True)
    children = fields.List(fields.Nested(lambda: Tree()))


def described(schema: Any, dialect: Dialect, direction: Any = "load") -> Any:
    """Give what validates by a schema's description, in a document of its own."""
    found = JsonSchemas(dialect)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reference = found.reference(schema, direction)
    document = json.loads(json.dumps({**reference, "components": {"schemas": found.components}}, allow_nan=False))
    VALIDATORS[dialect].check_schema(document)
    return VALIDATORS[dialect](document, format_checker=FormatChecker())


def schema_of(**given: fields.Field) -> type[Schema]:
    return Schema.from_dict(given, name="Some")


ONE = {"sku": "A", "amount": 1}
#: By what it shows: a schema, payloads that it takes, and payloads that it refuses.
CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "required fields": (Line, [ONE], [{}, {"sku": "A"}, {"amount": 1}]),
    "unknown fields": (Line, [], [{**ONE, "more": 1}]),
    "unknown fields that are let in": (Line(unknown=INCLUDE), [{**ONE, "more": 1}], []),
    "unknown fields that are left out": (Line(unknown=EXCLUDE), [{**ONE, "more": 1}], []),
    "partial": (Line(partial=True), [{}, {"sku": "A"}], [{"sku": "a"}]),
    "partial in some": (Line(partial=("sku",)), [{"amount": 1}], [{"sku": "A"}]),
    "only": (Line(only=("sku",)), [{"sku": "A"}], [ONE]),
    "a range with an open end": (Line, [{**ONE, "amount": 8}], [{**ONE, "amount": 9}, {**ONE, "amount": 0}]),
    "a pattern from the beginning": (Line, [{**ONE, "sku": "AB"}], [{**ONE, "sku": "1A"}, {**ONE, "sku": "A1"}]),
    "two patterns": (
        schema_of(code=fields.String(validate=[validate.Regexp("a|b"), validate.Regexp(".c")])),
        [{"code": "ac"}, {"code": "bcd"}],
        [{"code": "cc"}, {"code": "ab"}, {"code": "xac"}],
    ),
    "a pattern with a name": (
        schema_of(code=fields.String(validate=validate.Regexp(r"(?P<word>a+)$"))),
        [{"code": "aa"}],
        [{"code": "ab"}],
    ),
    "a pattern that JSON Schema has none of": (
        schema_of(code=fields.String(validate=validate.Regexp("a+", flags=2))),
        [{"code": "A"}],
        [],
    ),
    "lengths": (
        schema_of(name=fields.String(validate=[validate.Length(min=2), validate.Length(max=3)])),
        [{"name": "ab"}, {"name": "abc"}],
        [{"name": "a"}, {"name": "abcd"}],
    ),
    "a length": (schema_of(name=fields.String(validate=validate.Length(equal=2))), [{"name": "ab"}], [{"name": "abc"}]),
    "how many": (
        schema_of(tags=fields.List(fields.String(), validate=validate.Length(min=1, max=2))),
        [{"tags": ["a"]}],
        [{"tags": []}, {"tags": ["a", "b", "c"]}, {"tags": [1]}, {"tags": "a"}],
    ),
    "one of": (
        schema_of(size=fields.String(validate=validate.OneOf(["s", "m"]), allow_none=True)),
        [{"size": "s"}, {"size": None}],
        [{"size": "x"}],
    ),
    "one of two at once": (
        schema_of(size=fields.String(validate=validate.And(validate.OneOf(["s", "m"]), validate.OneOf(["m", "l"])))),
        [{"size": "m"}],
        [{"size": "s"}, {"size": "l"}],
    ),
    "none of": (schema_of(size=fields.String(validate=validate.NoneOf(["x"]))), [{"size": "s"}], [{"size": "x"}]),
    "equal": (schema_of(yes=fields.Boolean(validate=validate.Equal(True))), [{"yes": True}], [{"yes": False}]),
    "contains only": (
        schema_of(tags=fields.List(fields.String(), validate=validate.ContainsOnly(["a", "b"]))),
        [{"tags": ["b", "b"]}, {"tags": []}],
        [{"tags": ["c"]}],
    ),
    "null": (schema_of(name=fields.String(allow_none=True)), [{"name": None}], [{"name": 1}]),
    "no null": (schema_of(name=fields.String()), [{}], [{"name": None}]),
    "nested": (schema_of(line=fields.Nested(Line)), [{"line": ONE}], [{"line": {}}, {"line": None}, {"line": [ONE]}]),
    "nested, or null": (
        schema_of(line=fields.Nested(Line, allow_none=True)),
        [{"line": None}, {"line": ONE}],
        [{"line": {}}],
    ),
    "nested, many": (
        schema_of(lines=fields.Nested(Line, many=True, validate=validate.Length(min=1))),
        [{"lines": [ONE, ONE]}],
        [{"lines": []}, {"lines": ONE}, {"lines": [{}]}],
    ),
    "nested, of an instance that is many": (
        schema_of(lines=fields.Nested(Line(many=True))),
        [{"lines": [ONE]}],
        [{"lines": ONE}],
    ),
    "nested, many, or null": (
        schema_of(lines=fields.Nested(Line, many=True, allow_none=True)),
        [{"lines": None}],
        [{"lines": 1}],
    ),
    "nested in a list": (schema_of(lines=fields.List(fields.Nested(Line))), [{"lines": [ONE]}], [{"lines": [{}]}]),
    "nested, with unknown fields": (
        schema_of(line=fields.Nested(Line, unknown=EXCLUDE), strict=fields.Nested(Line)),
        [{"line": {**ONE, "more": 1}}],
        [{"strict": {**ONE, "more": 1}}],
    ),
    "nested in what is partial": (
        schema_of(line=fields.Nested(Line, required=True), name=fields.String(required=True))(partial=True),
        [{}, {"line": {}}, {"line": {"sku": "A"}}],
        [{"line": {"sku": "a"}}],
    ),
    "nested, a part": (schema_of(line=fields.Nested(Line, only=("sku",))), [{"line": {"sku": "A"}}], [{"line": ONE}]),
    "in itself": (
        Tree,
        [{"name": "a", "children": [{"name": "b", "children": []}]}],
        [{"name": "a", "children": [{}]}],
    ),
    "plucked": (
        schema_of(skus=fields.Pluck(Line, "sku", many=True)),
        [{"skus": ["A"]}],
        [{"skus": ["a"]}, {"skus": "A"}],
    ),
    "a dict": (
        schema_of(
            prices=fields.Dict(
                keys=fields.String(validate=validate.Length(max=2)),
                values=fields.Integer(strict=True),
                validate=validate.Length(max=2),
            )
        ),
        [{"prices": {"a": 1}}, {"prices": {}}],
        [{"prices": {"abc": 1}}, {"prices": {"a": []}}, {"prices": {"a": 1, "b": 1, "c": 1}}, {"prices": []}],
    ),
    "a tuple": (
        schema_of(at=fields.Tuple((fields.Integer(strict=True), fields.String()))),
        [{"at": [1, "a"]}],
        [{"at": [1]}, {"at": [1, "a", 2]}, {"at": ["a", []]}],
    ),
    "an enum by name": (schema_of(colour=fields.Enum(Colour)), [{"colour": "RED"}], [{"colour": "red"}]),
    "an enum by value": (
        schema_of(colour=fields.Enum(Colour, by_value=True)),
        [{"colour": "red"}],
        [{"colour": "RED"}],
    ),
    "an enum by a field's value": (
        schema_of(colour=fields.Enum(Colour, by_value=fields.String, allow_none=True)),
        [{"colour": "red"}, {"colour": None}],
        [{"colour": "RED"}],
    ),
    "a decimal as a string": (schema_of(total=fields.Decimal(as_string=True)), [{"total": "1.50"}], [{"total": []}]),
    "a decimal": (
        schema_of(total=fields.Decimal(validate=validate.Range(min=Decimal("0.5")))),
        [{"total": 0.5}],
        [{"total": 0.25}, {"total": []}],
    ),
    "another key": (schema_of(name=fields.String(data_key="Name", required=True)), [{"Name": "a"}], [{"name": "a"}]),
    "a field that is only given": (schema_of(id=fields.Integer(dump_only=True)), [{}], [{"id": 1}]),
    "a default": (
        schema_of(total=fields.Decimal(load_default=Decimal("1.5"), as_string=True)),
        [{}, {"total": "2"}],
        [],
    ),
    "anything": (schema_of(more=fields.Raw(), also=fields.Field()), [{"more": {"a": [1]}, "also": 1}], []),
    "a UUID": (schema_of(id=fields.UUID()), [{"id": "8b1f21d2-9a71-4ec5-9d9b-37f2f1f5cbb1"}], [{"id": "8b1f"}]),
    "an email": (schema_of(to=fields.Email()), [{"to": "a@example.org"}], [{"to": "a"}]),
    "a date": (schema_of(day=fields.Date()), [{"day": "2026-11-23"}], [{"day": "23.11."}]),
    "an IPv4": (schema_of(ip=fields.IPv4()), [{"ip": "127.0.0.1"}], [{"ip": "a"}]),
    "a time of another form": (
        schema_of(at=fields.DateTime(format="rfc")),
        [{"at": "Mon, 23 Nov 2026 12:00:00 +0000"}],
        [],
    ),
    "a time stamp": (schema_of(at=fields.DateTime(format="timestamp")), [{"at": 1764072000}], [{"at": []}]),
}


@pytest.mark.parametrize("dialect", VALIDATORS)
@pytest.mark.parametrize("case", CASES)
def test_the_description_takes_what_the_schema_takes(case: str, dialect: Dialect) -> None:
    schema, taken, refused = CASES[case]
    instance = schema() if isinstance(schema, type) else schema
    validator = described(schema, dialect)
    for payload in taken:
        instance.load(payload)
        assert list(validator.iter_errors(payload)) == [], payload
    for payload in refused:
        with pytest.raises(ValidationError):
            instance.load(payload)
        assert not validator.is_valid(payload), payload


# -- what else is told


def test_defaults_and_words_are_told() -> None:
    class Order(Schema):
        """An order, as it
        is placed.

        Nobody needs to know this."""

        class Meta:
            title = "Order, placed"

        total = fields.Decimal(as_string=True, load_default=Decimal("1.50"), metadata={"description": "in euros"})
        made = fields.DateTime(load_default=lambda: None)
        wrong = fields.Integer(load_default="none")

    found = JsonSchemas("2020-12")
    found.reference(Order, "load")
    assert found.components["Order"] == {
        "type": "object",
        "title": "Order, placed",
        "description": "An order, as it is placed.",
        "properties": {
            "total": {"type": "string", "format": "decimal", "default": "1.50", "description": "in euros"},
            "made": {"type": "string", "format": "date-time"},
            "wrong": {"type": "integer", "default": "none"},
        },
        "additionalProperties": False,
    }


def test_what_is_given_may_be_other_than_what_is_taken() -> None:
    class Account(Schema):
        id = fields.Integer(dump_only=True)
        password = fields.String(load_only=True)

    found = JsonSchemas("2020-12")
    taken, given = found.reference(Account, "load"), found.reference(Account, "dump")
    assert taken != given
    names = {reference["$ref"].rpartition("/")[2]: kind for reference, kind in ((taken, "load"), (given, "dump"))}
    properties = {kind: [*found.components[name]["properties"]] for name, kind in names.items()}
    assert properties == {"load": ["password"], "dump": ["id"]}


def test_a_schema_that_is_the_same_both_ways_is_described_once() -> None:
    found = JsonSchemas("2020-12")
    assert found.reference(Line, "load") == found.reference(Line(), "dump") == found.reference(Line, "load")
    assert [*found.components] == ["Line"]


def test_two_schemas_of_one_name_have_two_names() -> None:
    def another() -> type[Schema]:
        class Line(Schema):
            text = fields.String()

        return Line

    found = JsonSchemas("2020-12", ["Tree"])
    references = [found.reference(schema, "load")["$ref"] for schema in (Line, another(), another(), Tree)]
    assert len(set(references)) == 4
    assert references[0] == "#/components/schemas/Line"
    assert all(set(name) <= {*"_.-", *map(chr, range(48, 123))} for name in found.components)
    assert "Tree" not in found.components
    assert found.components[references[1].rpartition("/")[2]]["properties"].keys() == {"text"}


def test_the_plain_name_is_kept_for_the_plain_schema() -> None:
    found = JsonSchemas("2020-12")
    found.reference(Line(partial=True), "load")
    assert found.reference(Line, "load") == {"$ref": "#/components/schemas/Line"}
    assert found.components["Line"]["required"] == ["amount", "sku"]
    assert "required" not in found.components["Line2"]


def test_a_schema_whose_class_takes_arguments_is_described_by_its_instance() -> None:
    class Bounded(Schema):
        def __init__(self, most: int) -> None:
            super().__init__()
            self.fields["amount"] = self.load_fields["amount"] = fields.Integer(validate=validate.Range(max=most))

    found = JsonSchemas("2020-12")
    found.reference(Bounded(3), "load")
    assert found.components["Bounded"]["properties"]["amount"]["maximum"] == 3
