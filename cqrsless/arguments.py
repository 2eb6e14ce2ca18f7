"""What an application is given, checked: a mistake is told by the call that makes it, with what to write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from .messages import Command, Name, name_of
from .registry import AggregateRecord, Registry

__all__ = [
    "check_app",
    "check_command",
    "check_expected",
    "check_received",
    "check_version",
    "named_aggregate",
    "whole",
]

#: What may be given beside a command: its id, metadata, expected version, due time, and the event of a refusal.
Options: TypeAlias = "tuple[str | None, Mapping[str, Any] | None, int | None, datetime | timedelta | None, Name | None]"

#: Characters of a value that an error shows.
_SHOWN: Final = 100


def check_app(store: Any, registry: Any, resources: Any, clock: Any) -> None:
    """Refuse what an `App` cannot be made of."""
    if registry is not None and not isinstance(registry, Registry):
        raise TypeError(f"registry={registry!r} is no Registry: give the object, not its name or its module")
    if isinstance(store, Registry):
        raise TypeError("App() is given a Registry in the place of a store: write App(registry=...)")
    if store is not None and not isinstance(store, str) and not callable(getattr(store, "put", None)):
        raise TypeError(
            f'App({_shown(store)}) is given no store: write its URL, as in App("memory://") or '
            'App("sqlite:///orders.db"), or give a store'
        )
    if resources is not None and not isinstance(resources, Mapping):
        raise TypeError(f'resources={_shown(resources)} is no mapping: write resources={{"mailer": ...}}')
    if clock is not None and not callable(clock):
        raise TypeError(f"clock={_shown(clock)} is no function that gives the time: write clock=lambda: ...")


def whole(
    command: Command, given: Options
) -> tuple[str, Any, str | None, Mapping[str, Any], int | None, datetime | timedelta | None, Name | None]:
    """Give what a command holds, in its order; an option that is given beside it takes the place of its own.

    >>> whole(Command("ShipOrder", {}, id="c-1", expected_version=2), (None, None, 3, None, None))
    ('ShipOrder', {}, 'c-1', {}, 3, None, None)
    """
    id, metadata, expected_version, due, on_rejected = given
    return (
        command.name,
        command.payload,
        command.id if id is None else id,
        command.metadata if metadata is None else metadata,
        command.expected_version if expected_version is None else expected_version,
        command.due if due is None else due,
        command.on_rejected if on_rejected is None else on_rejected,
    )


def check_command(name: str, metadata: Any, on_rejected: Any = None) -> None:
    """Say what of a command cannot be made into a message; nothing where it is something else."""
    _check_metadata(name, metadata)
    if on_rejected is not None and not isinstance(getattr(on_rejected, "name", on_rejected), str):
        raise TypeError(f'on_rejected={_shown(on_rejected)} of {name} names no event: write on_rejected="OrderKept"')


def check_expected(name: str, version: Any) -> None:
    """Refuse what no aggregate's version is ever equal to."""
    if version is not None and type(version) is not int:
        raise TypeError(
            f"expected_version={_shown(version)} of {name} is no number of a version: write expected_version=1, or "
            "leave it out"
        )


def check_received(name: str, time: Any, metadata: Any) -> None:
    """Refuse what an external event cannot have."""
    _check_metadata(name, metadata)
    if time is None:
        return
    if not isinstance(time, datetime):
        raise TypeError(f"time={_shown(time)} of {name} is no time: write datetime(..., tzinfo=timezone.utc)")
    if time.utcoffset() is None:
        raise ValueError(f"time={time!r} of {name} has no time zone: write datetime(..., tzinfo=timezone.utc)")


def check_version(version: Any) -> None:
    """Refuse what is no version of an aggregate."""
    if version is None:
        return
    if type(version) is not int:
        raise TypeError(f"version={_shown(version)} is no number of a version: write version=1, or leave it out")
    if version < 1:
        raise ValueError(f"versions start at 1, so there is none of number {version}")


def named_aggregate(given: Any) -> str:
    """Give an aggregate's name, where it is given as that or as what `aggregate(...)` returned."""
    if isinstance(given, (str, AggregateRecord)):
        return name_of(given)
    raise TypeError(
        f'{_shown(given)} is no aggregate: give its name, as in app.load("Order", "o-1"), or what '
        "aggregate(...) returned"
    )


def _check_metadata(name: str, metadata: Any) -> None:
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f'metadata={_shown(metadata)} of {name} is no mapping: write metadata={{"note": "..."}}')


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
