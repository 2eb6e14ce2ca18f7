"""Exit codes, and how a failure is told: one line, and a traceback only with `--debug`."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any, Final, NoReturn

from ..errors import (
    AppLoadError,
    ConcurrencyConflict,
    CqrslessError,
    MalformedMessage,
    NotCaughtUp,
    RegistrationError,
    StoreUnavailable,
    UnknownMessage,
)
from ..loading import line_of
from .terminal import clean, standard_error

__all__ = ["FAILED", "INTERRUPTED", "LOADING", "REFUSED", "UNAVAILABLE", "USAGE", "Failure", "failure_of", "tell"]

#: The application or its domain said no; also what was looked for is missing, or differs.
REFUSED: Final = 1
#: The command line is wrong: an unknown option or name, an argument that is no JSON.
USAGE: Final = 2
#: The application cannot be loaded.
LOADING: Final = 3
#: A bug: an exception of the application's own, or an answer 500.
FAILED: Final = 4
#: The store does not answer, or others were faster: try again.
UNAVAILABLE: Final = 5
#: Ctrl-C, and a reader that went away, as a shell counts them.
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141


class Failure(Exception):
    """The end of a command that did not do what it was asked, told in one line.

    `kind` tells scripts what it is, and `details` are what else they may want of it; `code` is the exit code.
    """

    def __init__(self, message: str, code: int = REFUSED, *, kind: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind
        self.details = details


def tell(failure: Failure, *, as_json: bool) -> None:
    """Write a failure to standard error: one line for a person, one object with `--json`."""
    if as_json:
        body = {"error": failure.kind or "Failure", "message": str(failure), **failure.details}
        print(json.dumps(body, default=str), file=sys.stderr)
        return
    text = f"{failure.kind}: {failure}" if failure.kind else str(failure)
    standard_error().print(clean(text), style="red", markup=False, highlight=False, soft_wrap=True)


def failure_of(error: BaseException, *, debug: bool) -> Failure:
    """Turn whatever a command raised into the one line and the code that it ends with."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", INTERRUPTED, kind="Interrupted")
    name = type(error).__name__
    if isinstance(error, CqrslessError):
        messages = getattr(error, "messages", None)
        return Failure(str(error), _code(error), kind=name, **({"messages": messages} if messages else {}))
    advice = "" if debug else "; --debug shows the traceback"
    return Failure(f"{error or 'no text'}{line_of(error)}{advice}", FAILED, kind=name)


def _code(error: CqrslessError) -> int:
    if isinstance(error, (AppLoadError, RegistrationError)):
        return LOADING
    if isinstance(error, (StoreUnavailable, ConcurrencyConflict, NotCaughtUp)):
        return UNAVAILABLE
    if isinstance(error, (UnknownMessage, MalformedMessage)):
        return USAGE
    return REFUSED if error.status < 500 or type(error) is CqrslessError else FAILED


def leave_broken_pipe() -> NoReturn:
    """End quietly where the reader went away, as `| head` does; what is still buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(BROKEN_PIPE)
