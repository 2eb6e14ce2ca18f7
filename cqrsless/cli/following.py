"""What follows from what a command has committed: on an embedded store it is delivered before the command ends."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ..compiled import is_embedded
from ..describing.standings import pending
from ..describing.unrecorded import unrecorded
from .options import Call

if TYPE_CHECKING:
    from ..app import App

__all__ = ["follow", "stale", "tell_parked"]

#: Letters that are told one by one.
TOLD: Final = 5


def tell_parked(call: Call, app: App, names: Iterable[str]) -> int:
    """Tell what is parked, why, and what to type once that is mended; give how many there are."""
    letters = [letter for name in names for letter in app.letters.list(name)]
    for letter in letters[:TOLD]:
        plain = letter.key.replace("#", "")  # which a shell takes as it is inside of a word
        key = letter.key if shlex.quote(plain) == plain else shlex.quote(letter.key)
        retry = f"cqrsless letters retry {letter.consumer} {key}"
        call.terminal.warn(f"{letter.key} is parked for {letter.consumer}: {letter.why}; once that is mended: {retry}")
    if len(letters) > TOLD:
        call.terminal.warn(f"and {len(letters) - TOLD} more: cqrsless letters list")
    return len(letters)


def stale(call: Call, app: App) -> None:
    """Tell why the views that a query has just read may not hold all that was committed."""
    if not app.compiled.reacts:
        return
    seen = app.compiled.reactions.views.seen
    names = {name for one in app.model.projectors if one.view in seen for name in one.names}
    tell_parked(call, app, sorted(seen & app.compiled.reactions.members.keys()))
    if not names:
        return
    waiting = pending(app.store, "events")
    if waiting:
        commits = "1 commit is" if waiting == 1 else f"{waiting} commits are"
        call.terminal.warn(f"{commits} not delivered to the views yet: cqrsless advance 0s")
    for one in unrecorded(app.model):
        if one.name in names:
            call.terminal.warn(str(one))


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
    parked = tell_parked(call, app, app.compiled.reactions.members)
    if drained.delivered and not drained.left and not parked:
        terminal.note("views and processors have followed")
    if app.store.url == "memory://":
        terminal.note("memory:// is this command's alone: the next one finds nothing of it")
