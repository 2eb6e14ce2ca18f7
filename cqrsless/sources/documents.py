"""JSON that comes in, read strictly, and values that go out as JSON."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final, NoReturn, TypeGuard
from uuid import UUID

from ..codec import fast, writer
from ..errors import MalformedMessage, SerializationFailed

__all__ = ["check", "is_text", "parse", "plain", "shown", "written"]

#: How deep a document may nest. Python's own stack ends at some 1,000 calls, and a payload is walked more than once.
DEEPEST: Final = 100
#: How much of a wrong input is shown in an error text.
SHOWN: Final = 200

_HALF_PAIR: Final = "[\ud800-\udfff]"


def parse(text: str | bytes, what: str) -> dict[str, Any]:
    """Read a JSON object, or raise `MalformedMessage` that says what is wrong with it.

    Of a name that an object has twice the last value counts, as in the events that Lambda's runtime has parsed itself.

    >>> parse('{"order_id": "o-1"}', "the body")
    {'order_id': 'o-1'}
    >>> parse('{"total": NaN}', "the body")
    Traceback (most recent call last):
    ...
    cqrsless.errors.MalformedMessage: the body is not JSON: NaN is not a JSON number
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise MalformedMessage(f"{what} is not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        document = _decoded(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise MalformedMessage(f"{what} is not JSON: {error.msg} at {place}") from None
    except _NotJson as error:
        raise MalformedMessage(f"{what} is not JSON: {error}") from None
    except ValueError:
        raise MalformedMessage(f"{what} holds a number with too many digits") from None
    except RecursionError:
        raise MalformedMessage(_too_deep(what)) from None
    if type(document) is not dict:
        raise MalformedMessage(f"{what} is {_a(document)}, and has to be a JSON object")
    if "\\u" in text or not text.isascii():
        _check_unicode(document, what)
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(document, what)
    return document


def check(document: Mapping[str, Any], what: str) -> None:
    """Check a document that something else has parsed, as strictly as `parse` does.

    Lambda's runtime reads events with a parser that takes NaN and half a surrogate pair.
    """
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise MalformedMessage(_half_pair(what)) from None
    except RecursionError:
        raise MalformedMessage(_too_deep(what)) from None
    except ValueError:
        raise MalformedMessage(f"{what} holds NaN, Infinity or a number with too many digits") from None
    except TypeError as error:
        raise MalformedMessage(f"{what} is not JSON: {error}") from None
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(document, what)


def plain(value: Any, path: str = "") -> Any:
    """Give a value in JSON's own types, or raise `SerializationFailed` that names the path to what has none.

    >>> plain({"total": Decimal("19.90"), "due": date(2026, 11, 23), "tags": ("a", "b")})
    {'total': '19.90', 'due': '2026-11-23', 'tags': ['a', 'b']}
    """
    try:
        return _plain(value, path)
    except RecursionError:
        raise SerializationFailed(f"{_at(path)} holds itself, or nests too deeply for JSON") from None


_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})


def _plain(value: Any, path: str) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict:
        return {
            name if type(name) is str else _key(name, path): inner
            if type(inner) in _AS_THEY_ARE
            else _plain(inner, f"{path}.{name}")
            for name, inner in value.items()
        }
    if kind is list:
        return [
            inner if type(inner) in _AS_THEY_ARE else _plain(inner, f"{path}[{at}]") for at, inner in enumerate(value)
        ]
    if kind is float and isfinite(value):
        return value
    return _unusual(value, path)


def _unusual(value: Any, path: str) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value, path)
    if isinstance(value, float):
        if not isfinite(value):
            raise SerializationFailed(f"{_at(path)} is {value}, which JSON does not have", path=path.lstrip("."))
        return float(value)
    if isinstance(value, (str, int)):
        return str(value) if isinstance(value, str) else int(value)
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name), f"{path}.{f.name}") for f in fields(value)}
    if isinstance(value, Mapping):
        return {_key(name, path): _plain(inner, f"{path}.{name}") for name, inner in value.items()}
    if isinstance(value, tuple) and isinstance(names := getattr(value, "_fields", None), tuple):
        return {name: _plain(inner, f"{path}.{name}") for name, inner in zip(names, value, strict=True)}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, f"{path}[{at}]") for at, inner in enumerate(value)]
    if isinstance(value, AbstractSet):  # in an order of its own, so that equal sets are equal answers
        return [_plain(inner, f"{path}[{at}]") for at, inner in enumerate(sorted(value, key=repr))]
    raise SerializationFailed(
        f"{_at(path)} is of type {type(value).__name__}, which has no form in JSON: return dicts, lists, dataclasses "
        "and plain values",
        path=path.lstrip("."),
    )


def _key(name: Any, path: str) -> str:
    if isinstance(name, Enum):
        name = name.value
    if isinstance(name, (str, int, UUID, Decimal, date)) and not isinstance(name, bool):
        return str(name) if not isinstance(name, date) else name.isoformat()
    raise SerializationFailed(
        f"{_at(path)} has a key of type {type(name).__name__}: keys are strings in JSON", path=path.lstrip(".")
    )


def is_text(value: Any) -> TypeGuard[str]:
    """Say whether this is text that has an encoding; Python's strings may hold half a surrogate pair, too.

    >>> is_text("é"), is_text("\\ud800"), is_text(7)
    (True, False, False)
    """
    return isinstance(value, str) and (value.isascii() or not re.search(_HALF_PAIR, value))


def shown(value: Any) -> str:
    """Show a wrong input in an error text: short, on one line, and in characters that every encoding has.

    >>> shown("a\\nb"), shown("x" * 1000) == repr("x" * 200 + "...")
    ("'a\\\\nb'", True)
    """
    if isinstance(value, str):
        text = repr(value[:SHOWN] + "..." if len(value) > SHOWN else value)
    elif isinstance(value, (dict, list, tuple)):
        return _a(value)
    else:
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**SHOWN else "a very large number"
        text = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return text.encode("utf-8", "backslashreplace").decode()


class _NotJson(Exception):
    pass


def _constant(name: str) -> NoReturn:
    raise _NotJson(f"{name} is not a JSON number")


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _NotJson("a number is larger than any that can be held")
    return number


_decoder: Final = json.JSONDecoder(parse_constant=_constant, parse_float=_number)
_scan: Final[Callable[[str, int], tuple[Any, int]]] = _decoder.scan_once  # type: ignore[attr-defined]  # no stub has it


def _decoded(text: str) -> Any:
    """Read JSON; where nothing stands around it, without looking for what may."""
    if text[:1] == "{":
        try:
            document, end = _scan(text, 0)
            if end == len(text):
                return document
        except StopIteration:  # cut short: the slow way says where
            pass
    return _decoder.decode(text)


def _refuse(value: Any) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_written: Final = writer(_refuse, ensure_ascii=True, spaced=True)


def written(document: Any) -> str:
    """Write an answer, once `plain` has made it one; with orjson where that is installed (the extra `fast`).

    Answers alone may differ by that: what is stored, and what is compared, is the same text in every container.
    """
    if fast is None:
        return _written(document)
    try:
        encoded: bytes = fast.dumps(document)
    except TypeError:  # an int of more than 64 bits
        return _written(document)
    # All that Lambda is given is ASCII: no proxy in front of it has to know an encoding.
    return encoded.decode("ascii") if encoded.isascii() else _written(document)


def _check_unicode(document: Any, what: str) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise MalformedMessage(_half_pair(what)) from None


def _check_depth(document: Any, what: str) -> None:
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise MalformedMessage(_too_deep(what))


def _too_deep(what: str) -> str:
    return f"{what} nests too deeply; {DEEPEST} levels are read"


def _half_pair(what: str) -> str:
    return f"{what} holds half a surrogate pair, which is no Unicode text"


def _a(value: Any) -> str:
    if isinstance(value, dict):
        return "a JSON object"
    if isinstance(value, (list, tuple)):
        return "a JSON list"
    if isinstance(value, bool):
        return "a JSON boolean"
    if isinstance(value, str):
        return "a JSON string"
    if isinstance(value, (int, float)):
        return "a JSON number"
    return "null" if value is None else f"a {type(value).__name__}"


def _at(path: str) -> str:
    return f"the answer's {path.lstrip('.')}" if path else "the answer"
