"""Tracebacks as the person who wrote the code wants them: from the first line of theirs on."""

from __future__ import annotations

import os
import traceback
from typing import Final

__all__ = ["trace_of"]

_OURS: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep


def trace_of(error: BaseException) -> str:
    """Give the traceback of what the user's code raised, which is the innermost cause, without frames of ours.

    >>> try:
    ...     1 / 0
    ... except ZeroDivisionError as error:
    ...     print(trace_of(error).splitlines()[-1])
    ZeroDivisionError: division by zero
    """
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    shown = traceback.TracebackException.from_exception(cause)
    theirs = [
        frame
        for frame in shown.stack
        if not frame.filename.startswith(("<frozen", _OURS)) and "importlib" not in frame.filename
    ]
    if theirs:
        shown.stack = traceback.StackSummary.from_list(theirs)
    shown.__cause__ = shown.__context__ = None
    return "".join(shown.format())
