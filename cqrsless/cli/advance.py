"""`cqrsless advance`: run what is due by a later moment, on an embedded store."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from .following import follow, parked
from .options import Call, common_options

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Length", "came_due", "command"]

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Length(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic in some versions of click
    """A length of time, as in `20m` or `1d12h`."""

    name = "time"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        parts = re.findall(r"(\d+)([smhdw])", value)
        if not parts or "".join(map("".join, parts)) != value:
            self.fail(f"{value!r} is no length of time: write 90s, 20m, 3h, 14d or 2w, or several, as in 1d12h")
        try:
            length = sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
            _ = datetime.now() + length
        except (OverflowError, ValueError):  # behind the year 9999, or more digits than Python reads
            self.fail(f"{value!r} is longer than time is counted")
        return length


def came_due(run: int, app: App) -> str:
    """Say how many commands were run on the way, and what time it is now."""
    return f"{run} {'command' if run == 1 else 'commands'} run, by {app.now():%Y-%m-%d %H:%M:%S} UTC"


@click.command()
@click.argument("time", metavar="TIME", type=Length())
@common_options
def command(call: Call, time: timedelta) -> None:
    """Move the clock on by TIME, run what is due on the way, and deliver what follows.

    TIME is as in 90s, 20m or 14d. For embedded stores, as app.advance. The clock is this command's alone: the next one
    goes by the machine's again, unless it is send --advance TIME. What was committed meanwhile keeps its later time,
    and an aggregate's next commit is never before its last. The clock of `cqrsless dev` is moved in its console, and
    stays so.
    """
    app = call.application()
    before = parked(app)
    run = app.advance(time)
    if call.json:
        call.terminal.value({"run": run, "until": app.now()})
        return
    call.terminal.line(came_due(run, app))
    follow(call, app, before)
