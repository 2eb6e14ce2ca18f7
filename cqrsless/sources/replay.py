"""A replay, asked for by a direct invocation, and going on in further ones of the same function."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from ..errors import CqrslessError, MalformedMessage
from .application import Application
from .documents import check, is_text, shown

__all__ = ["handle"]

log: Final = logging.getLogger("cqrsless.sources")


def handle(event: Mapping[str, Any], context: Any, app: Application) -> dict[str, Any]:
    """Read `{"replay": name, "run"?}`; answer `{"replay": name, "runs": {name: {"run", "done", "ended"}}}`.

    Without `run` a replay begins, or is found to be under way; with it that run is filled, for as long as there is
    time. `done` counts the commits that were read so far.
    """
    try:
        check(event, "the event")
        name, run = _read(event)
    except MalformedMessage as error:
        log.warning("the invocation is malformed: %s", error)
        raise
    try:
        return app.answer_replay(name, run)
    except CqrslessError as error:
        log.error("the replay of %s: %s: %s", name, type(error).__name__, error)
        raise


def _read(event: Mapping[str, Any]) -> tuple[str, int | None]:
    unknown = event.keys() - {"replay", "run"}
    if unknown:
        names = ", ".join(shown(name) for name in sorted(unknown)[:10])
        raise MalformedMessage(f"the replay has unknown fields: {names}; it may have: replay, run")
    name, run = event["replay"], event.get("run")
    if not is_text(name) or not name:
        raise MalformedMessage(f"'replay' is {shown(name)}, and has to be the name of a view or processor")
    if run is not None and (type(run) is not int or run < 1):
        raise MalformedMessage(f"'run' is {shown(run)}, and has to be a whole number from 1")
    return name, run
