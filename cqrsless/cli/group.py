"""The group of all commands, each imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import click

from ..registry import did_you_mean
from .exits import USAGE, Failure, failure_of, leave_broken_pipe, tell
from .options import Call, application_options, output_options

__all__ = ["COMMANDS", "cqrsless"]

#: By its name, the module of this package that holds a command, and its one line of help.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("init", "Begin a project in the new folder NAME, or in this one (.): it runs, and passes its tests."),
    "dev": ("dev", "Serve the application on this machine, with a console at /_cqrsless/."),
    "routes": ("routes", "List every handler: what calls it, what it works on, where it stands."),
    "diagram": ("diagram", "Draw commands, aggregates, events, processors and views as a Mermaid flowchart."),
    "send": ("send", "Execute the command NAME with a payload, and tell what it did."),
    "ask": ("ask", "Ask the query NAME, and print its answer as JSON."),
    "invoke": ("invoke", "Give the entrypoint an event as Lambda would, and print its answer."),
    "events": ("events", "List the events of the aggregate TYPE ID, oldest first, each with the command that made it."),
    "show": ("show", "Show the state of the aggregate TYPE ID, now or as of a version."),
    "why": ("why", "Tell why TYPE ID came to VERSION, or to its newest: causes, effects, and what changed."),
    "diff": ("diff", "Put the history of TYPE ID through today's code, and show what would differ."),
    "processors": ("processors", "Tell of each processor and view how far it is, and what it has parked."),
    "replay": ("replay", "Build the view NAME anew from all of history, or call a processor's handlers again for it."),
    "due": ("due", "List the commands that wait for their time, the next one first."),
    "advance": ("advance", "Move the clock on by TIME, run what is due on the way, and deliver what follows."),
    "letters": ("letters", "Look after what is parked: list, retry, drop."),
    "tables": ("tables", "Create the store's tables, or check them."),
    "template": ("template", "Write the template of the stack: SAM, CloudFormation or Terraform."),
    "openapi": ("openapi", "Write the OpenAPI 3.1 document of the HTTP interface."),
    "asyncapi": ("asyncapi", "Write the AsyncAPI 3 document of the events."),
    "package": ("package", "Build the package that Lambda is given: the application and its dependencies."),
}


#: Asked with no command at all, a person is shown the help, in versions of click that take this for a wrong usage.
_HELP: Final[tuple[type[BaseException], ...]] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])
)


class _UsageInJson(click.UsageError):
    """A wrong usage with `--json`: one object on standard error, as any other failure."""

    def show(self, file: Any = None) -> None:
        usage = self.ctx.get_usage().removeprefix("Usage: ") if self.ctx is not None else "cqrsless --help"
        tell(Failure(self.format_message(), USAGE, kind="UsageError", usage=usage), as_json=True)


@contextmanager
def _usage_told(args: Sequence[str]) -> Generator[None]:
    """Tell a wrong usage in JSON where that is asked for; `--json` may stand behind what is wrong, unread."""
    try:
        yield
    except click.UsageError as error:
        if isinstance(error, (_UsageInJson, *_HELP)) or "--json" not in args:
            raise
        raise _UsageInJson(error.format_message(), error.ctx) from error


class _Commands(click.Group):
    """Commands that are imported when they are called: none pays for the libraries of another."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        given = (*args,)
        with _usage_told(given):
            ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta["cqrsless.given"] = given
        return ctx

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = import_module(f"{__package__}.{module}").command
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command is called {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _usage_told(ctx.meta["cqrsless.given"]):
                result = super().invoke(ctx)
            if sys.stdout:  # none where it is closed, as by >&-
                sys.stdout.flush()
            return result
        except (click.exceptions.Exit, click.Abort, click.UsageError, SystemExit):
            raise
        except BrokenPipeError:
            leave_broken_pipe()
        except BaseException as error:
            call = ctx.ensure_object(Call)
            failure = failure_of(error, debug=call.debug)
            tell(failure, as_json=call.json)
            ctx.exit(failure.code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cqrsless")
@application_options
@output_options
def cqrsless() -> None:
    """Run, see and deploy serverless CQRS applications.

    The application is the one that --app names, else CQRSLESS_APP, else app in [tool.cqrsless] of pyproject.toml, else
    the module app. The store is the one that --store names, else CQRSLESS_STORE, else store in [tool.cqrsless], else
    sqlite:///cqrsless.db.

    \b
    Exit codes: 0 done; 1 the application said no; 2 wrong usage;
    3 the application cannot be loaded; 4 a bug; 5 try again.
    """
