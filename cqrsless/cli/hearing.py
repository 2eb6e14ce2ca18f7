"""What the sources log of an event they are given: why a record failed, was refused or let go, told to a person."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ..loading import line_of
from ..registry import did_you_mean
from ..sources.outcomes import NOBODY

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Heard", "hearing"]

_SOURCES: Final = logging.getLogger("cqrsless.sources")


class Heard(logging.Handler):
    """Keeps what is logged, from refusals on, which are no warnings to Lambda."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def lines(self, app: App, *, level: int = logging.INFO) -> Iterator[str]:
        """Give a line for each record of a level: an exception with where it was raised, a name with what is near."""
        for record in self.records:
            error = record.exc_info[1] if record.exc_info else None
            if record.levelno >= level:
                near = _near(app, *record.args) if record.msg == NOBODY and isinstance(record.args, tuple) else ""
                yield record.getMessage() + (line_of(error) if error is not None else near)


@contextmanager
def hearing(*, debug: bool) -> Generator[Heard, None, None]:
    """Hear what the sources log meanwhile; with `--debug` nothing, as all that is logged is told then."""
    heard, level = Heard(), _SOURCES.level
    if debug:
        yield heard
        return
    _SOURCES.addHandler(heard)
    _SOURCES.setLevel(logging.INFO)
    try:
        yield heard
    finally:
        _SOURCES.removeHandler(heard)
        _SOURCES.setLevel(level)


def _near(app: App, name: Any, source: Any) -> str:
    """Say which external event was perhaps meant: of another source, of a near name, or one of those that there are."""
    handled = [(each, one.source) for one in app.model.event_handlers if one.source is not None for each in one.names]
    if not handled:
        return "; no event handler has a source="
    elsewhere = sorted({other for each, other in handled if each == name})
    if elsewhere:
        return f"; it is handled from {' and '.join(map(repr, elsewhere))}"
    near = did_you_mean(str(name), dict.fromkeys(each for each, other in handled if other == source))
    near = near or did_you_mean(str(source), dict.fromkeys(other for _, other in handled))
    known = ", ".join(f"{each!r} from {other!r}" for each, other in dict.fromkeys(handled))
    return near or f"; handled are {known}"
