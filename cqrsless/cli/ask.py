"""`cqrsless ask`: ask a query."""

from __future__ import annotations

from typing import Any

import click

from .following import stale
from .names import complete_queries
from .options import Call, common_options
from .payloads import JSON

__all__ = ["command"]


@click.command()
@click.argument("name", shell_complete=complete_queries)
@click.argument("payload", metavar="[JSON]", type=JSON, default="{}")
@common_options
def command(call: Call, name: str, payload: dict[str, Any]) -> None:
    """Ask the query NAME, and print its answer as JSON.

    JSON is the payload: an object, or @FILE, or - for standard input; {} where it is left out. What the views that it
    read do not hold, as it is parked, not delivered yet, or recorded by nobody, is told on standard error.
    """
    app = call.application()
    call.terminal.value(app.ask(name, payload))
    stale(call, app)
