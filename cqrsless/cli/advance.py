"""`cqrsless advance`: run what is due by a later moment, on an embedded store."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import click

from .following import follow
from .options import Call, common_options

__all__ = ["command"]

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _Time(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A length of time, as in `20m` or `1d12h`."""

    name = "time"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        parts = re.findall(r"(\d+)([smhdw])", value)
        if not parts or "".join(map("".join, parts)) != value:
            self.fail(f"{value!r} is no length of time: write 90s, 20m, 3h, 14d or 2w, or several, as in 1d12h")
        try:
            return sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
        except OverflowError:
            self.fail(f"{value!r} is longer than time is counted")


@click.command()
@click.argument("time", metavar="TIME", type=_Time())
@common_options
def command(call: Call, time: timedelta) -> None:
    """Move the clock on by TIME, run what is due on the way, and deliver what follows.

    TIME is as in 90s, 20m or 14d. For embedded stores, as app.advance. The clock is this command's alone: the next one
    goes by the machine's again. What was committed meanwhile keeps its later time, and an aggregate's next commit is
    never before its last. The clock of `cqrsless dev` is moved in its console, and stays so.
    """
    app = call.application()
    run = app.advance(time)
    if call.json:
        call.terminal.value({"run": run, "until": app.now()})
        return
    call.terminal.line(f"{run} {'command' if run == 1 else 'commands'} run, by {app.now():%Y-%m-%d %H:%M:%S} UTC")
    follow(call, app)
