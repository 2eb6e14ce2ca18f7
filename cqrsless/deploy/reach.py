"""What a handler's code can do, read off the code that it reaches: return commands, and have some of them wait.

A role is to allow what its function needs and nothing else, and what a function returns is not written anywhere. So
the code of a handler, of what it names in its own project, and of the resources that it is given is searched for
the words of it. What is found in doubt is allowed; what the search cannot see (a library that raises `RetryLater`) is
for `commands = true` or `schedules = true` in the configuration to say.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from ..errors import RetryLater
from ..messages import Command
from ..registry import Cancel, EventHandlerRecord, ResourceRecord, cancel

__all__ = ["Reach", "reach"]

_COMMAND: Final = frozenset({"Command"})
_SCHEDULE: Final = frozenset({"Cancel", "RetryLater", "cancel"})
_DUE: Final = "due"
_OURS: Final = __name__.partition(".")[0]
_WORDS: Final = (RetryLater, Cancel, cancel)


class Reach(NamedTuple):
    """Whether any of the code returns commands, and whether any schedules or cancels."""

    commands: bool
    schedules: bool


def reach(handlers: Iterable[EventHandlerRecord], resources: Mapping[str, ResourceRecord]) -> Reach:
    """Say what the handlers of one processor can do.

    >>> def remind(event):
    ...     return Command("Remind", event)
    >>> reach([EventHandlerRecord(("OrderPlaced",), remind)], {})
    Reach(commands=True, schedules=False)
    """
    words: set[str] = set()
    met: list[object] = []
    search = _Search()
    for handler in handlers:
        starts: list[object] = [handler.fn, *(around.fn for around in handler.middleware)]
        starts += _given(handler.inject, resources)
        for code in search.codes(starts):
            words.update(code.co_names, _texts(code))
        met += search.met
    commands = not _COMMAND.isdisjoint(words) or any(one is Command for one in met)
    schedules = not _SCHEDULE.isdisjoint(words) or any(
        one is RetryLater or one is Cancel or one is cancel for one in met
    )
    return Reach(commands or _DUE in words, schedules or _DUE in words)


def _given(names: Iterable[str], resources: Mapping[str, ResourceRecord]) -> Iterator[Callable[..., Any]]:
    for name in names:
        if name in resources:
            yield resources[name].fn
            yield from _given(resources[name].inject, resources)


def _texts(code: CodeType) -> Iterator[str]:
    """Give the texts that a code object holds: the names of keyword arguments are among them."""
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):
            yield from (one for one in constant if isinstance(one, str))


class _Search:
    """Everything of one project that some functions name, each once; what else they name is `met`."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self.met: list[object] = []

    def codes(self, starts: Iterable[object]) -> Iterator[CodeType]:
        waiting = [(start, "") for start in starts]
        while waiting:
            thing, project = waiting.pop()
            if id(thing) in self._seen:
                continue
            self._seen.add(id(thing))
            self.met.append(thing)
            own = _project(thing)
            if project and (own != project or own == _OURS):
                continue
            for function in _functions(thing):
                yield from _nested(function.__code__)
                waiting += [(found, own) for found in _named(function)]


def _project(thing: object) -> str:
    """Give the top-level package that something is of."""
    module = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
    if not isinstance(module, str):
        module = type(thing).__module__
    return module.partition(".")[0]


def _functions(thing: object) -> Iterator[FunctionType]:
    """Give the functions that are of a thing: itself, the methods of a class or of an object's class."""
    found = inspect.unwrap(thing) if callable(thing) else thing
    found = getattr(found, "func", found)  # functools.partial
    found = getattr(found, "__func__", found)
    if isinstance(found, FunctionType):
        yield found
        return
    for kind in (found if isinstance(found, type) else type(found)).__mro__:
        for member in vars(kind).values():
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(inner, FunctionType):
                yield inner


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _named(function: FunctionType) -> Iterator[object]:
    """Give what a function names: of its module, of modules that it names, and of what it closes over."""
    names = {name for code in _nested(function.__code__) for name in code.co_names}
    for name in names:
        if name in function.__globals__:
            found = function.__globals__[name]
            yield found
            if isinstance(found, ModuleType):
                yield from (getattr(found, inner) for inner in names if hasattr(found, inner))
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # assigned only after this
            continue
