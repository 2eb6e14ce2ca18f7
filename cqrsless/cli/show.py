"""`cqrsless show`: an aggregate's state."""

from __future__ import annotations

import click
from rich.text import Text

from .names import complete_aggregates
from .options import Call, common_options
from .terminal import clean

__all__ = ["command"]


def _meant_at(ctx: click.Context, param: click.Parameter, given: bool) -> None:
    """Name the option that is meant: what click finds alike is another one."""
    if given:
        raise click.UsageError("No such option '--version'. Did you mean '--at'?", ctx)


@click.command()
@click.argument("aggregate", metavar="TYPE", shell_complete=complete_aggregates)
@click.argument("id_", metavar="ID")
@click.option("--at", "version", type=click.IntRange(min=1), metavar="VERSION", help="The state as of that version.")
@click.option("--version", "mistaken", hidden=True, is_flag=True, callback=_meant_at, expose_value=False)
@common_options
def command(call: Call, aggregate: str, id_: str, version: int | None) -> None:
    """Show the state of the aggregate TYPE ID, now or as of a version."""
    loaded = call.application().load(aggregate, id_, version)
    if call.json:
        call.terminal.value(
            {"aggregate": aggregate, "aggregate_id": id_, "version": loaded.version, "state": loaded.state}
        )
        return
    heading = Text.assemble((clean(f"{aggregate} {id_}"), "bold"), (f"  version {loaded.version}", "dim"))
    call.terminal.show(heading)
    call.terminal.value(loaded.state)
