"""`cqrsless events`: what happened to an aggregate."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import click

from ..describing.histories import Commit, commits, subject
from .names import complete_aggregates
from .options import Call, common_options
from .terminal import Column, short_time

__all__ = ["command"]

COLUMNS: Final = (
    Column("VERSION", "version", "dim", right=True),
    Column("TIME", "time", "dim"),
    Column("EVENT", "name", "cyan"),
    Column("PAYLOAD", "payload", wide=1),
    Column("COMMAND", "command", "dim"),
)


@click.command()
@click.argument("aggregate", metavar="TYPE", shell_complete=complete_aggregates)
@click.argument("id_", metavar="ID")
@click.option("--from", "first", type=click.IntRange(min=1), default=1, help="The first version that is shown.")
@click.option("--to", "last", type=click.IntRange(min=1), help="The last version that is shown.")
@common_options
def command(call: Call, aggregate: str, id_: str, first: int, last: int | None) -> None:
    """List the events of the aggregate TYPE ID, oldest first, each with the command that made it.

    A commit without events, as of a state-stored aggregate, is a line without one. A history of any length is read and
    printed page by page.
    """
    asked = subject(call.application(), aggregate, id_)
    found = commits(asked, first, last)
    head = next(found, None)
    if head is None:
        asked.newest()  # raises where there is no such aggregate at all
    rows = (row for commit in chain(() if head is None else (head,), found) for row in _rows(commit, call.json))
    call.terminal.rows(COLUMNS, rows, empty=f"there are no versions from {first} on")


def _rows(commit: Commit, as_json: bool) -> Iterator[dict[str, Any]]:
    common: dict[str, Any] = {
        "version": commit.version,
        "time": commit.time if as_json else short_time(commit.time),
        "command": commit.command,
    }
    for fact in commit.events:
        yield {
            **common, "name": fact.name, "payload": fact.payload, "sequence": fact.sequence, "id": fact.id,
            "metadata": commit.metadata, **({"trouble": fact.trouble} if fact.trouble else {}),
        }  # fmt: skip
    if not commit.events:
        yield common
