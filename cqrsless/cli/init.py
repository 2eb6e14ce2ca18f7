"""`cqrsless init`: a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from .beginning import files, origin, package_name
from .exits import REFUSED, Failure
from .options import Call, common_options

__all__ = ["command"]

#: What a new repository may hold already.
KEPT: Final = ("README.md", ".gitignore")


@click.command()
@click.argument("name")
@common_options
def command(call: Call, name: str) -> None:
    """Begin a project in the new folder NAME, or in this one (.): it runs, and passes its tests.

    Nothing is ever overwritten: a README.md and a .gitignore that are there stay as they are, and where the folder
    holds any other of the files, nothing is written at all.
    """
    if not name:
        raise click.BadParameter("it is empty: write a name, or . for this folder", param_hint="NAME")
    folder = Path(name)
    title = folder.name or folder.resolve().name
    package = package_name(title)
    if package is None:
        raise click.BadParameter(
            f"{title!r} makes no package of its own: begin with a letter, go on with letters, digits, - and _, "
            "and choose a name that no module of Python's has",
            param_hint="NAME",
        )
    made = files(title, package, origin())
    kept = [file for file in KEPT if (folder / file).is_file()]
    made = {file: text for file, text in made.items() if file not in kept}
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
    for file in kept:
        call.terminal.note(f"{folder / file} stays as it is")
    enter = "" if folder.samefile(Path.cwd()) else f"cd {folder}, then: "
    call.terminal.note(f"\n{enter}python -m pytest, cqrsless routes, cqrsless dev")
