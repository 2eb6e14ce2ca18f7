"""Checks of what a decorator is given, each with an error that says what to type instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from ..errors import RegistrationError
from .places import Place
from .records import AggregateRecord, EventType, ProcessorRecord, ViewRecord

__all__ = ["did_you_mean", "likely_typo", "near_or_all"]

LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
PLAIN: Final = LETTERS | frozenset("0123456789_.-")
LONGEST_NAME: Final = 255
#: A number in a name, with the sign in front of it.
_NUMBER: Final = re.compile("[_.-]?[0-9]+")
#: How many names an error lists, and the characters of each.
LISTED: Final = 12
SHOWN_NAME: Final = 60
#: A name that was left out: each decorator wants one, and without it its error says what to write.
UNNAMED: Any = None


def wrong(place: Place, text: str) -> RegistrationError:
    """Make the error for a mistake at a place."""
    return RegistrationError(f"{place}: {text}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give the end of an error text that names what was perhaps meant, or nothing.

    >>> did_you_mean("Ordr", ["Order", "Customer"])
    "; did you mean 'Order'?"
    """
    from difflib import get_close_matches  # only where something is wrong already

    near = get_close_matches(name[:LONGEST_NAME], list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def likely_typo(name: str, known: Collection[str]) -> str:
    """Give what `did_you_mean` does where a near name makes a mistake of what is none by itself.

    A name that differs from a known one in numbers alone is meant to: so is one thing told from the next.

    >>> likely_typo("mailr", ["mailer"]), likely_typo("billing2", ["billing1", "filling"])
    ("; did you mean 'mailer'?", '')
    """
    plain = _NUMBER.sub("", name)
    return "" if any(_NUMBER.sub("", one) == plain for one in known) else did_you_mean(name, known)


def near_or_all(name: str, known: Collection[str]) -> str:
    """Give the end of an error text that names what was perhaps meant, else what there is.

    >>> near_or_all("Ordr", ["Order"]), near_or_all("Invoice", ["Order", "Customer"]), near_or_all("Order", [])
    ("; did you mean 'Order'?", "; there is 'Order', 'Customer'", '; there is none')
    """
    near = did_you_mean(name, known)
    if near:
        return near
    listed = ", ".join(repr(one if len(one) <= SHOWN_NAME else f"{one[:SHOWN_NAME]}…") for one in list(known)[:LISTED])
    return f"; there is {listed or 'none'}" + (f" and {len(known) - LISTED} more" if len(known) > LISTED else "")


def one_of(place: Place, what: str, value: object, choices: Collection[str]) -> Any:
    """Check an option that is one of a few words."""
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(f'"{choice}"' for choice in choices)
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise wrong(place, f"{what} is {value!r}; it is one of {words}{hint}")
    return value


def plain_name(place: Place, what: str, name: object) -> str:
    """Check the name of an aggregate, view, processor, resource or registry, which becomes part of keys."""
    text = _text(place, what, name)
    if text[0] not in LETTERS or not PLAIN.issuperset(text):
        fitting = "".join(sign if sign in PLAIN else "-" for sign in text).lstrip("0123456789_.-") or "Order"
        raise wrong(
            place,
            f"the {what} name {text!r} is not a letter and then letters, digits, '_', '.' and '-': write {fitting!r}",
        )
    return text


def message_name(place: Place, what: str, name: object) -> str:
    """Check the name of a command, query or event: any text that a log line and a key can hold."""
    text = _text(place, what, name)
    if any(_is_control(ord(sign)) for sign in text):
        raise wrong(place, f"the {what} name {text!r} holds a control character: leave it out")
    return text


def _is_control(sign: int) -> bool:
    # Lone surrogates too, which no UTF-8 can hold.
    return sign < 0x20 or 0x7F <= sign < 0xA0 or 0xD800 <= sign < 0xE000


def _text(place: Place, what: str, name: object) -> str:
    if (callable(name) or name is None) and what in ("command handler", "query handler", "resource"):
        decorator = f"@{what.replace(' ', '_')}"
        raise wrong(place, f'{decorator} has no name: write {decorator}("Name") above the function')
    if not isinstance(name, str):
        raise wrong(place, f"the {what} name {name!r} is no string")
    if not name:
        raise wrong(place, f"the {what} name is empty")
    if len(name) > LONGEST_NAME:
        raise wrong(place, f"the {what} name {name[:40]!r}... has {len(name)} characters; {LONGEST_NAME} are the most")
    return name


def name_of(
    place: Place, what: str, named: object, kind: type[AggregateRecord] | type[ViewRecord] | type[ProcessorRecord]
) -> str:
    """Give the name behind a name or the object of that name."""
    if isinstance(named, kind):
        return named.name
    if isinstance(named, str):
        return plain_name(place, what, named)
    raise wrong(place, f"{what}={named!r} is neither the name of one nor what {what}(...) returned")


def event_names(place: Place, decorator: str, names: tuple[object, ...]) -> tuple[str, ...]:
    """Give the names behind event names and event types."""
    if not names:
        raise wrong(place, f'{decorator}() names no event: write {decorator}("OrderShipped", ...)')
    found: list[str] = []
    for named in names:
        if callable(named) and not isinstance(named, EventType):
            raise wrong(place, f'{decorator} is given {named!r} for an event name: write {decorator}("OrderShipped")')
        name = named.name if isinstance(named, EventType) else message_name(place, "event", named)
        if name in found:
            raise wrong(place, f"{decorator} names the event {name!r} twice")
        found.append(name)
    return tuple(found)


def field_names(place: Place, what: str, fields: object, most: int | None = None) -> tuple[str, ...]:
    """Check a field name, or several."""
    names = (fields,) if isinstance(fields, str) else fields
    if not isinstance(names, tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise wrong(place, f"{what}={fields!r} is neither a field's name nor a tuple of them")
    if len(set(names)) != len(names):
        raise wrong(place, f"{what}={fields!r} names one field twice")
    if most is not None and len(names) > most:
        raise wrong(place, f"{what}={fields!r} has {len(names)} fields; a partition and a sort field are the most")
    return tuple(map(str, names))


def whole_number(place: Place, what: str, value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise wrong(place, f"{what}={value!r} is not a whole number from {least}")
    return value


def truth(place: Place, what: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong(place, f"{what}={value!r} is neither True nor False")
    return value


def is_schema(value: object) -> bool:
    """Say whether this is a marshmallow schema, class or instance, without importing marshmallow."""
    return callable(getattr(value, "load", None)) and callable(getattr(value, "dump", None))


def schema_or_none(place: Place, value: Any) -> Any:
    if value is not None and not is_schema(value):
        raise wrong(place, f"schema={value!r} is not a marshmallow schema, neither a class nor an instance")
    return value


def state_type(place: Place, value: Any) -> Any:
    if value is None or value is dict:
        return dict
    if (isinstance(value, type) and hasattr(value, "__dataclass_fields__")) or is_schema(value):
        return value
    raise wrong(place, f"state={value!r} is neither dict, nor a dataclass, nor a marshmallow schema")


def exception_types(place: Place, what: str, value: object) -> tuple[type[BaseException], ...]:
    types = (value,) if isinstance(value, type) else value
    if isinstance(types, (tuple, list)) and types and all(map(_is_exception, types)):
        return tuple(types)
    raise wrong(place, f"{what}={value!r} is neither an exception class nor a tuple of them")


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)
