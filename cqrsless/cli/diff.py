"""`cqrsless diff`: what today's code would have made of an aggregate's history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from ..describing.deviations import DIFFERENT, OUTCOMES, Deviation, Outcome, deviations
from ..describing.histories import subject
from ..describing.payloads import payloads
from ..errors import MalformedMessage
from ..sources.documents import parse
from .changed import changed, changes_as_rows
from .exits import REFUSED, Failure
from .names import complete_aggregates
from .options import Call, common_options
from .terminal import clean

__all__ = ["command"]


@click.command()
@click.argument("aggregate", metavar="TYPE", shell_complete=complete_aggregates)
@click.argument("id_", metavar="ID")
@click.option("--commands", "file", metavar="FILE", help="Commands as they were sent, one JSON object a line.")
@click.option("--all", "everything", is_flag=True, help="List commits that come out alike, too.")
@common_options
def command(call: Call, aggregate: str, id_: str, file: str | None, everything: bool) -> None:
    """Put the history of TYPE ID through today's code, and show what would differ.

    Each command is decided again by today's handler, on the state before it, with the message that it was: its payload,
    id, time, actor and metadata. And each event is folded again, through today's upcasters and evolvers, and held
    against the states that were stored. Nothing is written.

    Commands are recorded on SQLite, and elsewhere with CQRSLESS_RECORD_COMMANDS=on. One that was not is decided again
    where its payload stands in FILE, or is equal to an event's, which the digest of it proves.

    A commit is one of: same, other events, other state, refused now, fails now, cannot tell. It ends with 1 where
    something differs.
    """
    app = call.application()
    asked = subject(app, aggregate, id_)
    asked.newest()
    counts: Counter[Outcome] = Counter()
    found = _counted(deviations(app, asked, payloads(_commands(file)) if file else {}), counts)
    if call.json:
        call.terminal.rows((), (_row(one) for one in found))
    else:
        for one in found:
            if everything or one.outcome in DIFFERENT:
                _show(call, one)
        _sum_up(call, counts)
    different = sum(counts[outcome] for outcome in DIFFERENT)
    if different:
        raise Failure(f"{different} of {sum(counts.values())} commits would differ", REFUSED)


def _counted(found: Iterator[Deviation], counts: Counter[Outcome]) -> Iterator[Deviation]:
    for one in found:
        counts[one.outcome] += 1
        yield one


def _commands(file: str) -> list[dict[str, Any]]:
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read: {error}", param_hint="--commands") from None
    try:
        return [parse(line, f"line {at} of {file}") for at, line in enumerate(lines, 1) if line.strip()]
    except MalformedMessage as error:
        raise click.BadParameter(str(error), param_hint="--commands") from None


def _show(call: Call, one: Deviation) -> None:
    style = "yellow" if one.outcome in DIFFERENT else "green" if one.outcome == "same" else "dim"
    line = Text.assemble(
        (f"version {one.commit.version}", "bold"), f"  {clean(one.commit.command)}  ", (one.outcome, style)
    )
    call.terminal.show(line.append(f": {clean(one.told)}") if one.told else line)
    for change in one.events:
        call.terminal.show(Text("  ").append_text(changed(change)))
    for change in one.state:
        call.terminal.show(Text("  state ").append_text(changed(change)))


def _sum_up(call: Call, counts: Counter[Outcome]) -> None:
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
    total = sum(counts.values())
    call.terminal.line(f"{total} commit{'' if total == 1 else 's'}: {told}")
    if counts["cannot tell"]:
        call.terminal.note("--all says why; --commands FILE gives the payloads of commands that were not recorded")


def _row(one: Deviation) -> dict[str, Any]:
    return {
        "version": one.commit.version, "command": one.commit.command, "command_id": one.commit.command_id,
        "outcome": one.outcome, "told": one.told, "events": changes_as_rows(one.events),
        "state": changes_as_rows(one.state),
    }  # fmt: skip
