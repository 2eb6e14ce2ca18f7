"""`cqrsless init`: a new project."""

from __future__ import annotations

from pathlib import Path

import click

from .beginning import files, package_name
from .exits import REFUSED, Failure
from .options import Call, common_options

__all__ = ["command"]


@click.command()
@click.argument("name")
@common_options
def command(call: Call, name: str) -> None:
    """Begin a project in the new folder NAME: it runs, and passes its tests.

    Nothing is ever overwritten: where the folder holds one of the files already, nothing is written at all.
    """
    folder = Path(name)
    package = package_name(folder.name)
    if package is None:
        raise click.BadParameter(
            f"{folder.name!r} makes no package of its own: begin with a letter, go on with letters, digits, - and _, "
            "and choose a name that no module of Python's has",
            param_hint="NAME",
        )
    made = files(folder.name, package)
    there = [file for file in made if (folder / file).exists()]
    if there or (folder.exists() and not folder.is_dir()):
        raise Failure(
            f"{folder} holds {', '.join(there) or 'a file of that name'} already: nothing was written", REFUSED
        )
    try:
        for file, text in made.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as out:
                out.write(text)
    except OSError as error:
        raise Failure(f"{error.filename or folder} cannot be written: {error.strerror or error}", REFUSED) from error
    if call.json:
        call.terminal.value({"folder": str(folder), "files": list(made)})
        return
    for file in made:
        call.terminal.line(f"{folder / file}")
    call.terminal.note(f"\ncd {folder}, then: python -m pytest, cqrsless routes, cqrsless dev")
