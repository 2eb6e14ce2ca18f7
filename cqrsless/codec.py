"""Payloads and states as they are stored: JSON text, with a tag for each Python value that JSON lacks.

`{"$dec": "1.10"}` is a `Decimal`; a key of the user's own that begins with `$` is stored with a second one. What
comes back equals what went in, except that a tuple is a list, an `Enum` is its value, and a time zone is its offset.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from .errors import SerializationFailed

#: Bytes that a compressed body may grow to: what is read was written under the same bound.
UNCOMPRESSED_LIMIT: Final = 4 * 1024 * 1024
_MICROSECOND: Final = timedelta(microseconds=1)

_TO: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    Decimal: lambda value: {"$dec": str(value)},
    datetime: lambda value: {"$dt": value.isoformat()},
    date: lambda value: {"$date": value.isoformat()},
    time: lambda value: {"$time": value.isoformat()},
    timedelta: lambda value: {"$td": value // _MICROSECOND},
    UUID: lambda value: {"$uuid": str(value)},
    bytes: lambda value: {"$bytes": base64.b64encode(value).decode()},
}
_FROM: Final[dict[str, Callable[[Any], Any]]] = {
    "$dec": Decimal,
    "$dt": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$td": lambda value: timedelta(microseconds=value),
    "$uuid": UUID,
    "$bytes": base64.b64decode,
}


def _tag(value: Any) -> Any:
    for cls in type(value).__mro__:
        to = _TO.get(cls)
        if to is not None:
            return to(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(type(value).__name__)


_dumps: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_tag).encode
_canonical: Final = json.JSONEncoder(
    ensure_ascii=True, separators=(",", ":"), allow_nan=False, sort_keys=True, default=_tag
).encode


def encode(value: Any, what: str = "the value") -> tuple[str, Any]:
    """Give a value's stored text and a private copy of it, just as a later read will give it.

    Raises `SerializationFailed` naming the path of what cannot be stored.

    >>> encode({"total": Decimal("9.90"), "tags": ("new",)})
    ('{"total":{"$dec":"9.90"},"tags":["new"]}', {'total': Decimal('9.90'), 'tags': ['new']})
    """
    try:
        text = _dumps(value)
        copy = _decode_own(text) if '"$' in text else json.loads(text)
        # What comes back equal was plain. The rest (int keys, tuples, keys with a "$") takes the careful way.
        if copy == value:
            text.encode()
            return text, copy
    except (TypeError, ValueError, AttributeError, RecursionError, ArithmeticError):
        pass
    try:
        text = _dumps(_plain(value, "", what))
        return text, decode(text)
    except RecursionError:
        raise SerializationFailed(f"{what} is nested too deeply, or holds itself", path="") from None
    except ValueError as error:  # an int of more digits than Python turns into text
        raise SerializationFailed(f"{what}: {error}", path="") from None


def decode(text: str) -> Any:
    """Read stored text; every call gives a copy of its own.

    >>> decode('{"total":{"$dec":"9.90"}}')
    {'total': Decimal('9.90')}
    """
    return _decode_tagged(text) if '"$' in text else json.loads(text)


def digest(value: Any, what: str = "the payload") -> str:
    """Give 16 characters that tell one payload from another, however its keys are ordered."""
    try:
        text = _canonical(value)
    except (TypeError, ValueError, RecursionError):
        text = _canonical(encode(value, what)[1])
    return base64.b64encode(blake2b(text.encode(), digest_size=12).digest()).decode()


def _untag(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        ((key, inner),) = value.items()
        read = _FROM.get(key)
        if read is not None:
            return read(inner)
    for key in value:
        if key.startswith("$$"):
            return {key[1:] if key.startswith("$$") else key: inner for key, inner in value.items()}
    return value


def _untag_own(value: dict[str, Any]) -> Any:
    """Read a tag, and refuse the user's own keys that look like one: those are to be escaped."""
    if len(value) == 1:
        ((key, inner),) = value.items()
        read = _FROM.get(key)
        if read is not None:
            return read(inner)
    for key in value:
        if key.startswith("$"):
            raise ValueError(key)
    return value


_decode_tagged: Final = json.JSONDecoder(object_hook=_untag).decode
_decode_own: Final = json.JSONDecoder(object_hook=_untag_own).decode


def _plain(value: Any, path: str, what: str) -> Any:
    """Rewrite a value into JSON's own types, or say where that fails."""
    if isinstance(value, Enum):
        return _plain(value.value, path, what)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise _refuse(what, path, f"{value!r} is no number that JSON knows; store None, or a Decimal")
        return value
    if isinstance(value, str):
        return _text(value, path, what)
    if isinstance(value, dict):
        plain: dict[str, Any] = {}
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _refuse(what, path, f"the key {key!r} is of type {type(key).__name__}; use a string as key")
            name = _text(key, path, what)
            plain["$" + name if name.startswith("$") else name] = _plain(
                inner, f"{path}.{name}" if path else name, what
            )
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(inner, f"{path}[{index}]", what) for index, inner in enumerate(value)]
    try:
        return _tag(value)
    except TypeError:
        raise _refuse(what, path, f"a value of type {type(value).__name__} cannot be stored; {_ADVICE}") from None


def _text(value: str, path: str, what: str) -> str:
    """Give a string's characters (also of an `Enum` that is a string), where they are text."""
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _refuse(what, path, f"{text!a} has a lone surrogate, which is no text; store bytes") from None
    return text


_ADVICE: Final = (
    "store JSON values, Decimal, datetime, date, time, timedelta, UUID, bytes or Enum, "
    "or declare a schema that dumps it"
)


def _refuse(what: str, path: str, why: str) -> SerializationFailed:
    return SerializationFailed(f"{what} at {path or 'its top'}: {why}", path=path)


def compress(text: str) -> bytes:
    return zlib.compress(text.encode(), 6)


def inflate(body: str | bytes) -> str:
    """Give a stored body's text, which may be compressed, never past the bound."""
    if isinstance(body, str):
        return body
    inflater = zlib.decompressobj()
    data = inflater.decompress(body, UNCOMPRESSED_LIMIT + 1)
    if len(data) > UNCOMPRESSED_LIMIT or inflater.unconsumed_tail:
        raise SerializationFailed(f"a stored body grows past {UNCOMPRESSED_LIMIT} bytes")
    return data.decode()
