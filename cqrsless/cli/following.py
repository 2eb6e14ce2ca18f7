"""What follows from what a command has committed: on an embedded store it is delivered before the command ends."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from ..compiled import is_embedded
from ..describing.standings import pending
from ..describing.unrecorded import unrecorded
from .options import Call

if TYPE_CHECKING:
    from ..app import App
    from ..delivery.parking import Letter

__all__ = ["Known", "follow", "parked", "stale", "tell_parked"]

#: What was parked already: for whom, which aggregate, at which of its commits, and the last one that waits.
Known: TypeAlias = "frozenset[tuple[str, str, int, int]]"

#: Letters that are told one by one.
TOLD: Final = 5


def parked(app: App) -> Known:
    """Give what is parked in an embedded store, before a command does what it is asked."""
    if not app.compiled.reacts or not is_embedded(app.store):
        return frozenset()
    return frozenset(_known(letter) for name in app.compiled.reactions.members for letter in app.letters.list(name))


def _known(letter: Letter) -> tuple[str, str, int, int]:
    return letter.consumer, letter.key, letter.commit, letter.seen


def tell_parked(call: Call, app: App, names: Iterable[str], before: Known = frozenset()) -> int:
    """Tell what is parked, why, and what to type once that is mended; give how many there are.

    What was so `before` is counted, and not told again, unless something more waits behind it.
    """
    found = [letter for name in names for letter in app.letters.list(name)]
    letters = [letter for letter in found if _known(letter) not in before]
    for letter in letters[:TOLD]:
        plain = letter.key.replace("#", "")  # which a shell takes as it is inside of a word
        key = letter.key if shlex.quote(plain) == plain else shlex.quote(letter.key)
        retry = f"cqrsless letters retry {letter.consumer} {key}"
        call.terminal.warn(f"{letter.key} is parked for {letter.consumer}: {letter.why}; once that is mended: {retry}")
    if len(letters) > TOLD:
        call.terminal.warn(f"and {len(letters) - TOLD} more: cqrsless letters list")
    old = len(found) - len(letters)
    if old:
        call.terminal.note(f"{old} parked before: cqrsless letters list")
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


def follow(call: Call, app: App, before: Known, *, drain: bool = True) -> None:
    """Deliver what is pending to views, processors and publishers, and tell what came of it.

    `before` is what was parked when the command began.
    """
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
    if not tell_parked(call, app, app.compiled.reactions.members, before) and drained.delivered and not drained.left:
        terminal.note("views and processors have followed")
    if app.store.url == "memory://":
        terminal.note("memory:// is this command's alone: the next one finds nothing of it")
