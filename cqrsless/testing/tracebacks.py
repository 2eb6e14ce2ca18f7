"""What a failing story shows of the way to its failure: the test's own lines and the handlers', and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from linecache import getline
from types import FrameType, TracebackType
from typing import Any, Final

from ..errors import CqrslessError
from ..messages import Event
from ..registry import Place

__all__ = ["IncompleteEvent", "Plainly", "raised_in"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

_PACKAGE: Final = __name__.partition(".")[0]
#: Fields of an event that an error names; there may be any number.
_SHOWN: Final = 12


class IncompleteEvent(KeyError):
    """An event of the test lacks a field that a function of the application reads."""

    def __str__(self) -> str:
        return str(self.args[0])


class Plainly:
    """Lets an error out of a block without the frames of this package, which say nothing to whoever wrote the test.

    A mistake of this package itself, which nobody raised on purpose, keeps all of them. A `KeyError` of a function that
    reads one of `events` says which event lacks what.
    """

    def __init__(self, events: Iterable[Any] = ()) -> None:
        self._events = [one for one in events if isinstance(one, Event)]

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not isinstance(error, Exception) or at is None:
            return
        if type(error) is KeyError:
            lacking = _lacking(error, _last(at), self._events)
            if lacking is not None:
                raise lacking from None
        frames = list(_frames(at))
        if _ours(_last(at).tb_frame) and not isinstance(error, CqrslessError):
            return
        theirs: TracebackType | None = None
        for one in reversed(frames):
            if not _ours(one.tb_frame):
                theirs = TracebackType(theirs, one.tb_frame, one.tb_lasti, one.tb_lineno)
        if isinstance(error, CqrslessError) and theirs is None:
            raise error.with_traceback(None) from None
        raise error.with_traceback(theirs)


def raised_in(error: BaseException) -> str | None:
    """Say which of the application's functions raised an error, and where; `None` where none of them did."""
    if error.__traceback__ is None or _ours(_last(error.__traceback__).tb_frame):
        return None
    return _told(_last(error.__traceback__))


def _lacking(error: KeyError, at: TracebackType, events: Iterable[Event]) -> IncompleteEvent | None:
    """Make the error for an event that lacks a key, if the line that asked for it says that it asked the event."""
    key = error.args[0] if error.args else None
    frame = at.tb_frame
    if _ours(frame) or not isinstance(key, str):
        return None
    code = frame.f_code
    line = getline(code.co_filename, at.tb_lineno)
    asked = set(re.findall(rf"([\w.)\]]+)\[\s*['\"]{re.escape(key)}['\"]\s*\]", line))
    given = {name: frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]}
    for event in events:
        payload = event.payload
        held = [name for name, one in given.items() if isinstance(one, Mapping) and one == payload]
        # Of two that are equal, nobody knows which one is the event.
        if len(held) == 1 and asked == {held[0]} and key not in payload:
            fields = ", ".join(list(map(str, payload))[:_SHOWN]) + (", ..." if len(payload) > _SHOWN else "")
            has = f"has {fields}, and" if payload else "has nothing in it, and"
            more = "..., " if payload else ""
            return IncompleteEvent(
                f"the test's event {event.name} {has} no {key!r}, which {_told(at)} reads: write "
                f"Event({event.name!r}, {{{more}{key!r}: ...}}), or let the function do without"
            )
    return None


def _told(at: TracebackType) -> str:
    code = at.tb_frame.f_code
    return f"{code.co_name} ({Place(code.co_filename, at.tb_lineno)})"


def _ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE


def _frames(at: TracebackType) -> Iterator[TracebackType]:
    one: TracebackType | None = at
    while one is not None:
        yield one
        one = one.tb_next


def _last(at: TracebackType) -> TracebackType:
    *_, last = _frames(at)
    return last
