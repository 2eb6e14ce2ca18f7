"""The invocation that is under way: what Lambda says of it, for whoever has to know how much time is left."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Final

__all__ = ["function", "invoked", "request", "seconds_left"]

_context: Final[ContextVar[Any]] = ContextVar("cqrsless_invocation", default=None)
#: What is left of an invocation for what comes behind the work: at most so many seconds, and such a part of it.
_RESERVE, _RESERVED = 30.0, 0.3


class invoked:
    """Lets what runs inside a `with` block know the context that Lambda gave."""

    __slots__ = ("_given", "_token")

    def __init__(self, context: Any) -> None:
        self._given = context
        self._token: Token[Any] | None = None

    def __enter__(self) -> None:
        self._token = _context.set(self._given)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _context.reset(self._token)


def function() -> str | None:
    """Give the ARN by which this function was invoked, with its version or alias; `None` outside of Lambda."""
    arn = getattr(_context.get(), "invoked_function_arn", None)
    return arn if isinstance(arn, str) and arn else None


def request() -> str | None:
    """Give the id of the invocation, the same when Lambda retries it; `None` outside of Lambda."""
    given = getattr(_context.get(), "aws_request_id", None)
    return given if isinstance(given, str) and given else None


def seconds_left() -> float | None:
    """Give how long this invocation may go on working, with a reserve for coming to its end; `None`: for ever."""
    remaining = getattr(_context.get(), "get_remaining_time_in_millis", None)
    if remaining is None:
        return None
    seconds = float(remaining()) / 1000
    return max(0.0, seconds - min(_RESERVE, seconds * _RESERVED))
