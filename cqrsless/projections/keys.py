"""Values as parts of keys: text that sorts as the values do, and that no two different values share.

Each text begins with a letter for the kind of value. Numbers of all types share a kind and are compared by what they
are written as (`0.1` and `Decimal("0.1")` are one key); a UUID is its text, since that is what an aggregate's id is;
an `Enum` is its value. A space ends a part, and stands inside none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from ..errors import ValidationFailed
from ..store import KEY_LIMIT, SORT_KEY_LIMIT

#: What ends a part where another follows: lower than all that stands inside one.
END: Final = " "
#: A space and what is below it, and the exclamation mark that stands in front of them, in their own order.
_ESCAPED: Final = {code: "!" + chr(0x30 + code) for code in range(0x22)}
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")
#: More bits than the longest key has digits for.
_MOST_BITS: Final = KEY_LIMIT * 4
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)


def encode(value: Any, what: str) -> str:
    """Give a value's text; `what` says in an error whose it is.

    Raises `ValidationFailed` for what has no place in an order, such as `None`, a list or a NaN.

    >>> encode("o-1", "an id"), encode(42, "a number"), encode(date(2026, 3, 1), "a day")
    ('so-1', 'n1l242', 'd2026-03-01')
    """
    if type(value) is str:
        return "s" + _text(value, what)
    if isinstance(value, Enum):
        return encode(value.value, what)
    for kind, encoded in _KINDS:
        if isinstance(value, kind):
            return encoded(value, what)
    raise _refuse(
        what,
        f"is {_shown(value)}; a key is a string, a number, a bool, a date or time, a UUID, bytes or an Enum of these",
    )


def joined(parts: Sequence[str]) -> str:
    """Make one text of the texts of several values; it sorts by the first, then by the second."""
    return END.join(parts)


def digest(text: str) -> str:
    """Give what stands for a text that is too long for a key; no value's text begins with `#`."""
    return "#" + blake2b(text.encode(), digest_size=32).hexdigest()


def partition(prefix: str, part: str, what: str) -> str:
    """Make a partition key, at most 2,048 bytes long."""
    key = prefix + part
    size = len(key.encode())
    if size > KEY_LIMIT:
        raise _refuse(what, f"makes a partition key of {size} bytes; DynamoDB takes {KEY_LIMIT}")
    return key


def sort_key(part: str, what: str, room: int = SORT_KEY_LIMIT) -> str:
    """Check a sort key, at most 1,024 bytes long."""
    size = len(part.encode())
    if size > room:
        raise _refuse(what, f"makes a sort key of {size} bytes; there is room for {room}")
    return part


def _text(value: str, what: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _refuse(what, "holds a lone surrogate, which is no text") from None
    return value.translate(_ESCAPED)


def _number(value: int | float | Decimal, what: str) -> str:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise _refuse(what, f"is a number of {value.bit_length()} bits, too long for a key")
    number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise _refuse(what, f"is {value!r}, which is no number to sort by")
    return _decimal(number)


def _decimal(number: Decimal) -> str:
    """Encode 0.ddd times ten to the e: its sign, e, and the digits; in a negative one all is turned round."""
    if not number:
        return "0"
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0").rstrip("0")
    exponent = number.adjusted() + 1
    if number > 0:
        return f"1{_exponent(exponent)}{digits}"
    return f"-{_exponent(-exponent)}{digits.translate(_COMPLEMENT)}~"


def _exponent(value: int) -> str:
    """Encode a whole number of at most 19 digits: a letter for their count and the sign, and the digits."""
    digits = str(abs(value))
    if value >= 0:
        return chr(ord("k") + len(digits)) + digits
    return chr(ord("k") - len(digits)) + digits.translate(_COMPLEMENT)


def _moment(value: datetime, what: str) -> str:
    if value.utcoffset() is None:  # sorts among its kind: where it stands on the time line, nobody can tell
        return "l" + value.replace(tzinfo=None).isoformat(timespec="microseconds")
    try:
        utc = value.astimezone(timezone.utc)
    except OverflowError:
        raise _refuse(what, f"is {value.isoformat()}, which in UTC is past the years 1 to 9999") from None
    return "t" + utc.replace(tzinfo=None).isoformat(timespec="microseconds")


def _clock(value: time, what: str) -> str:
    offset = value.utcoffset()
    if offset is None:
        return "c" + value.replace(tzinfo=None).isoformat(timespec="microseconds")
    since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return f"z{(since - offset + _DAY) // _MICROSECOND:012}"


#: In this order: a bool is an int, and a datetime is a date.
_KINDS: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any, str], str]], ...]] = (
    (str, lambda value, what: "s" + _text(str(value), what)),
    (bool, lambda value, what: "b1" if value else "b0"),
    ((int, float, Decimal), lambda value, what: "n" + _number(value, what)),
    (datetime, _moment),
    (date, lambda value, what: "d" + value.isoformat()),
    (time, _clock),
    (timedelta, lambda value, what: "p" + _decimal(Decimal(value // _MICROSECOND))),
    (UUID, lambda value, what: "s" + str(value)),
    (bytes, lambda value, what: "x" + value.hex()),
)


def _refuse(what: str, why: str) -> ValidationFailed:
    text = f"{what} {why}"
    return ValidationFailed(text, messages={"key": [text]})


def _shown(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
