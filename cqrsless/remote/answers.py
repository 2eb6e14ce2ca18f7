"""What a deployed application answered, as `App` would have given it: results, and errors of the same classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from .. import errors
from ..errors import CqrslessError, GiveUp, HandlerFailed, NotFound, RetryLater, StoreUnavailable, ValidationFailed
from ..messages import CommandResult, Cost, RecordedEvent
from ..sources.problems import TYPE
from .attempts import Passing

__all__ = ["Failures", "passing_or_not", "result_in_full", "result_of"]

#: When an event happened is not told over HTTP.
_UNTOLD: Final = datetime.min.replace(tzinfo=timezone.utc)

#: By name, what an application may answer with.
_KNOWN: Final[Mapping[str, type[CqrslessError]]] = {
    name: error
    for name in errors.__all__
    if (error := getattr(errors, name)) not in (CqrslessError, GiveUp, RetryLater, HandlerFailed)
}
#: Whose subclass an error of the application's own is, by its status.
_BASES: Final[Mapping[int, type[CqrslessError]]] = {
    400: errors.MalformedMessage,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: NotFound,
    405: errors.MethodNotAllowed,
    409: errors.Rejected,
    412: errors.VersionMismatch,
    413: errors.CommitTooLarge,
    422: ValidationFailed,
    503: StoreUnavailable,
}


class Failures:
    """Makes the errors that an application's answers tell of; `own` are the classes of the application itself.

    An error of the application's own that is not among them becomes a subclass of `Rejected`, or of what else has its
    status, with the name that it has there.
    """

    def __init__(self, own: Iterable[type[CqrslessError]] = ()) -> None:
        self._classes: dict[str, type[CqrslessError]] = {**_KNOWN, **{error.__name__: error for error in own}}

    def of_problem(self, problem: Mapping[str, Any]) -> CqrslessError | None:
        """Make the error of a problem document, or `None` where it is no error of the application's own telling."""
        kind, status = problem.get("type"), problem.get("status")
        if not isinstance(kind, str) or not kind.startswith(TYPE) or not isinstance(status, int):
            return None
        text = problem.get("detail") or problem.get("title") or ""
        error = self._make(self._class(kind.removeprefix(TYPE), status), str(text))
        if isinstance(error, ValidationFailed):
            error.messages = _with_numbers(problem.get("errors", {}))
        return error

    def of_error(self, name: str, text: str) -> CqrslessError | None:
        """Make the error of a class name as Lambda tells it, or `None` if it is a bug's."""
        known = self._classes.get(name)
        return None if known is None else self._make(known, text)

    def _class(self, name: str, status: int) -> type[CqrslessError]:
        known = self._classes.get(name)
        if known is not None:
            return known
        base = _BASES.get(status, CqrslessError)
        if not name.isidentifier() or len(name) > 100:
            return base
        return type(name, (base,), {"__doc__": base.__doc__, "__module__": base.__module__, "status": status})

    def _make(self, error: type[CqrslessError], text: str) -> CqrslessError:
        made = error.__new__(error)
        if error.__init__ in _TAKING_A_TEXT:
            error.__init__(made, text)
        else:  # one of the application's own, that is made of something else
            Exception.__init__(made, text)
        return made


_TAKING_A_TEXT: Final = frozenset(vars(known).get("__init__", CqrslessError.__init__) for known in _KNOWN.values())


def passing_or_not(error: CqrslessError, pause: float | None = None) -> CqrslessError | Passing:
    """Give what to raise: a store that does not answer for now may do so a moment later."""
    return Passing(error, pause) if isinstance(error, StoreUnavailable) else error


def result_of(answer: Mapping[str, Any], aggregate: str | None = None) -> CommandResult:
    """Read what every source answers a command with. Of its events only name, sequence and version are told.

    >>> answer = {"aggregate_id": "o-1", "version": 2, "events": [{"name": "Paid", "sequence": 5}], "duplicate": False}
    >>> result = result_of(answer, "Order")
    >>> (result.version, result.events[0].name, result.events[0].id, result.events[0].payload)
    (2, 'Paid', 'Order#o-1@5', None)
    """
    if "value" in answer:
        return CommandResult(value=answer["value"])
    aggregate_id, version = answer["aggregate_id"], answer["version"]
    key = "" if aggregate is None else f"{aggregate}#{aggregate_id}"
    events = tuple(
        RecordedEvent(event["name"], None, event["sequence"], version, key and f"{key}@{event['sequence']}", _UNTOLD)
        for event in answer["events"]
    )
    return CommandResult(aggregate_id, version, events, None, answer["duplicate"], Cost(), aggregate)


def result_in_full(answer: Mapping[str, Any]) -> CommandResult:
    """Read an answer that tells all."""
    told: dict[str, Any] = {**answer, "events": tuple(map(_event_in_full, answer["events"]))}
    told["cost"] = Cost(**answer["cost"])
    return CommandResult(**told)


def _event_in_full(told: Mapping[str, Any]) -> RecordedEvent:
    event: dict[str, Any] = {**told, "time": datetime.fromisoformat(told["time"])}
    return RecordedEvent(**event)


def _with_numbers(messages: Any) -> Any:
    """Give validation messages with the numbers of list items as numbers again, as marshmallow has them."""
    if isinstance(messages, Mapping):
        return {_number(key): _with_numbers(inner) for key, inner in messages.items()}
    return [_with_numbers(inner) for inner in messages] if isinstance(messages, list) else messages


def _number(key: str) -> int | str:
    return int(key) if key.isascii() and key.isdecimal() and len(key) < 10 and str(int(key)) == key else key
