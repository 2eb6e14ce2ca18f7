"""Payloads and states as they are stored: JSON text, with a tag for each Python value that JSON lacks.

`{"$dec": "1.10"}` is a `Decimal`; a key of the user's own that begins with `$` is stored with a second one. What
comes back equals what went in, except that a tuple is a list, an `Enum` is its value, and a time zone is its offset.
"""

from __future__ import annotations

import base64
import json
import zlib
from binascii import b2a_base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
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


def writer(
    default: Callable[[Any], Any], *, ensure_ascii: bool, sort_keys: bool = False, spaced: bool = False
) -> Callable[[Any], str]:
    """Give what writes JSON.

    It is `json.JSONEncoder.encode`, which makes CPython's encoder anew for each value; here it is made once. What
    holds itself then ends in a `RecursionError` and not in a `ValueError`.
    """
    between = (", ", ": ") if spaced else (",", ":")
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(
            ensure_ascii=ensure_ascii, separators=between, allow_nan=False, sort_keys=sort_keys, default=default
        ).encode
    quote = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    encode = make(None, default, quote, None, between[1], between[0], sort_keys, False, False)
    join = "".join
    return lambda value: join(encode(value, 0))


#: Writes a value as it is stored, as far as JSON and the tags have it.
dumps: Final = writer(_tag, ensure_ascii=False)
_canonical: Final = writer(_tag, ensure_ascii=True, sort_keys=True)
#: Writes one text as JSON.
quoted: Final[Callable[[str], str]] = json.encoder.encode_basestring


def _installed() -> Any:
    try:
        import orjson
    except ImportError:  # the extra `fast`
        return None
    return orjson


#: orjson, where it is installed. What it writes of values of these types is, to the byte, what `dumps` writes; it is
#: asked for nothing else, as what is stored and compared is the same text in every container.
fast: Final = _installed()
_ALIKE: Final = frozenset({str, int, bool, type(None)}) if fast is not None else frozenset[type]()
_SORTED: Final = None if fast is None else fast.OPT_SORT_KEYS


#: Types whose values nobody can change, and that come back just as they went in.
_EXACT: Final = frozenset({str, int, bool, float, type(None), Decimal, date, timedelta, UUID, bytes})
_HOLDERS: Final = frozenset({dict, list})


def encode(value: Any, what: str = "the value") -> tuple[str, Any]:
    """Give a value's stored text and a private copy of it, just as a later read will give it.

    Raises `SerializationFailed` naming the path of what cannot be stored.

    >>> encode({"total": Decimal("9.90"), "tags": ("new",)})
    ('{"total":{"$dec":"9.90"},"tags":["new"]}', {'total': Decimal('9.90'), 'tags': ['new']})
    """
    try:
        alike = False
        if type(value) is dict:
            alike = fast is not None
            for name, inner in value.items():
                kind = type(inner)
                if kind not in _ALIKE:
                    alike = False
                    if kind not in _EXACT:
                        copy = _exact(value)
                        break
                if type(name) is not str or "$" in name:
                    alike, copy = False, _exact(value)
                    break
            else:
                copy = value.copy()
        else:
            copy = _exact(value)
        if alike and fast is not None:
            return fast.dumps(value).decode(), copy
        text = dumps(value)
        if not text.isascii():
            text.encode()
        return text, copy
    except (TypeError, ValueError, AttributeError, RecursionError):
        pass  # int keys, tuples, keys with a "$", an int too long for orjson, or a mistake: it takes the careful way
    try:
        text = dumps(_plain(value, "", what))
        return text, decode(text)
    except RecursionError:
        raise SerializationFailed(f"{what} is nested too deeply, or holds itself", path="") from None
    except ValueError as error:  # an int of more digits than Python turns into text
        raise SerializationFailed(f"{what}: {error}", path="") from None


def plain_text(values: dict[str, Any]) -> str | None:
    """Give the stored text of named values, if each comes back just as it is and is no list or dict; else `None`."""
    alike = fast is not None
    for value in values.values():
        kind = type(value)
        if kind not in _ALIKE:
            alike = False
            if kind not in _EXACT:
                return None
    try:
        if alike and fast is not None:
            stored: str = fast.dumps(values).decode()
            return stored
    except TypeError:  # an int of more than 64 bits, half a surrogate pair
        pass
    try:
        text = dumps(values)
        if not text.isascii():
            text.encode()
    except ValueError:  # no number, half a surrogate pair
        return None
    return text


def decode(text: str) -> Any:
    """Read stored text; every call gives a copy of its own.

    >>> decode('{"total":{"$dec":"9.90"}}')
    {'total': Decimal('9.90')}
    """
    # One character is looked for five times as fast as two, and most texts have not even that.
    return _decode_tagged(text) if "$" in text and '"$' in text else loads(text)


def loads(text: str) -> Any:
    """Read JSON that this package wrote: no space before it and nothing behind it."""
    try:
        value, end = _scan(text, 0)
    except StopIteration as stopped:
        raise ValueError(f"a stored text is not JSON at {stopped.value}") from None
    if end != len(text):
        raise ValueError(f"a stored text goes on behind its end, at {end}")
    return value


def copied(value: Any) -> Any:
    """Copy what `encode` or `decode` gave: all in it that can be changed."""
    if type(value) is dict:
        return {name: copied(inner) if type(inner) in _HOLDERS else inner for name, inner in value.items()}
    if type(value) is list:
        return [copied(inner) if type(inner) in _HOLDERS else inner for inner in value]
    return value


def digest(value: Any, what: str = "the payload") -> str:
    """Give 16 characters that tell one payload from another, however its keys are ordered."""
    text = b""
    if fast is not None and type(value) is dict:
        for inner in value.values():
            if type(inner) not in _ALIKE:
                break
        else:
            try:
                text = fast.dumps(value, None, _SORTED)
            except TypeError:  # a key that is no str, an int of more than 64 bits, half a surrogate pair
                text = b""
    if not text or not text.isascii() or b"\x7f" in text:  # in the canonical text all else is escaped
        text = _canonical_bytes(value, what)
    return b2a_base64(blake2b(text, digest_size=12).digest(), newline=False).decode()


def _canonical_bytes(value: Any, what: str) -> bytes:
    try:
        return _canonical(value).encode()
    except (TypeError, ValueError, RecursionError):
        return _canonical(encode(value, what)[1]).encode()


def _exact(value: Any) -> Any:
    """Copy a value that comes back just as it is, or raise."""
    kind = type(value)
    if kind is dict:
        copy: dict[str, Any] = {}
        for name, inner in value.items():
            if type(name) is not str or name[:1] == "$":
                raise TypeError(name)
            copy[name] = inner if type(inner) in _EXACT else _exact(inner)
        return copy
    if kind is list:
        return [inner if type(inner) in _EXACT else _exact(inner) for inner in value]
    if kind in _EXACT or (kind is datetime and value.tzinfo is timezone.utc):
        return value
    raise TypeError(kind)


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


_decode_tagged: Final = json.JSONDecoder(object_hook=_untag).decode
_scan: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # is there, and no stub says so


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
