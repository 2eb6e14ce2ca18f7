"""`cqrsless letters`: what is parked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from ..compiled import is_embedded
from ..delivery.parking import Letter
from ..registry import did_you_mean
from .exits import Failure
from .following import Known, follow, parked
from .names import complete_consumers
from .options import Call, common_options
from .terminal import Column, short_time

if TYPE_CHECKING:
    from ..app import App

__all__ = ["command"]

COLUMNS: Final = (
    Column("CONSUMER", "consumer", "cyan"),
    Column("KEY", "key", "bold", wide=2),
    Column("COMMIT", "commit", right=True),
    Column("WAITING", "waiting", right=True),
    Column("TRIES", "tries", right=True),
    Column("SINCE", "since", "dim"),
    Column("WHY", "why", "yellow", wide=1),
)


@click.group()
def command() -> None:
    """Look after what is parked: list, retry, drop.

    An aggregate whose commit keeps failing for a processor or view is parked there: its later commits wait behind that
    one, and other aggregates go on. KEY is the aggregate, as in Order#o-1.
    """


@command.command("list")
@click.argument("name", required=False, shell_complete=complete_consumers)
@common_options
def list_(call: Call, name: str | None) -> None:
    """List what is parked, for the processor or view NAME or for all of them."""
    app = call.application()
    found = (_row(letter, call.json) for each in _names(app, name) for letter in app.letters.list(each))
    call.terminal.rows(COLUMNS, found, empty="nothing is parked")


@command.command()
@click.argument("name", shell_complete=complete_consumers)
@click.argument("key", required=False)
@common_options
def retry(call: Call, name: str, key: str | None) -> None:
    """Apply what is parked for NAME again, of the aggregate KEY or of all, from the failing commit onwards, in order.

    It ends with 1 where something is parked still.
    """
    app = call.application()
    before = parked(app)
    if key is not None:
        _find(app, name, key)
    _tell(call, app, name, app.letters.retry(name, key), "goes on" if key else "all of it goes on", before)


@command.command()
@click.argument("name", shell_complete=complete_consumers)
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
def drop(call: Call, name: str, key: str, yes: bool) -> None:
    """Step past the commit at which KEY is parked for NAME, and retry what waits behind it.

    It ends with 1 where a later commit is parked then.
    """
    app = call.application()
    before = parked(app)
    letter = _find(app, name, key)
    if not yes and not click.confirm(
        f"Commit {letter.commit} of {key} will never be handled by {name}. Drop it?", err=True
    ):
        raise Failure("nothing was dropped")
    _tell(call, app, name, app.letters.drop(name, key), "goes on behind it", before)


def _find(app: App, name: str, key: str) -> Letter:
    """Give what is parked of an aggregate, or say what to type to see what is."""
    letters = app.letters.list(name)
    for letter in letters:
        if letter.key == key:
            return letter
    near = did_you_mean(key, dict.fromkeys(letter.key for letter in letters))
    raise Failure(
        f"{key} is not parked for {name}{near or f'; cqrsless letters list {name} says what is'}", kind="NotFound"
    )


def _names(app: App, name: str | None) -> Iterator[str]:
    if name is not None:
        yield name
        return
    yield from app.compiled.reactions.members


def _row(letter: Letter, as_json: bool) -> dict[str, Any]:
    if as_json:
        return {"aggregate": letter.aggregate, "id": letter.id, **letter._asdict()}
    return {**letter._asdict(), "waiting": letter.seen - letter.commit + 1, "since": short_time(letter.since)}


def _tell(call: Call, app: App, name: str, left: list[Letter], done: str, before: Known) -> None:
    if call.json:
        call.terminal.rows((), (_row(letter, True) for letter in left))
    elif left:
        call.terminal.rows(COLUMNS, (_row(letter, False) for letter in left))
    else:
        call.terminal.line(done)
    # What was handled may have sent commands, whose events are to be delivered, too.
    if not left:
        follow(call, app, before)
    elif is_embedded(app.store):
        app.drain()
    if left:
        raise Failure(f"{len(left)} still parked for {name}: {left[0].key} at commit {left[0].commit}: {left[0].why}")
