"""DynamoDB's own form of an item, and the form of it that streams deliver."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given

from cqrsless.store import Item
from cqrsless.stores.dynamodb_items import decode_image, encode_image
from tests.stores.test_model import items

ITEM: Item = {
    "pk": "Order#o-1",
    "c": 7,
    "body": b"\x00\xff",
    "flag": False,
    "nothing": None,
    "map": {"OrderCreated": 3, "deep": {"b": b"x"}},
}
IMAGE = {
    "pk": {"S": "Order#o-1"},
    "c": {"N": "7"},
    "body": {"B": b"\x00\xff"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "map": {"M": {"OrderCreated": {"N": "3"}, "deep": {"M": {"b": {"B": b"x"}}}}},
}


def test_each_type_has_its_letter() -> None:
    assert encode_image(ITEM) == IMAGE
    assert decode_image(IMAGE) == ITEM


@given(item=items("views"))
def test_an_item_survives_there_and_back(item: Item) -> None:
    assert decode_image(encode_image(item)) == item
    assert decode_image(as_text(encode_image(item)), base64_text=True) == item


def as_text(image: Any) -> Any:
    """Give an image as Lambda delivers it: JSON, with bytes as base64."""
    if isinstance(image, bytes):
        return base64.b64encode(image).decode()
    return {name: as_text(inner) for name, inner in image.items()} if isinstance(image, dict) else image


def test_text_that_is_not_base64_is_an_error() -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_image({"body": {"B": "not base64!"}}, base64_text=True)


@pytest.mark.parametrize("typed", [{"L": []}, {"SS": ["a"]}, {"NS": ["1"]}])
def test_an_attribute_that_cqrsless_never_writes_is_named(typed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the attribute 'tags' is of DynamoDB's type .*, which cqrsless never writes"):
        decode_image({"tags": typed})
