"""The options that every command has, and what a command takes from them.

A command is written as

    @click.command()
    @common_options
    def command(call: Call) -> None:
        call.terminal.value(call.application().model.name)

`--app`, `--store`, `--json` and `--debug` may stand before or behind the command's name.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from .terminal import Terminal, clean

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Call", "common_options", "output_options"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Call:
    """One call of the command line: what the common options said."""

    given: dict[str, Any] = field(default_factory=dict)

    @property
    def debug(self) -> bool:
        return bool(self.given.get("debug"))

    @property
    def json(self) -> bool:
        return bool(self.given.get("json"))

    @cached_property
    def terminal(self) -> Terminal:
        return Terminal(json=self.json)

    @property
    def store_url(self) -> str:
        """The store that is worked on: `--store`, `CQRSLESS_STORE`, `[tool.cqrsless] store`, or a file beside it."""
        from ..loading import local_store

        given: str | None = self.given.get("store")
        return given or local_store(os.environ, Path.cwd())

    def application(self, *, store: str | None = None) -> App:
        """Load the application that is meant, on the store that is meant; `store` is for what needs none of it.

        The settings are those of this whole process, so that what the application's own modules ask for, and what the
        entrypoint loads, is the same.
        """
        from ..lambda_runtime import application
        from ..loading import SAID_BY

        tell_logs(debug=self.debug)
        if self.given.get("app"):
            os.environ["CQRSLESS_APP"] = self.given["app"]
            SAID_BY[self.given["app"]] = "--app"
        meant = store or self.store_url
        os.environ["CQRSLESS_STORE"] = meant
        app = application()
        explicit = store or self.given.get("store")
        if explicit and app.store.url != meant:
            app = app.on(meant)
        context = click.get_current_context(silent=True)
        if context is not None:  # there is none where a shell completes a word
            context.find_root().call_on_close(app.store.close)
        return app


class _Told(logging.Handler):
    """Writes the application's log records as lines on standard error; with `--debug` ours, too, and tracebacks."""

    debug = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] == "cqrsless" and not self.debug:
            return  # what became of each delivery is told by the command itself
        print(clean(record.getMessage()), file=sys.stderr)
        if self.debug and record.exc_info:
            traceback.print_exception(*record.exc_info, file=sys.stderr)


def tell_logs(*, debug: bool) -> None:
    """Tell a person what the application logs: warnings and worse; with `--debug`, what cqrsless logs, too."""
    root = logging.getLogger()
    told = next((handler for handler in root.handlers if isinstance(handler, _Told)), None)
    if told is None and root.handlers:
        return  # somebody has set up logging already
    if told is None:
        told = _Told()
        root.addHandler(told)
    told.debug = debug
    logging.getLogger("cqrsless").setLevel(logging.DEBUG if debug else logging.NOTSET)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    if value is not None and value is not False:
        ctx.find_root().ensure_object(Call).given[param.name or ""] = value
    return value


def output_options(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json` and `--debug`, for commands without an application."""
    fn = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_keep, help="Show the traceback of an error."
    )(fn)
    return click.option("--json", is_flag=True, expose_value=False, callback=_keep, help="Answer in JSON.")(fn)


def application_options(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--app` and `--store`."""
    fn = click.option(
        "--store",
        metavar="URL",
        expose_value=False,
        callback=_keep,
        help="The store, as in sqlite:///orders.db or dynamodb://orders.",
    )(fn)
    return click.option(
        "--app",
        metavar="MODULE[:NAME]",
        expose_value=False,
        callback=_keep,
        help="The application, as in billing.app or billing.app:billing.",
    )(fn)


def common_options(fn: Callable[Concatenate[Call, P], R]) -> Callable[P, R]:
    """Add the options that every command has, and give the command its `Call`."""

    @wraps(fn)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        return fn(click.get_current_context().find_root().ensure_object(Call), *args, **kwargs)

    made: Callable[P, R] = application_options(output_options(called))
    return made
