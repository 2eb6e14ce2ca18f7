"""`cqrsless due`: the commands that wait for their time."""

from __future__ import annotations

from typing import Any, Final

import click

from ..describing.dues import Due, dues
from .options import Call, common_options
from .terminal import Column, short_time

__all__ = ["command"]

COLUMNS: Final = (
    Column("DUE", "due"),
    Column("COMMAND", "name", "green"),
    Column("TARGET", "target"),
    Column("ID", "id", "dim", wide=1),
    Column("PAYLOAD", "payload", wide=2),
)


@click.command()
@common_options
def command(call: Call) -> None:
    """List the commands that wait for their time, the next one first.

    Times are UTC. `cqrsless advance` runs what is due by then; on AWS, EventBridge Scheduler has the list.
    """
    found = dues(call.application())
    if call.json:
        call.terminal.rows((), (one._asdict() for one in found))
        return
    call.terminal.rows(COLUMNS, map(_row, found), empty="no command waits for its time")


def _row(one: Due) -> dict[str, Any]:
    return {**one._asdict(), "due": short_time(one.due)}
