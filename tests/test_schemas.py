"""What cqrsless asks of marshmallow."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import EXCLUDE, INCLUDE, Schema, fields, post_load, validate

from cqrsless import schemas
from cqrsless.errors import SerializationFailed, ValidationFailed


class Line(Schema):
    sku = fields.String(required=True)
    count = fields.Integer(validate=validate.Range(min=1))


class Order(Schema):
    order_id = fields.String(required=True)
    total = fields.Decimal(data_key="Total")
    lines = fields.List(fields.Nested(Line))
    first = fields.Nested(Line)
    more = fields.Nested(Line, many=True)
    pin = fields.String(load_only=True)


def test_a_payload_that_is_not_valid_bears_marshmallows_own_messages() -> None:
    validated = schemas.loader(Order, "CreateOrder")
    with pytest.raises(ValidationFailed) as caught:
        validated({"Total": "x", "lines": [{"sku": "a"}, {"count": 0}], "extra": 1})
    assert caught.value.messages == {
        "order_id": ["Missing data for required field."],
        "Total": ["Not a valid number."],
        "lines": {1: {"sku": ["Missing data for required field."], "count": ["Must be greater than or equal to 1."]}},
        "extra": ["Unknown field."],
    }
    assert str(caught.value).startswith("CreateOrder is not valid: ")
    assert "lines.1.sku: Missing data for required field." in str(caught.value)


def test_a_payload_that_is_no_object_is_not_valid() -> None:
    for payload in (None, 5, "x", [], [{}]):
        with pytest.raises(ValidationFailed, match="Invalid input type"):
            schemas.loader(Order, "CreateOrder")(payload)


@pytest.mark.parametrize(
    ("state", "path"),
    [
        ({"order_id": "o-1", "note": 1}, "note"),
        ({"order_id": "o-1", "pin": "1234"}, "pin"),
        ({"order_id": "o-1", "first": {"sku": "a", "note": 1}}, "first.note"),
        ({"order_id": "o-1", "lines": [{"sku": "a"}, {"sku": "b", "note": 1}]}, "lines[1].note"),
        ({"order_id": "o-1", "more": [{"sku": "a", "note": 1}]}, "more[0].note"),
    ],
)
def test_what_a_schema_would_drop_is_refused(state: dict[str, Any], path: str) -> None:
    with pytest.raises(SerializationFailed) as caught:
        schemas.dump(Order(), state, "the state of Order")
    assert caught.value.path == path
    assert str(caught.value).startswith(f"the state of Order holds {path}, which Order does not dump: add the field")


def test_what_a_schema_excludes_is_left_out() -> None:
    assert schemas.dump(Order(unknown=EXCLUDE), {"order_id": "o-1", "note": 1}, "it") == {"order_id": "o-1"}


def test_what_a_schema_includes_is_kept() -> None:
    stored = schemas.dump(Order(unknown=INCLUDE), {"order_id": "o-1", "note": 1}, "it")
    assert stored == {"order_id": "o-1", "note": 1}
    assert schemas.reload(Order(unknown=INCLUDE), stored, "it") == {"order_id": "o-1", "note": 1}


def test_a_field_may_read_from_deep_inside() -> None:
    class Flat(Schema):
        city = fields.String(attribute="address.city")

    assert schemas.dump(Flat(), {"address": {"city": "Ghent"}}, "it") == {"city": "Ghent"}


def test_an_object_is_dumped_by_its_attributes() -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    class PointSchema(Schema):
        x = fields.Integer()

        @post_load
        def make(self, data: dict[str, Any], **_: Any) -> Point:
            return Point(**data)

    assert schemas.dump(PointSchema(), Point(3), "it") == {"x": 3}
    assert schemas.reload(PointSchema(), {"x": 3}, "it").x == 3


def test_what_no_longer_fits_its_schema_says_where() -> None:
    with pytest.raises(SerializationFailed) as caught:
        schemas.reload(Order(), {"order_id": "o-1", "lines": [{"count": 1}]}, "the state of Order")
    assert caught.value.path == "lines.0.sku"
    assert str(caught.value) == ("the state of Order does not fit Order: lines.0.sku: Missing data for required field.")


def test_fields_are_found_by_the_key_they_are_loaded_from() -> None:
    assert schemas.has_field(Order, "Total") and not schemas.has_field(Order, "total")
    assert schemas.list_fields(Order) == {"lines"}
    assert schemas.list_fields(None) == frozenset()
