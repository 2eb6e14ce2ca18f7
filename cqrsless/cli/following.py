"""What follows from what a command has committed: on an embedded store it is delivered before the command ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..compiled import is_embedded
from .options import Call

if TYPE_CHECKING:
    from ..app import App

__all__ = ["follow"]


def follow(call: Call, app: App, *, drain: bool = True) -> None:
    """Deliver what is pending to views, processors and publishers, and tell what came of it."""
    terminal = call.terminal
    if not is_embedded(app.store):
        terminal.note(f"{app.store.url}: the tables' streams bring this to views and processors")
        return
    if not drain:
        terminal.note("nothing was delivered: views and processors follow with the next command")
        return
    if not app.compiled.reacts:
        return
    drained = app.drain()
    for key, number in drained.left:
        terminal.note(f"{key} at commit {number} still fails, and is delivered again with the next command")
    parked = [letter for name in app.compiled.reactions.members for letter in app.letters.list(name)]
    for letter in parked:
        terminal.note(f"{letter.key} is parked for {letter.consumer}: {letter.why}; cqrsless letters list")
    if drained.delivered and not drained.left and not parked:
        terminal.note("views and processors have followed")
    if app.store.url == "memory://":
        terminal.note("memory:// is this command's alone: the next one finds nothing of it")
