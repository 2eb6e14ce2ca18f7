"""Items in DynamoDB's own form, `{"S": "text"}`, and back; knows nothing of a client."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from ..store import Item


def encode_image(item: Item, *, base64_text: bool = False) -> dict[str, Any]:
    """Give an item's attributes as DynamoDB takes them; `base64_text` gives bytes as text, as stream records have them.

    >>> encode_image({"pk": "Order#o-1", "c": 7})
    {'pk': {'S': 'Order#o-1'}, 'c': {'N': '7'}}
    >>> encode_image({"body": b"hi"}, base64_text=True)
    {'body': {'B': 'aGk='}}
    """
    return {name: encode_value(value, base64_text=base64_text) for name, value in item.items()}


def encode_value(value: Any, *, base64_text: bool = False) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if kind is bytes:
        return {"B": b64encode(value).decode() if base64_text else value}
    if kind is bool:
        return {"BOOL": value}
    if kind is dict:
        return {"M": encode_image(value, base64_text=base64_text)}
    if value is None:
        return {"NULL": True}
    raise TypeError(f"an item holds str, int, bytes, bool and dicts of them, not {kind.__name__}")


def decode_image(image: Mapping[str, Mapping[str, Any]], *, base64_text: bool = False) -> Item:
    """Give the item of an image; `base64_text` where bytes come as text, as they do in a stream record in Lambda.

    >>> decode_image({"c": {"N": "7"}, "body": {"B": "aGk="}}, base64_text=True)
    {'c': 7, 'body': b'hi'}
    """
    return _decode(image, base64_text)


def _decode(image: Mapping[str, Mapping[str, Any]], base64_text: bool) -> Item:
    item: Item = {}
    for name, typed in image.items():  # this runs for every attribute that is read or delivered
        if "S" in typed and len(typed) == 1:
            item[name] = typed["S"]
            continue
        ((kind, value),) = typed.items()
        if kind == "N":
            item[name] = int(value)
        elif kind == "BOOL":
            item[name] = value
        elif kind == "B":
            item[name] = b64decode(value, validate=True) if base64_text else value
        elif kind == "M":
            item[name] = _decode(value, base64_text)
        elif kind == "NULL":
            item[name] = None
        else:
            raise ValueError(f"the attribute {name!r} is of DynamoDB's type {kind}, which cqrsless never writes")
    return item
