"""Texts of a plan that are known in full only when the stack is made: names, ARNs and URLs, in no tool's own form."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Attribute", "Part", "Place", "Text", "arn", "named", "text"]


class Place(Enum):
    """What only the deployment knows."""

    PREFIX = "prefix"
    ACCOUNT = "account"
    REGION = "region"
    PARTITION = "partition"


class Attribute(NamedTuple):
    """An attribute of another resource of the plan, by that one's id."""

    of: str
    what: Literal["arn", "name", "url", "stream", "id"]


Part: TypeAlias = "str | Attribute | Place"
Text: TypeAlias = tuple[Part, ...]


def text(*parts: Part) -> Text:
    """Join parts into one text, plain ones that meet into one part.

    >>> text("a", "b", Place.PREFIX, "")
    ('ab', <Place.PREFIX: 'prefix'>)
    """
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def named(suffix: str) -> Text:
    """Name something of the stack: its prefix and a suffix."""
    return text(Place.PREFIX, "-", suffix)


def arn(service: str, resource: Iterable[Part], *, regional: bool = True) -> Text:
    """Write the ARN of something in the account and region of the stack.

    Where one resource needs the ARN of another that needs its own, the ARN is written out: a reference either way
    would be a circle.
    """
    where: tuple[Part, ...] = (Place.REGION, ":", Place.ACCOUNT, ":") if regional else ("::",)
    return text("arn:", Place.PARTITION, f":{service}:", *where, *resource)
