"""What something asked of the store, counted and held against what it may."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any, Final, Protocol

from ..app import App
from ..messages import Cost
from ..store import Store

__all__ = ["assert_cost", "counted"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

#: The calls that cost something; each is given the `Cost` that it adds to.
_CALLS: Final = ("get", "query", "put", "write", "scan")


class Costly(Protocol):
    """What knows its cost: a `CommandResult`, or the outcome of a test's command."""

    @property
    def cost(self) -> Cost: ...


def assert_cost(
    what: Costly | Cost,
    *,
    requests: int | None = None,
    read_units: float | None = None,
    write_units: float | None = None,
) -> None:
    """Check that something cost at most so much; what is not named may cost anything.

    >>> from cqrsless import CommandResult
    >>> assert_cost(CommandResult(cost=Cost(requests=1, write_units=1)), requests=1, read_units=0, write_units=1)
    >>> assert_cost(Cost(requests=3, read_units=2), requests=2)
    Traceback (most recent call last):
    ...
    AssertionError: it took 3 requests, and may take 2 (in all: 3 requests, 2 read units, 0 write units)
    """
    given = {"requests": requests, "read_units": read_units, "write_units": write_units}
    if all(most is None for most in given.values()):
        raise TypeError("assert_cost() checks nothing: say how much it may cost, as in requests=1, write_units=1")
    cost = what if isinstance(what, Cost) else what.cost
    over = [
        f"{getattr(cost, name):g} {_words(name)}, and may take {most:g}"
        for name, most in given.items()
        if most is not None and getattr(cost, name) > most
    ]
    if over:
        in_all = ", ".join(f"{getattr(cost, name):g} {_words(name)}" for name in given)
        raise AssertionError(f"it took {'; '.join(over)} (in all: {in_all})")


@contextmanager
def counted(what: App | Store) -> Generator[Cost, None, None]:
    """Count what a block asks of an application's store: commands, views, processors and all.

    >>> from cqrsless.stores import open_store
    >>> store = open_store("memory://")
    >>> with counted(store) as cost:
    ...     store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    >>> cost
    Cost(requests=1, read_units=0, write_units=1)
    """
    store = what.store if isinstance(what, App) else what
    total, lock = Cost(), Lock()
    before = {name: vars(store).get(name) for name in _CALLS}
    # On the very object: whoever holds it, such as an executor or a processor's places, is counted, too.
    for name in _CALLS:
        setattr(store, name, _counting(getattr(store, name), total, lock))
    try:
        yield total
    finally:
        for name, earlier in before.items():
            if earlier is None:
                delattr(store, name)
            else:
                setattr(store, name, earlier)


def _counting(call: Callable[..., Any], total: Cost, lock: Lock) -> Callable[..., Any]:
    def counting(*args: Any, **named: Any) -> Any:
        cost: Cost = next(one for one in (*args, *named.values()) if isinstance(one, Cost))
        before = replace(cost)
        try:
            return call(*args, **named)
        finally:
            with lock:
                total.requests += cost.requests - before.requests
                total.read_units += cost.read_units - before.read_units
                total.write_units += cost.write_units - before.write_units

    return counting


def _words(name: str) -> str:
    return name.replace("_", " ")
