"""The group of all commands, each imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from ..errors import CqrslessError

__all__ = ["COMMANDS", "cqrsless"]

#: By its name, the module of this package that holds a command, and its one line of help.
COMMANDS: Final[dict[str, tuple[str, str]]] = {}


class _Commands(click.Group):
    """Commands that are imported when they are called: none pays for the libraries of another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = import_module(f"{__package__}.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not COMMANDS:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CqrslessError as error:
            raise click.ClickException(f"{type(error).__name__}: {error}") from error


@click.group(cls=_Commands)
@click.version_option(package_name="cqrsless")
def cqrsless() -> None:
    """Run, see and deploy serverless CQRS applications."""
