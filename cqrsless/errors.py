"""Every error that cqrsless raises on purpose, under one root.

Each class has a `status` (the HTTP status it answers with) and a docstring that is its default message; what else there
is to say of one stands in its `__init__`. Over a direct invocation the class name travels as Lambda's `errorType`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

__all__ = [
    "AlreadyExists",
    "AppLoadError",
    "CommitTooLarge",
    "ConcurrencyConflict",
    "CqrslessError",
    "DuplicateMismatch",
    "Forbidden",
    "GiveUp",
    "HandlerFailed",
    "InvalidReturn",
    "MalformedMessage",
    "MethodNotAllowed",
    "NotCaughtUp",
    "NotFound",
    "RegistrationError",
    "Rejected",
    "RetryLater",
    "SerializationFailed",
    "StoreUnavailable",
    "Unauthenticated",
    "UnknownEvent",
    "UnknownMessage",
    "Unreachable",
    "ValidationFailed",
    "VersionMismatch",
]


class CqrslessError(Exception):
    """Something in a cqrsless application went wrong."""

    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else default_message(type(self)))


def default_message(error: type[CqrslessError]) -> str:
    """Give the first line of the nearest docstring, which is an error's default message.

    >>> default_message(Unauthenticated)
    'Nobody is known to be asking, and this needs somebody.'
    """
    for cls in error.__mro__:
        doc = cls.__dict__.get("__doc__")
        if doc:
            return str(doc).strip().splitlines()[0]
    return error.__name__


class MalformedMessage(CqrslessError):
    """The message is not a JSON object of a form that this application reads."""

    status = 400


class Unauthenticated(CqrslessError):
    """Nobody is known to be asking, and this needs somebody."""

    status = 401


class Forbidden(CqrslessError):
    """The one who asks may not do this."""

    status = 403


class UnknownMessage(CqrslessError):
    """Nothing here handles a message of that name or route."""

    status = 404


class MethodNotAllowed(UnknownMessage):
    """This path is not asked for by that method."""

    status = 405

    def __init__(self, message: str | None = None, *, methods: tuple[str, ...] = ()) -> None:
        """`.methods` are those that it takes, which an answer has in its `Allow` header."""
        super().__init__(message)
        self.methods = methods


class NotFound(CqrslessError):
    """It does not exist, or was deleted."""

    status = 404


class AlreadyExists(CqrslessError):
    """It exists already."""

    status = 409


class Rejected(CqrslessError):
    """The domain says no."""

    status = 409

    def __init__(self, message: str | None = None) -> None:
        """Raise it, or a subclass of your own, from a command handler: nothing is written, and the message is why.

        >>> raise Rejected("the order has already shipped")
        Traceback (most recent call last):
        ...
        cqrsless.errors.Rejected: the order has already shipped
        """
        super().__init__(message)


class ConcurrencyConflict(CqrslessError):
    """Other writers were faster every time; try again in a moment."""

    status = 409


class VersionMismatch(CqrslessError):
    """The aggregate is not at the expected version."""

    status = 412


class CommitTooLarge(CqrslessError):
    """The commit does not fit into one item."""

    status = 413

    def __init__(self, message: str | None = None, *, size: int | None = None, limit: int | None = None) -> None:
        super().__init__(message)
        #: Bytes that the commit would take, and the most it may.
        self.size = size
        self.limit = limit


class ValidationFailed(CqrslessError):
    """The payload is not valid."""

    status = 422

    def __init__(
        self,
        message: str | Mapping[str, Any] | list[Any] | None = None,
        *,
        messages: Mapping[str, Any] | list[Any] | None = None,
    ) -> None:
        """`.messages` holds marshmallow's own messages, untouched; they may also be given in the place of a text.

        >>> ValidationFailed({"total": ["Not a number."]}).messages
        {'total': ['Not a number.']}
        """
        if isinstance(message, (Mapping, list)):
            message, messages = None, message if messages is None else messages
        super().__init__(message)
        self.messages: Any = messages if messages is not None else {}


class DuplicateMismatch(CqrslessError):
    """This id was used before, for another payload."""

    status = 422


class SerializationFailed(CqrslessError):
    """A value cannot be stored."""

    status = 500

    def __init__(self, message: str | None = None, *, path: str = "") -> None:
        """`.path` says where inside the payload or state it stands, as in `lines[2].price`."""
        super().__init__(message)
        self.path = path


class UnknownEvent(CqrslessError):
    """An event is stored, or about to be, that this application does not know."""

    status = 500


class InvalidReturn(CqrslessError, TypeError):
    """A handler returned what it may not."""


class StoreUnavailable(CqrslessError):
    """The store does not answer, or refuses for now."""

    status = 503


class GiveUp(CqrslessError):
    """The event cannot be handled, now or later."""

    def __init__(self, message: str | None = None) -> None:
        """Raise it from an event handler: its aggregate is parked for that processor at once, with the reason given.

        >>> raise GiveUp("the address does not exist")
        Traceback (most recent call last):
        ...
        cqrsless.errors.GiveUp: the address does not exist
        """
        super().__init__(message)


class RetryLater(CqrslessError):
    """The event cannot be handled yet."""

    def __init__(self, message: str | None = None, *, after: timedelta | float) -> None:
        """Raise it from an event handler, with a timedelta or seconds: the aggregate waits that long, no other does.

        It counts as one of the processor's attempts.

        >>> RetryLater(after=90).after
        datetime.timedelta(seconds=90)
        """
        super().__init__(message)
        self.after = after if isinstance(after, timedelta) else timedelta(seconds=after)
        if self.after < timedelta(0):
            raise ValueError(f"RetryLater(after={after!r}) lies in the past: give a timedelta or seconds, 0 or more")


class NotCaughtUp(CqrslessError):
    """A view does not hold yet what it was to be asked after."""

    status = 503


class HandlerFailed(CqrslessError):
    """The deployed application failed at this message, and its log says why."""

    status = 500

    def __init__(self, message: str | None = None, *, error: str = "", request_id: str = "") -> None:
        """`.error` is the class name of what was raised there, `.request_id` the log's name for it, where known."""
        super().__init__(message)
        self.error = error
        self.request_id = request_id


class Unreachable(CqrslessError):
    """The deployed application does not answer, or there is none."""

    status = 503

    def __init__(self, message: str | None = None) -> None:
        """Whether it did what was asked is not known: the same command under the same id is safe to send again."""
        super().__init__(message)


#: The domain's own answers to a command: sending the same one again would bring the same answer.
REFUSALS: Final = (Rejected, AlreadyExists, VersionMismatch)


class RegistrationError(CqrslessError):
    """A decorator is used wrongly."""


class AppLoadError(CqrslessError, ImportError):
    """The application cannot be loaded."""


def a_type(value: object) -> str:
    """Give the type of what is wrong, as errors tell it.

    >>> a_type(1), a_type({}), a_type(None)
    ('an int', 'a dict', 'None')
    """
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[:1] in 'AEIOaeio' else 'a'} {name}"


def returned(value: object) -> str:
    """Give the type of what a function returned wrongly, as errors tell it; an exception is not for returning.

    >>> returned(1), returned(Rejected("no")), returned(Rejected)
    ('an int', 'a Rejected (raise it, do not return it)', 'the class Rejected (raise it, do not return it)')
    """
    if isinstance(value, Exception):
        return f"{a_type(value)} (raise it, do not return it)"
    if isinstance(value, type) and issubclass(value, Exception):
        return f"the class {value.__name__} (raise it, do not return it)"
    return a_type(value)
