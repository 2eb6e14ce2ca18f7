"""Where two values differ, one line for each place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

MISSING: Final = object()


def differences(expected: Any, got: Any, path: str = "") -> list[str]:
    """Compare two values down to their leaves.

    >>> differences({"total": 3, "lines": ["a"]}, {"total": 4, "lines": ["a", "b"], "note": ""})
    ['total: expected 3, got 4', "lines[1]: expected nothing, got 'b'", "note: expected nothing, got ''"]
    """
    if type(expected) is type(got) and is_dataclass(expected) and not isinstance(expected, type):
        pairs = [(f".{one.name}", getattr(expected, one.name), getattr(got, one.name)) for one in fields(expected)]
    elif isinstance(expected, Mapping) and isinstance(got, Mapping):
        pairs = [(f".{key}", expected.get(key, MISSING), got.get(key, MISSING)) for key in {**expected, **got}]
    elif isinstance(expected, (list, tuple)) and type(expected) is type(got):
        longest = max(len(expected), len(got))
        pairs = [(f"[{at}]", _at(expected, at), _at(got, at)) for at in range(longest)]
    else:
        return (
            [] if expected is got or expected == got else [f"{_line(path)}expected {_show(expected)}, got {_show(got)}"]
        )
    found = [line for step, one, other in pairs for line in differences(one, other, path + step)]
    if not found and expected != got:  # equal in all their parts, and not equal all the same
        return [f"{_line(path)}expected {_show(expected)}, got {_show(got)}"]
    return found


def due_at(time: datetime | timedelta | None, now: datetime | None = None) -> str:
    """Say when something is due: how long from `now`, where that is known, and at which time.

    >>> due_at(timedelta(days=3)), due_at(None)
    ('in 3 days', 'at once')
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    >>> due_at(noon + timedelta(hours=1, seconds=30), noon), due_at(noon)
    ('in 1 hour 30 seconds (2026-01-01 13:00:30 UTC)', '2026-01-01 12:00:00 UTC')
    """
    if time is None:
        return "at once"
    if isinstance(time, timedelta):
        return _span(time)
    at = f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    return at if now is None else f"{_span(time - now)} ({at})"


def _span(span: timedelta) -> str:
    rest = abs(span) // timedelta(milliseconds=1)
    parts: list[str] = []
    for unit, size in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000)):
        count: float = rest / size if unit == "second" else rest // size
        rest %= size
        if count:
            parts.append(f"{count:g} {unit}{'' if count == 1 else 's'}")
    length = " ".join(parts) or "0 seconds"
    return f"in {length}" if span >= timedelta(0) else f"{length} ago"


def _at(values: Any, index: int) -> Any:
    return values[index] if index < len(values) else MISSING


def _line(path: str) -> str:
    return f"{path.lstrip('.')}: " if path else ""


def _show(value: Any) -> str:
    return "nothing" if value is MISSING else repr(value)
