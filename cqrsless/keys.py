"""Names and ids as they stand in keys: no two things may ever share one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from .errors import ValidationFailed, a_type
from .store import KEY_LIMIT

#: Fields of a payload that an error names.
_LISTED: Final = 8
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"


def has_control(text: str) -> bool:
    """Say whether a text holds control characters, or half a surrogate pair."""
    return re.search(_CONTROL, text) is not None


def join_id(parts: Sequence[str]) -> str:
    """Make one id of several parts; a single part stands for itself, more are length-prefixed.

    >>> join_id(["o-1"]), join_id(["a", "bc"]), join_id(["ab", "c"])
    ('o-1', '1:a2:bc', '2:ab1:c')
    """
    if len(parts) == 1:
        return parts[0]
    return "".join(f"{len(part)}:{part}" for part in parts)


def split_id(text: str, count: int) -> tuple[str, ...]:
    """Take an id apart again.

    >>> split_id("1:a2:bc", 2)
    ('a', 'bc')
    """
    if count == 1:
        return (text,)
    parts: list[str] = []
    rest = text
    while rest and len(parts) < count:
        length, _, rest = rest.partition(":")
        size = int(length) if length.isdecimal() and len(length) <= 4 else len(rest) + 1
        parts.append(rest[:size])
        rest = rest[size:]
    if len(parts) != count or join_id(parts) != text:  # also for "01:a", "+1:a" and "2:a", which nobody writes
        raise ValueError(f"{text[:80]!r} is not an id of {count} parts")
    return tuple(parts)


def aggregate_key(kind: str, aggregate_id: str) -> str:
    """Give the partition key of an aggregate's commits: its type and its id.

    >>> aggregate_key("Order", "o#1")
    'Order#o#1'
    """
    return f"{kind}#{aggregate_id}"


def read_id(kind: str, id_field: Sequence[str], payload: Any) -> str:
    """Take an aggregate's id out of a payload, checked.

    Raises `ValidationFailed` with a message per field: an id is a non-empty string without control characters, and
    the key that it makes is at most 2,048 bytes long (DynamoDB's limit for a partition key).

    >>> read_id("Order", ("order_id",), {"order_id": "o-1"})
    'o-1'
    """
    if len(id_field) == 1:  # the common case, kept short: it runs for each command
        value = payload.get(id_field[0]) if type(payload) is dict else _field(payload, id_field[0])
        if type(value) is str and value.isprintable() and 0 < len(value) < 256:
            return value
    messages: dict[str, list[str]] = {}
    parts: list[str] = []
    for name in id_field:
        value = _field(payload, name)
        if isinstance(value, UUID):
            value = str(value)
        if value is None:
            messages[name] = ["Missing data for required field."]
        elif not isinstance(value, str):
            messages[name] = [f"An id is a string, not {type(value).__name__}."]
        elif not value:
            messages[name] = ["An id is not empty."]
        elif has_control(value):
            messages[name] = ["An id has no control characters."]
        else:
            parts.append(str.__str__(value))  # of an Enum that is a string, its value
    if not messages:
        joined = join_id(parts)
        size = len(aggregate_key(kind, joined).encode())
        if size <= KEY_LIMIT:
            return joined
        messages[id_field[0]] = [f"An id makes a key of at most {KEY_LIMIT} bytes; this one would take {size}."]
    raise ValidationFailed(f"no valid id of {kind}: {_plain(messages)} ({_sent(id_field, payload)})", messages=messages)


def id_of(kind: str, id_field: Sequence[str], given: str | Sequence[str] | Mapping[str, Any]) -> str:
    """Read an id as a caller gives it: a string (a composite one as results give it), its parts, or by field name.

    >>> id_of("Seat", ("show", "row"), ("hamlet", "f")), id_of("Seat", ("show", "row"), "6:hamlet1:f")
    ('6:hamlet1:f', '6:hamlet1:f')
    """
    values: Any
    if isinstance(given, Mapping):
        values = given
    elif len(id_field) == 1:
        values = {id_field[0]: given}
    elif isinstance(given, str):
        try:
            values = dict(zip(id_field, split_id(given, len(id_field)), strict=True))
        except ValueError:
            raise ValidationFailed(
                f"{given!r} is not an id of {kind}: give its parts ({', '.join(id_field)}) as a tuple",
                messages={name: ["Missing data for required field."] for name in id_field},
            ) from None
    elif not isinstance(given, (tuple, list)):
        raise ValidationFailed(
            f"{given!r} is not an id of {kind}: give its parts ({', '.join(id_field)}) as a tuple",
            messages={name: ["Missing data for required field."] for name in id_field},
        )
    else:
        if len(given) != len(id_field):
            raise ValidationFailed(
                f"an id of {kind} has {len(id_field)} parts ({', '.join(id_field)}), not {len(given)}",
                messages={name: ["Missing data for required field."] for name in id_field[len(given) :]},
            )
        values = dict(zip(id_field, given, strict=True))
    return read_id(kind, id_field, values)


def _field(payload: Any, name: str) -> Any:
    if isinstance(payload, Mapping):
        return payload.get(name)
    return getattr(payload, name, None)


def _sent(id_field: Sequence[str], payload: Any) -> str:
    """Say what was sent in the place of an id: bounded, and escaped, as it comes from outside."""
    from reprlib import repr as shown  # only where something is wrong already

    values = {name: _field(payload, name) for name in id_field}
    given = [f"{name}={shown(value)}" for name, value in values.items() if value is not None]
    if not given and isinstance(payload, Mapping):
        names = [shown(name) for name in payload]
        more = ["..."] if len(names) > _LISTED else []
        return f"sent was {', '.join(names[:_LISTED] + more)}" if names else "sent was nothing"
    return f"sent was {', '.join(given) or a_type(payload)}"


def _plain(messages: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name}: {' '.join(texts)}" for name, texts in messages.items())
