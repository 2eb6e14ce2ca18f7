"""Structured logs: which message a line belongs to, and one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Final, TypeAlias

from .messages import Message

__all__ = [
    "RETRIES",
    "JsonFormatter",
    "current_message",
    "handling",
    "install_last_resort",
    "install_record_factory",
    "log_as_json",
]

#: The logger of what failed and is tried again by itself.
RETRIES: Final = "cqrsless.retries"

#: A message that perhaps nobody asks for: what makes it, and of what.
Promise: TypeAlias = "tuple[Callable[..., Message], *tuple[Any, ...]]"
Held: TypeAlias = "Message | Promise | None"


class Current:
    """The message that is being handled here and now; one that was only promised is made when it is asked for."""

    def __init__(self) -> None:
        self._held: ContextVar[Held] = ContextVar("cqrsless_message", default=None)
        self.set: Final[Callable[[Held], Token[Held]]] = self._held.set
        self.reset: Final[Callable[[Token[Held]], None]] = self._held.reset

    def get(self) -> Message | None:
        held = self._held.get()
        if held is None or isinstance(held, Message):
            return held
        make, *given = held
        message = make(*given)
        self._held.set(message)
        return message


current_message: Final = Current()

#: What every record made meanwhile says of it.
IDS: Final = ("message_id", "message_name", "correlation_id", "causation_id", "aggregate_id")

#: The most characters of one text in a line. CloudWatch Logs takes 256 KB a line; several such texts still fit.
LONGEST: Final = 16_384


class handling:
    """Makes a message the current one inside a `with` block.

    >>> from datetime import datetime, timezone
    >>> message = Message("c-1", "ShipOrder", "command", {}, datetime.now(timezone.utc))
    >>> with handling(message):
    ...     current_message.get().id
    'c-1'
    """

    __slots__ = ("_message", "_token")

    def __init__(self, message: Message) -> None:
        self._message = message
        self._token: Token[Held] | None = None

    def __enter__(self) -> None:
        self._token = current_message.set(self._message)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            current_message.reset(self._token)


class _Id:
    """One id, read like an attribute of a record.

    It stands on the class and not in the record's own `__dict__`, because logging refuses an `extra=` whose key is
    there already: a user's `extra={"aggregate_id": ...}` must not raise.
    """

    def __init__(self, position: int) -> None:
        self.position = position

    def __get__(self, record: logging.LogRecord | None, owner: type | None = None) -> str | None:
        ids: tuple[str | None, ...] | None = record.__dict__.get("_message_ids") if record is not None else None
        return ids[self.position] if ids else None


class MessageRecord(logging.LogRecord):
    """A log record that knows whose it is."""

    message_id = _Id(0)
    message_name = _Id(1)
    correlation_id = _Id(2)
    causation_id = _Id(3)
    aggregate_id = _Id(4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._message_ids = _ids()

    def getMessage(self) -> str:
        """Give the text, and lay out the ids where `%(correlation_id)s` of a user's own format finds them."""
        for name, value in zip(IDS, self._message_ids or (None,) * len(IDS), strict=True):
            self.__dict__.setdefault(name, value)
        return super().getMessage()


def _ids() -> tuple[str | None, ...] | None:
    message = current_message.get()
    if message is None:
        return None
    return (message.id, message.name, message.correlation_id or None, message.causation_id, message.aggregate_id)


def install_record_factory() -> None:
    """Let every record made while a message is handled bear its ids, users' own loggers included.

    A second call changes nothing. A factory that is there already stays in use, below this one.
    """
    before = logging.getLogRecordFactory()
    if before is MessageRecord or getattr(before, "adds_message_ids", False):
        return
    if before is logging.LogRecord:
        logging.setLogRecordFactory(MessageRecord)
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        ids = _ids()
        if type(record) is logging.LogRecord:
            record.__class__ = MessageRecord
            record.__dict__["_message_ids"] = ids
        elif ids:
            record.__dict__.update(zip(IDS, ids, strict=True))
        return record

    factory.__dict__["adds_message_ids"] = True  # a mark for the next call
    logging.setLogRecordFactory(factory)


class _LastResort(logging.Handler):
    """Tells a script that has not set up logging what went wrong: a line each, once, and no traceback.

    Python's own last resort would write the traceback of each attempt. As soon as anybody has a handler for a record,
    this one is silent.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._hint = "; logging.basicConfig() shows the traceback"

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == RETRIES or logging.lastResort is None or sys.stderr is None or self._is_heard(record.name):
            return
        line = _text(record)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line += "" if (said := _shown(error, str)) in line else f": {type(error).__name__}: {said}"
            line, self._hint = line + self._hint, ""
        print(" ".join(line.split("\n")), file=sys.stderr)

    def _is_heard(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


_last_resort: Final = _LastResort()


def install_last_resort() -> None:
    """Let what goes wrong be one line where logging is not set up; a second call changes nothing."""
    logging.getLogger("cqrsless").addHandler(_last_resort)


class JsonFormatter(logging.Formatter):
    r"""Writes a record as one line of JSON, in ASCII, so that no text inside can end the line.

    The line has `timestamp` (UTC), `level`, `logger`, `message`, the ids of the message that was being handled,
    `request_id` where Lambda's runtime gives one, what `extra=` added, and `exception`.

    >>> record = logging.LogRecord("shop", logging.INFO, "", 0, "two\nlines", None, None)
    >>> json.loads(JsonFormatter().format(record))["message"]
    'two\nlines'
    """

    def __init__(self, *, end: str = "", before: logging.Formatter | None = None) -> None:
        super().__init__()
        self.end = end
        self.before = before

    def format(self, record: logging.LogRecord) -> str:
        if self.before is not None:
            self.before.format(record)  # Lambda's own formatter leaves the type of the log frame on the record
        fields: dict[str, Any] = {
            "timestamp": _timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _text(record),
        }
        own = record.__dict__
        ids = own.get("_message_ids") or ()
        for name, value in zip(IDS, ids, strict=False):
            if value:
                fields[name] = value
        if own.get("aws_request_id"):
            fields["request_id"] = own["aws_request_id"]
        for name, value in own.items():
            if name in _STANDARD or (name in IDS and (value is None or fields.get(name) == value)):
                continue
            fields[f"{name}_" if name in fields else name] = value
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = self._exception(record.exc_info)
        elif record.exc_text:
            fields["exception"] = {"stack": record.exc_text}
        if record.stack_info:
            fields["stack"] = record.stack_info
        return (
            "{" + ", ".join(f"{_encoded(name)}: {_encoded(value)}" for name, value in fields.items()) + "}" + self.end
        )

    def _exception(self, info: Any) -> dict[str, str]:
        return {
            "type": info[0].__name__,
            "message": _cut(_shown(info[1], str)),
            "stack": _cut(self.formatException(info)),
        }


def log_as_json() -> None:
    """Give every handler of the root logger the JSON form, as Lambda's runtime has set them up."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        before = handler.formatter
        if isinstance(before, JsonFormatter):
            continue
        lambdas = before is not None and type(before).__module__.startswith("awslambdaric")
        handler.setFormatter(
            JsonFormatter(
                end="\n" if hasattr(handler, "log_sink") else "",  # Lambda's handlers end no line by themselves
                before=before if lambdas and type(before) is not logging.Formatter else None,
            )
        )


_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "_frame_type",
    "_message_ids",
    "asctime",
    "aws_request_id",
    "message",
    "taskName",
}


def _timestamp(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _text(record: logging.LogRecord) -> str:
    try:
        return _cut(record.getMessage())
    except Exception:  # arguments that do not fit the text: say what there is rather than lose the line
        return _cut(f"{_shown(record.msg)} {_shown(record.args)}")


def _encoded(value: Any) -> str:
    try:
        text = json.dumps(value, default=_shown, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_cut(_shown(value)))
    return text if len(text) <= 2 * LONGEST + 2 else json.dumps(_cut(text))


def _shown(value: Any, form: Any = repr) -> str:
    try:
        return str(form(value))
    except Exception:  # a repr that fails must not lose the line
        return f"<{type(value).__name__} that cannot be shown>"


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} ...[{len(text) - LONGEST} characters left out]... {text[-half:]}"
