"""`cqrsless send`: execute a command."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from rich.text import Text

from ..describing.handlers import decided_nothing
from ..describing.unrecorded import unrecorded
from ..messages import CommandResult
from .advance import Length, came_due
from .following import follow, parked
from .names import complete_commands
from .options import Call, common_options
from .payloads import JSON
from .terminal import as_json, clean

__all__ = ["command"]


@click.command()
@click.argument("name", shell_complete=complete_commands)
@click.argument("payload", metavar="[JSON]", type=JSON, default="{}")
@click.option("--id", "id_", metavar="ID", help="The command's id: sent again with the same one, it is done once.")
@click.option("--expected-version", type=click.IntRange(min=0), help="Refuse at any other version.")
@click.option("--drain/--no-drain", default=True, help="On an embedded store: let views and processors follow.")
@click.option("--advance", "later", metavar="TIME", type=Length(), help="Send it that much later, as in 14d.")
@common_options
def command(
    call: Call,
    name: str,
    payload: dict[str, Any],
    id_: str | None,
    expected_version: int | None,
    drain: bool,
    later: timedelta | None,
) -> None:
    """Execute the command NAME with a payload, and tell what it did.

    JSON is the payload: an object, or @FILE, or - for standard input; {} where it is left out. On an embedded store
    (memory, SQLite) what follows is delivered, too, so that views and processors are up to date when this ends.
    With --advance the clock is moved on before, as by cqrsless advance, for this command alone.
    """
    app = call.application()
    before = parked(app)
    if later is not None:
        call.terminal.note(came_due(app.advance(later), app))
    result = app.execute(name, payload, id=id_, expected_version=expected_version)
    if call.json:
        call.terminal.value(_plain(result))
    elif result.aggregate is None:
        call.terminal.value(result.value)
    else:
        call.terminal.show(_told(result))
    nothing = decided_nothing(app.model, name, result)
    if nothing:
        call.terminal.warn(nothing)
    follow(call, app, before, drain=drain)
    recorded = [repr(event.name) for event in result.events]
    for one in unrecorded(app.model) if recorded else ():
        if any(name in one.near for name in recorded):  # one that takes what was recorded, by a name of its own
            call.terminal.warn(str(one))


def _plain(result: CommandResult) -> dict[str, Any]:
    if result.aggregate is None:
        return {"value": result.value}
    return {
        "aggregate": result.aggregate,
        "aggregate_id": result.aggregate_id,
        "version": result.version,
        "events": [
            {"name": event.name, "sequence": event.sequence, "payload": event.payload} for event in result.events
        ],
        "duplicate": result.duplicate,
        "cost": result.cost,
    }


def _told(result: CommandResult) -> Text:
    text = Text.assemble(
        (clean(f"{result.aggregate} {result.aggregate_id}"), "bold"), (f"  version {result.version}", "dim")
    )
    if result.duplicate:
        text.append("  done before, and not again", "yellow")
    elif not result.events:
        text.append("  no events", "dim")
    for event in result.events:
        text.append("\n  ").append(clean(event.name), "cyan").append(f"  {as_json(event.payload)}")
    return text
