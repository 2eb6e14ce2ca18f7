"""`cqrsless diff`: what today's code would have made of an aggregate's history."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from ..describing.deviations import Deviation, deviations, payloads
from ..describing.histories import subject
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

    A commit keeps its events, its command's name, and a digest of the command's payload; the payload itself is not
    stored. So every event is folded again, through today's upcasters and evolvers, and held against the states that
    were stored. A command is decided again where its payload is at hand: it stands in FILE, or is equal to an event's
    payload or the aggregate's id, which the digest proves. The others are counted as not decided again.

    A decision sees the time of its commit in place of the command's own. It ends with 1 where something differs.
    """
    app = call.application()
    asked = subject(app, aggregate, id_)
    asked.newest()
    counts: Counter[str] = Counter()
    found = deviations(app, asked, payloads(_commands(file)) if file else {})
    if call.json:
        call.terminal.rows((), (_row(one) for one in _counted(found, counts)))
    else:
        for one in _counted(found, counts):
            if everything or one.outcome == "differs":
                _show(call, one)
        _sum_up(call, counts)
    if counts["differs"]:
        raise Failure(f"{counts['differs']} of {sum(counts.values())} commits would differ", REFUSED)


def _counted(found: Any, counts: Counter[str]) -> Any:
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
    styles = {"differs": "yellow", "alike": "green", "undecided": "dim"}
    words = {"differs": "differs", "alike": "alike", "undecided": "not decided again"}
    call.terminal.show(
        Text.assemble(
            (f"version {one.commit.version}", "bold"),
            f"  {clean(one.commit.command)}  ",
            (words[one.outcome], styles[one.outcome]),
        )
    )
    if one.told:
        call.terminal.show(Text(f"  {clean(one.told)}"))
    for change in one.events:
        call.terminal.show(Text("  ").append_text(changed(change)))
    for change in one.state:
        call.terminal.show(Text("  state ").append_text(changed(change)))


def _sum_up(call: Call, counts: Counter[str]) -> None:
    call.terminal.line(
        f"{sum(counts.values())} commits: {counts['alike']} alike, {counts['undecided']} not decided again, "
        f"{counts['differs']} different"
    )
    if counts["undecided"]:
        call.terminal.note("payloads are not stored: --commands FILE has those that are to be decided again")


def _row(one: Deviation) -> dict[str, Any]:
    return {
        "version": one.commit.version, "command": one.commit.command, "command_id": one.commit.command_id,
        "outcome": one.outcome, "told": one.told, "events": changes_as_rows(one.events),
        "state": changes_as_rows(one.state),
    }  # fmt: skip
