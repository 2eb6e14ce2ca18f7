"""`cqrsless processors`: how far everything is that reacts."""

from __future__ import annotations

from typing import Any, Final

import click

from ..describing.standings import Standing, standings
from .options import Call, common_options
from .terminal import Column

__all__ = ["command"]

COLUMNS: Final = (
    Column("NAME", "name", "cyan"),
    Column("KIND", "kind"),
    Column("MODE", "mode"),
    Column("BEHIND", "behind", right=True),
    Column("PARKED", "parked", "yellow", right=True),
    Column("WHERE", "where", "dim", wide=2),
    Column("EVENTS", "events", "dim", wide=1),
)


@click.command()
@common_options
def command(call: Call) -> None:
    """Tell of each processor and view how far it is, and what it has parked.

    BEHIND counts the commits that wait. On AWS a stream does not tell that of a subscribing processor: its mapping's
    metric IteratorAge does, and BEHIND is empty here. WHERE is a tracking processor's page in each segment of the log,
    or how far a replay is.
    """
    found = standings(call.application())
    if call.json:
        call.terminal.rows((), (one._asdict() for one in found))
        return
    call.terminal.rows(COLUMNS, map(_row, found), empty="nothing in this application reacts to events")


def _row(one: Standing) -> dict[str, Any]:
    where = [f"log {place.part}#{place.segment} page {place.page}" for place in one.places]
    if one.next is not None:
        where.append(f"replaying: {one.replayed} commits")
    return {
        "name": one.name, "kind": one.kind, "mode": one.mode, "behind": one.behind, "parked": one.parked,
        "events": ", ".join(one.events), "where": ", ".join(where) or f"run {one.run}",
    }  # fmt: skip
