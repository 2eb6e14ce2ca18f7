"""`cqrsless routes`: every handler of the application."""

from __future__ import annotations

import os
from typing import Any, Final

import click

from ..describing.handlers import Handler, handlers
from ..describing.unfolded import warnings
from .options import Call, common_options
from .terminal import Column

__all__ = ["command"]

COLUMNS: Final = (
    Column("KIND", "kind"),
    Column("NAME", "name"),
    Column("ON", "on"),
    Column("SCHEMA", "schema"),
    Column("ROUTE", "route"),
    Column("WHERE", "place"),
)
#: On a terminal a heading says the kind and what it works on, so that the rest has room.
UNDER_HEADINGS: Final = (
    Column("", "name", "cyan", wide=1),
    Column("", "schema"),
    Column("", "route", "green", wide=2),
    Column("", "place", "dim", wide=3),
)
HEADINGS: Final = {
    "command": ("Commands", "on"),
    "query": ("Queries", ""),
    "evolver": ("Evolvers", "of"),
    "event handler": ("Event handlers", "of the processor"),
    "projector": ("Projectors", "of the view"),
    "publisher": ("Publishers", "to"),
}


@click.command()
@common_options
def command(call: Call) -> None:
    """List every handler: what calls it, what it works on, where it stands.

    ON is a command's or evolver's aggregate, an event handler's processor, a projector's view, a publisher's target.
    An event that something takes and that nothing in the application records is told on standard error, and one that an
    event-sourced aggregate records and could not fold again.
    """
    model = call.application(store="memory://").model
    found = list(handlers(model))
    _list(call, found)
    for one in warnings(model):
        call.terminal.warn(one)


def _list(call: Call, found: list[Handler]) -> None:
    if call.json:
        call.terminal.rows((), (handler.as_row() for handler in found))
        return
    rows: list[dict[str, Any]] = [{**handler.as_row(), "on": handler.on} for handler in found]
    if not call.terminal.rich:
        call.terminal.rows(COLUMNS, rows)
        return
    folder = _folder([handler.place.file for handler in found])
    for row in rows:
        row["place"] = row["place"].removeprefix(folder)
    sections: dict[str, list[dict[str, Any]]] = {}
    for handler, row in zip(found, rows, strict=True):
        sections.setdefault(_heading(handler), []).append(row)
    call.terminal.sections(UNDER_HEADINGS, sections)
    if folder:
        call.terminal.note(f"\nin {folder}")


def _folder(files: list[str]) -> str:
    """Give the folder that all places stand in, as they are shown, for the terminal to say it once."""
    try:
        shown = os.path.relpath(os.path.commonpath([os.path.dirname(file) for file in files]))
    except ValueError:  # on several drives, or none at all
        return ""
    return "" if shown.startswith(".") else os.path.join(shown, "")


def _heading(handler: Handler) -> str:
    kind, joined = HEADINGS[handler.kind]
    heading = f"{kind} {joined} {handler.on}" if handler.on else kind
    return f"{heading}, from {handler.source}" if handler.source else heading
