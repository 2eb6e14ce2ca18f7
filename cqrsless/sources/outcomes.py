"""What to do with a message that nobody waits for: run it, and tell an outcome from a failure."""

from __future__ import annotations

import logging
from typing import Final

from ..errors import REFUSALS, CqrslessError
from ..logs import handling
from ..messages import Message
from .application import Application

__all__ = ["NOBODY", "deliver", "log_failure"]

log: Final = logging.getLogger("cqrsless.sources")
#: Logged with the event's name and source; tools that hear it say which one was perhaps meant.
NOBODY: Final = "nobody handles the event %r from %r: let go"


def deliver(message: Message, app: Application) -> None:
    """Hand over a command or an external event; raise what failed and is worth another attempt.

    A refusal is an outcome: it is logged, and the message is done. So is an event that nobody handles.
    """
    with handling(message):
        try:
            if message.kind == "event":
                if not app.receive_event(message):
                    log.info(NOBODY, message.name, message.source)
            else:
                app.dispatch(message)
        except REFUSALS as error:
            log.info("%s refused: %s: %s", message.name, type(error).__name__, error)


def log_failure(what: str, error: Exception, message: Message | None = None) -> None:
    """Say in the log what was wrong, with the traceback where the fault is the application's own."""
    if message is not None:
        with handling(message):
            log_failure(what, error)
    elif isinstance(error, CqrslessError) and error.status < 500:
        log.warning("%s failed: %s: %s", what, type(error).__name__, error)
    else:
        log.error("%s failed: %s: %s", what, type(error).__name__, error, exc_info=error)
