"""What a test gives to its story, checked where it is given: a mistake in the test is told as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..errors import a_type
from ..messages import Command, Event
from ..registry import Cancel, did_you_mean

__all__ = [
    "check_command",
    "check_commands",
    "check_error",
    "check_events",
    "check_given",
    "check_options",
    "check_rows",
]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

#: What `given` takes by name.
_GIVEN: Final = ("registry", "resources", "now", "of")
#: What `when` takes by name, for a command and for events.
_OPTIONS: Final = {
    "a command": ("id", "metadata", "expected_version"),
    "events": ("of", "source", "processor", "id", "metadata", "attempt"),
}
#: What one may well call the time at which something happens.
_TIMES: Final = frozenset({"at", "clock", "now", "time"})
_EXAMPLES: Final = {"a command": "when('ShipOrder', {...})", "events": "when(Event('OrderShipped', {...}))"}


def check_given(others: Iterable[str]) -> None:
    """Refuse what `given` does not take by name."""
    for name in others:
        hint = _hint_of_time(name) or did_you_mean(name, _GIVEN)
        raise TypeError(f"given() takes {', '.join(f'{one}=' for one in _GIVEN)}, and not {name}={hint}")


def _hint_of_time(name: str) -> str:
    return "; the time of a story is given(..., now=)" if name in _TIMES else ""


def check_options(of: str, how: Iterable[str]) -> None:
    """Refuse what `when` does not take by name: of a command, or of events."""
    [other] = [one for one in _OPTIONS if one != of]
    for name in how:
        if name not in _OPTIONS[of]:
            hint = _hint_of_time(name) or did_you_mean(name, _OPTIONS[of])
            if name in _OPTIONS[other]:
                hint = f"; that is for {other}, {_EXAMPLES[other]}"
            known = ", ".join(f"{one}=" for one in _OPTIONS[of])
            raise TypeError(f"when() of {of} takes {known}, and not {name}={hint}")


def check_command(what: Any, more: Sequence[Any], how: Iterable[str]) -> None:
    """Refuse what `when` does not take for a command: it is given whole, or as its name and one payload."""
    if isinstance(what, str):
        if len(more) > 1:
            raise TypeError(f"when({what!r}, ...) takes one payload, and is given {len(more)} things behind the name")
        check_options("a command", how)
    elif not isinstance(what, Command):
        raise TypeError(
            f"when() takes a command, {_EXAMPLES['a command']} or when(Command(...)), or events, "
            f"{_EXAMPLES['events']}, and not {_a(what)}"
        )
    elif more or list(how):
        given = ", ".join(["a payload"] * bool(more) + [f"{name}=" for name in how])
        raise TypeError(
            f"when(Command({what.name!r}, ...)) takes the command whole, and nothing beside it, such as {given}: "
            f"write it in Command(...), or when({what.name!r}, {{...}}, ...)"
        )


def check_events(call: str, events: Sequence[Any], otherwise: str = "") -> None:
    """Refuse what is no event where a call takes events; `otherwise` says where commands go instead."""
    for one in events:
        if not isinstance(one, Event):
            hint = otherwise if isinstance(one, (Command, Cancel)) else ""
            raise TypeError(f"{call}() takes events, as in {call}({_written('Event', one)}), and not {_a(one)}{hint}")


def check_commands(call: str, commands: Sequence[Any]) -> None:
    """Refuse what is neither a command nor a `cancel(id)`, which are what handlers of events ask for."""
    for one in commands:
        if isinstance(one, Event):
            raise TypeError(
                f"{call}() of a story of events takes the commands that their handlers ask for, and not the event "
                f"{one.name}: what is published is checked by then_published(Event(...)), a row of a view by "
                "then_row(...)"
            )
        if not isinstance(one, (Command, Cancel)):
            raise TypeError(
                f"{call}() takes commands and cancel(id)s, as in {call}({_written('Command', one)}), and not {_a(one)}"
            )


def check_error(error: Any) -> None:
    """Refuse what is no class of errors where `then_rejected` takes one."""
    if isinstance(error, type) and issubclass(error, Exception):
        return
    if isinstance(error, str):
        raise TypeError(
            f"then_rejected() takes the error's class, and its text by name: then_rejected(match={error!r})"
        )
    name, text = type(error).__name__, str(error)
    write = f"then_rejected({name}, match={text!r})" if isinstance(error, Exception) else "then_rejected(NotFound)"
    raise TypeError(f"then_rejected() takes the error's class, and not {_a(error)}: write {write}")


def check_rows(call: str, view: str, rows: Sequence[Any]) -> None:
    """Refuse what is no row: a dict, or `None` where `then_row` is to say that there is none."""
    for row in rows:
        if not isinstance(row, Mapping) and not (row is None and call == "then_row"):
            key = ", 'o-1'" if call == "then_row" else ""
            none = ", or None for no row" if call == "then_row" else ""
            raise TypeError(f"{call}() takes a row, as in {call}({view!r}{key}, {{...}}){none}, and not {_a(row)}")


def _written(what: str, given: Any) -> str:
    name = given if isinstance(given, str) else "ShipOrder" if what == "Command" else "OrderShipped"
    return f"{what}({name!r}, {{...}})"


def _a(value: Any) -> str:
    if isinstance(value, (Command, Event)):
        return f"the {type(value).__name__.lower()} {value.name}"
    if isinstance(value, (list, tuple)):
        return f"{a_type(value)} of them: write them one by one, or with a star before the {type(value).__name__}"
    return repr(value) if isinstance(value, (str, int, Cancel)) else a_type(value)
