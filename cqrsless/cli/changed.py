"""Changes of values, as lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from ..describing.changes import ABSENT, Change
from .terminal import as_json, clean

__all__ = ["changed", "changes_as_rows"]


def changed(one: Change) -> Text:
    """Write a change on one line: `- status "placed"` gone, `+` come, `~` another."""
    path = clean(one.path) or "(all of it)"
    if one.before is ABSENT:
        return Text.assemble(("+ ", "green"), f"{path}: ", (as_json(one.after), "green"))
    if one.after is ABSENT:
        return Text.assemble(("- ", "red"), f"{path}: ", (as_json(one.before), "red"))
    return Text.assemble(
        ("~ ", "yellow"), f"{path}: ", (as_json(one.before), "red"), " -> ", (as_json(one.after), "green")
    )


def changes_as_rows(found: Iterable[Change]) -> list[dict[str, Any]]:
    """Give changes for JSON: a side where there is nothing has no key."""
    return [
        {
            "path": one.path,
            **({} if one.before is ABSENT else {"before": one.before}),
            **({} if one.after is ABSENT else {"after": one.after}),
        }
        for one in found
    ]
