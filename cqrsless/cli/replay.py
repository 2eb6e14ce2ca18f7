"""`cqrsless replay`: a view anew, or a processor's handlers again."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ..compiled import is_embedded
from ..describing.standings import tail
from .exits import INTERRUPTED, Failure
from .following import tell_parked
from .names import complete_consumers
from .options import Call, common_options
from .terminal import standard_error

__all__ = ["command"]


@click.command()
@click.argument("name", shell_complete=complete_consumers)
@common_options
def command(call: Call, name: str) -> None:
    """Build the view NAME anew from all of history, or call a processor's handlers again for it.

    Readers see a view as it was until the new one has caught up. Handlers marked replay=False, commands and publishers
    take no part. Ctrl-C stops it: the same command goes on where it was. One that was killed can go on after a minute.
    """
    app = call.application()
    total = tail(app.store, "events") if is_embedded(app.store) else None
    begun, seen = time.monotonic(), 0
    try:
        with _progress(call, name, total) as told:

            def count(done: int) -> None:
                nonlocal seen
                seen = done
                told(done)

            app.replay(name, count)
    except KeyboardInterrupt:
        raise Failure(
            f"stopped after {seen} commits; cqrsless replay {name} goes on from there", INTERRUPTED, kind="Interrupted"
        ) from None
    tell_parked(call, app, [name])
    if call.json:
        call.terminal.value({"replayed": name, "commits": seen})
    else:
        call.terminal.line(f"{name} has been replayed: {seen} commits in {time.monotonic() - begun:.1f} s")


@contextmanager
def _progress(call: Call, name: str, total: int | None) -> Generator[Callable[[int], None]]:
    """Show a bar on a terminal, on standard error so that the answer can be piped; elsewhere nothing."""
    console = standard_error()
    if call.json or not console.is_terminal:
        yield lambda done: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)
