"""What a request to the console's API asks, and values in the form in which it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...errors import MalformedMessage, SerializationFailed
from ...sources.documents import plain
from ..project import Project

__all__ = ["Ask", "clipped", "told"]

#: Characters of a text, and values of a list or object, that are sent to a page.
LONGEST: Final = 20_000
MOST: Final = 2_000
LIMIT: Final = 200
#: The largest whole number that a browser reads exactly.
EXACT: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: to which project, and its parameters or its body."""

    project: Project
    args: Mapping[str, str]
    body: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Give a text that has to be there."""
        value = self.body.get(name, self.args.get(name))
        if not isinstance(value, str) or not value:
            raise MalformedMessage(f"{name!r} has to be given, as text")
        return value

    def maybe(self, name: str) -> str | None:
        """Give a text that may be there."""
        value = self.body.get(name, self.args.get(name))
        return value if isinstance(value, str) and value else None

    def number(self, name: str, otherwise: int | None = None) -> int | None:
        """Give a whole number from 0."""
        value = self.body.get(name, self.args.get(name))
        if value is None or value == "":
            return otherwise
        text = str(value)
        if not text.isdecimal() or len(text) > 15:
            raise MalformedMessage(f"{name!r} is a whole number, not {text[:50]!r}")
        return int(text)

    def limit(self, otherwise: int = 50) -> int:
        found = self.number("limit", otherwise) or otherwise
        return max(1, min(found, LIMIT))


def told(value: Any) -> Any:
    """Give a value as JSON for a page to show: plain, and cut where it is very long.

    >>> told({"note": "x" * 30_000})["note"].endswith("… (30,000 characters)")
    True
    """
    try:
        return clipped(plain(value))
    except SerializationFailed:
        return clipped(repr(value))


def clipped(value: Any) -> Any:
    """Cut what is too long to be shown."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value):,} characters)"
    if isinstance(value, dict):
        some = list(value.items())[:MOST]
        cut = {str(clipped(name)): clipped(inner) for name, inner in some}
        if len(value) > MOST:
            cut["…"] = f"{len(value) - MOST:,} more"
        return cut
    if isinstance(value, list):
        cut_list = [clipped(inner) for inner in value[:MOST]]
        return [*cut_list, f"… {len(value) - MOST:,} more"] if len(value) > MOST else cut_list
    if type(value) is int and abs(value) > EXACT:
        return str(value)
    return value
