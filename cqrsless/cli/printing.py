"""The options of commands that write a document, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ..describing.writing import is_yaml, written
from .exits import Failure
from .options import Call

__all__ = ["document_options", "give", "put"]


def document_options(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-o`, `--yaml`, `--title` and `--api-version`."""
    for option in (
        click.option("--api-version", metavar="TEXT", help="By default the version in pyproject.toml."),
        click.option("--title", metavar="TEXT", help="By default the name in pyproject.toml, else the registry's."),
        click.option(
            "--yaml", is_flag=True, help="Write YAML and not JSON; so does a FILE that ends in .yaml or .yml."
        ),
        click.option("-o", "--output", metavar="FILE", help="Write there, and not to standard output."),
    ):
        fn = option(fn)
    return fn


def give(call: Call, document: Mapping[str, Any], *, output: str | None, yaml: bool, **_: Any) -> None:
    """Write a document where it was asked for."""
    if output is None:
        click.echo(written(document, yaml=yaml and not call.json), nl=False)
        return
    put(call, output, written(document, yaml=yaml or is_yaml(output)))


def put(call: Call, output: str, text: str) -> None:
    """Write a file, with the folders above it, and say so."""
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}") from error
    call.terminal.note(f"wrote {output}")
