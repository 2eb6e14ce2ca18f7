"""`cqrsless why`: the causes of a commit, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text
from rich.tree import Tree

from ..compiled import is_embedded
from ..describing.causes import Cause, causes, takers, tree
from ..describing.histories import Commit, state_changes, subject, told_commit
from .changed import changed, changes_as_rows
from .names import complete_aggregates
from .options import Call, common_options
from .terminal import as_json, clean, short_time

if TYPE_CHECKING:
    from ..registry import Model

__all__ = ["command"]


@click.command()
@click.argument("aggregate", metavar="TYPE", shell_complete=complete_aggregates)
@click.argument("id_", metavar="ID")
@click.argument("version", metavar="[VERSION]", type=click.IntRange(min=1), required=False)
@click.option(
    "--effects/--no-effects",
    default=None,
    help="Look through the whole table for what it caused; not on AWS by default.",
)
@common_options
def command(call: Call, aggregate: str, id_: str, version: int | None, effects: bool | None) -> None:
    """Tell why TYPE ID came to VERSION, or to its newest: causes, effects, and what changed.

    Causes are found by a few reads. What a commit caused is noted nowhere but in what it caused, so the whole events
    table is read for that: by default on an embedded store alone.
    """
    app = call.application()
    asked = subject(app, aggregate, id_)
    version = asked.newest() if version is None else version
    commit = told_commit(asked.kind, asked.item(version))
    led = causes(app, commit)
    searched = is_embedded(app.store) if effects is None else effects
    grown = tree(app, commit) if searched else Cause(commit, {})
    found = state_changes(asked, version)
    if call.json:
        call.terminal.value(
            {
                "commit": _plain(grown, app.model),
                "causes": [_head(one) for one in led],
                "effects_searched": searched,
                "state": changes_as_rows(found),
            }
        )
        return
    root = shown = None
    for one in reversed(led):
        label = _label(one, "dim")
        root, shown = (Tree(label), None) if root is None else (root, (shown or root).add(label))
    own = _label(commit, "bold")
    top = Tree(own) if root is None else root
    node = top if root is None else (shown or root).add(own)
    _grow(node, grown, app.model)
    call.terminal.tree(top)
    call.terminal.line()
    if not found:
        call.terminal.line("The state did not change.")
        return
    call.terminal.line(f"State, from version {version - 1} to {version}" if version > 1 else "State, at its beginning")
    for change in found:
        call.terminal.show(Text("  ").append_text(changed(change)))
    if not searched:
        call.terminal.note("what it caused was not looked for: --effects reads the whole events table")


def _label(commit: Commit, style: str) -> Text:
    text = Text.assemble(
        (clean(commit.command), "green"),
        (clean(f"  {commit.aggregate} {commit.id}"), style),
        (f"  version {commit.version}", "dim"),
        (f"  {short_time(commit.time)}", "dim"),
    )
    if commit.actor:
        text.append(clean(f"  by {commit.actor}"), "dim")
    return text.append(clean(f"  {commit.source}, {commit.command_id}"), "dim")


def _grow(node: Tree, cause: Cause, model: Model) -> None:
    for fact in cause.commit.events:
        text = Text.assemble((clean(fact.name), "cyan"), f"  {as_json(fact.payload)}")
        if fact.trouble:
            text.append(f"  {clean(fact.trouble)}", "yellow")
        leaf = node.add(text)
        taken = takers(model, fact)
        if taken:
            leaf.add(Text(f"for {', '.join(taken)}", "dim"))
        for effect in cause.effects.get(fact.id, ()):
            _grow(leaf.add(_label(effect.commit, "")), effect, model)


def _head(commit: Commit) -> dict[str, Any]:
    return {
        "aggregate": commit.aggregate, "aggregate_id": commit.id, "version": commit.version, "time": commit.time,
        "command": commit.command, "command_id": commit.command_id, "source": commit.source, "actor": commit.actor,
        "correlation_id": commit.correlation_id, "causation_id": commit.causation_id,
    }  # fmt: skip


def _plain(cause: Cause, model: Model) -> dict[str, Any]:
    events = [
        {
            "id": fact.id, "name": fact.name, "payload": fact.payload, "for": takers(model, fact),
            "caused": [_plain(effect, model) for effect in cause.effects.get(fact.id, ())],
        }
        for fact in cause.commit.events
    ]  # fmt: skip
    return {**_head(cause.commit), "events": events}
