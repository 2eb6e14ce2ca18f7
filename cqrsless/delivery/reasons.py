"""Why something failed, in the few words that a letter keeps: what was raised, and where in the user's code."""

from __future__ import annotations

import os
from typing import Final

from ..errors import GiveUp, InvalidReturn, RetryLater, UnknownMessage
from ..registry import Place

__all__ = ["MISTAKES", "told", "trace"]

#: Certain mistakes of a handler's code, that no other attempt can pass: a wrong return, a command that nobody handles.
MISTAKES: Final = (InvalidReturn, UnknownMessage)
#: Characters that are kept; a row that is a place leaves room for them.
_LENGTH: Final = 500
_OWN: Final = __name__.partition(".")[0]
#: Where Python's own modules are, whose lines say nothing.
_PYTHON: Final = os.path.dirname(os.__file__)


def told(why: BaseException | str) -> str:
    """Say in a few words why something is parked.

    >>> told(KeyError("total")), told("Task timed out")
    ("KeyError: 'total'", 'Task timed out')
    """
    text = str(why)
    where = ""
    if isinstance(why, BaseException):
        text = f"{type(why).__name__}: {text}" if text else type(why).__name__
        where = "" if isinstance(why, (GiveUp, RetryLater)) else _where(why)
    room = _LENGTH - len(where)
    return (text if len(text) <= room else text[: room - 1] + "…") + where


def trace(why: BaseException | str) -> BaseException | None:
    """Give the exception whose traceback tells more than `told` does, if there is one."""
    return why if isinstance(why, BaseException) and not isinstance(why, MISTAKES) else None


def _where(error: BaseException) -> str:
    """Say which function of the user's was at work, the last one that the framework had called, and at which line."""
    found = ""
    called = False
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        file = frame.f_code.co_filename
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == _OWN:
            called = True
        elif called:
            called = False
            if not file.startswith((_PYTHON, "<frozen")):
                found = f" in {frame.f_code.co_name} ({Place(file, traceback.tb_lineno)})"
        traceback = traceback.tb_next
    return found if len(found) <= _LENGTH // 2 else ""
