"""How costs grow: with the history, the size of a commit, the number of aggregates, of processors, of writers.

All on `memory://`, in one process; µs of CPU a command unless a curve says otherwise. A curve gives its lines, by name.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from .dispatch import Account, Deposit, OpenAccount
from .dynamodb import bank

Points = list[tuple[float, float]]
Lines = dict[str, Points]


def _app(store: Any = "memory://", **options: Any) -> Any:
    from cqrsless import App

    return App(store, registry=bank(Account, OpenAccount, Deposit), **options)


def _open(app: Any, account: str) -> None:
    app.execute("OpenAccount", {"account_id": account, "owner": "Ada"})


def _deposit(app: Any, account: str) -> Any:
    return app.execute("Deposit", {"account_id": account, "amount": 5})


def _cpu(do: Callable[[], Any], times: int = 200, rounds: int = 5) -> float:
    """Give the median of some rounds: µs of CPU a call."""
    found: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            do()
        found.append((time.process_time() - begun) / times * 1e6)
    return statistics.median(found)


def _histories(lengths: Sequence[int]) -> Any:
    """Give a store, again and again: the same aggregate at each of these lengths."""
    app = _app()
    _open(app, "a")
    length = 1
    for wanted in lengths:
        while length < wanted:
            length = _deposit(app, "a").version
        yield length, app.store


def by_history(quick: bool) -> Lines:
    """Commands cold and warm; each measurement adds its own few hundred to the history, which is told as it began."""
    warm: Points = []
    cold: Points = []
    for length, store in _histories((10, 3000) if quick else (10, 1000, 10_000, 30_000, 100_000)):
        again, afresh = _app(store), _app(store, cache=0)
        warm.append((length, _cpu(lambda: _deposit(again, "a"), 80)))  # noqa: B023
        cold.append((length, _cpu(lambda: _deposit(afresh, "a"), 80)))  # noqa: B023
    return {"warm": warm, "nothing cached": cold}


def units_by_history(quick: bool) -> Lines:
    """Units as the embedded stores count them, which is as DynamoDB bills."""
    reads: Points = []
    writes: Points = []
    for length, store in _histories((10, 100, 1000) if quick else (10, 100, 1000, 10_000, 100_000)):
        cost = _deposit(_app(store, cache=0), "a").cost
        reads.append((length, cost.read_units))
        writes.append((length, cost.write_units))
    return {"read units, nothing cached": reads, "write units": writes}


def _notes() -> Any:
    from cqrsless import Event, Registry

    registry = Registry("notes")
    kind = registry.aggregate("Note", id_field="id")

    @registry.command_handler("Write", aggregate=kind, creation="if_missing")
    def write(command: Any, note: Any) -> Any:
        return {"count": (note or {"count": 0})["count"] + 1}, Event("Written", {"text": command["text"]})

    return registry


def by_commit_size(quick: bool) -> Lines:
    from cqrsless import App

    registry = _notes()
    cpu: Points = []
    for size in (100, 1000, 10_000) if quick else (100, 1000, 5000, 20_000, 50_000, 100_000):
        app = App("memory://", registry=registry)
        text = "".join(chr(33 + at * 7 % 90) for at in range(size))
        cpu.append((size, _cpu(lambda: app.execute("Write", {"id": "n", "text": text}), 20)))  # noqa: B023
    return {"a command": cpu}


def by_aggregates(quick: bool) -> Lines:
    """Commands on aggregates in turn: on those that fit into a container's cache, and on all of them without one."""
    lines: Lines = {}
    for line, app in (("cached", _app()), ("nothing cached", _app(cache=0))):
        lines[line] = []
        known = 0
        for count in (10, 100, 1000) if quick else (10, 100, 1000, 10_000, 30_000, 100_000):
            while known < count:
                _open(app, f"a{known}")
                known += 1
            if line == "cached" and _deposit(app, "a0").cost.read_units:
                break  # the cache is full: this one was read, and from here on it is as with nothing cached
            turn = iter(range(10**9))
            lines[line].append((count, _cpu(lambda: _deposit(app, f"a{next(turn) % count}"), 400)))  # noqa: B023
    return lines


def command_by_processors(quick: bool) -> Lines:
    """A command of an application whose events go to this many ordered processors."""
    from cqrsless import App

    points: Points = []
    for count in (1, 2, 4) if quick else (1, 2, 4, 8, 16):
        app = App("memory://", registry=_with_processors(count))
        _open(app, "a")
        points.append((count, _cpu(lambda: _deposit(app, "a"), 400)))  # noqa: B023
    return {"a command": points}


def _with_processors(count: int) -> Any:
    registry = bank(Account, OpenAccount, Deposit)
    for number in range(count):
        registry.processor(f"p{number}", start="beginning")
        registry.event_handler("Deposited", processor=f"p{number}")(lambda event: None)
    return registry


def by_processors(quick: bool) -> Lines:
    """µs to deliver one commit to all processors, ordered ones, each of which notes how far it is."""
    from cqrsless import App

    points: Points = []
    for count in (1, 2, 4) if quick else (1, 2, 4, 8, 16):
        registry = _with_processors(count)
        times: list[float] = []
        for _ in range(3):
            app = App("memory://", registry=registry)
            for number in range(100):
                _open(app, f"a{number}")
                _deposit(app, f"a{number}")
            begun = time.process_time()
            app.drain()
            times.append((time.process_time() - begun) / 200 * 1e6)
        points.append((count, statistics.median(times)))
    return {"a commit": points}


def replay_speed(quick: bool) -> Lines:
    """Commits a second that a view is built from, by the number of commits."""
    from cqrsless import App

    points: Points = []
    for count in (200, 1000) if quick else (1000, 10_000, 30_000, 100_000):
        registry = bank(Account, OpenAccount, Deposit)
        shown = registry.view("Balances", key="account_id")

        @registry.projector("Deposited", view=shown)
        def balance(row: Any, event: Any) -> Any:
            return {"balance": (row or {"balance": 0})["balance"] + event["amount"]}

        app = App("memory://", registry=registry)
        for number in range(count // 10):
            _open(app, f"a{number}")
            for _ in range(9):
                _deposit(app, f"a{number}")
        begun = time.process_time()
        app.replay("Balances")
        points.append((count, count / (time.process_time() - begun)))
    return {"a view": points}


def memory_of_a_container(quick: bool) -> Lines:
    """Megabytes of the process, by distinct aggregates that it has handled; what is stored is elsewhere."""
    from cqrsless import App
    from cqrsless.stores.memory import MemoryStore

    class Forgetful(MemoryStore):
        def put(self, table: Any, item: Any, cost: Any, *, condition: Any = None) -> None:
            cost.requests += 1

    app = App(Forgetful(), registry=bank(Account, OpenAccount, Deposit))
    points: Points = []
    steps = (1000, 5000) if quick else (1000, 10_000, 30_000, 60_000, 100_000)
    for number in range(steps[-1] + 1):
        if number in steps:
            gc.collect()
            points.append((number, _resident()))
        _open(app, f"account-{number}")
    return {"a container": points}


def _resident() -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


HISTORY: Final = "a command, by commits of its aggregate"
UNITS: Final = "units of a command, by commits of its aggregate"
AGGREGATES: Final = "a command, by aggregates in use"
PROCESSORS: Final = "a command, by processors"
CURVES: Final[dict[str, Callable[[bool], Lines]]] = {
    HISTORY: by_history,
    UNITS: units_by_history,
    AGGREGATES: by_aggregates,
    "a command, by bytes of its event": by_commit_size,
    PROCESSORS: command_by_processors,
    "a commit delivered, by ordered processors": by_processors,
    "commits a second in a replay, by commits": replay_speed,
    "MB of a container, by distinct aggregates": memory_of_a_container,
}
#: Curves that the design says are flat, and how much the most may be of the least to be called so.
FLAT: Final = {HISTORY: 1.5, UNITS: 1.0, AGGREGATES: 1.5, PROCESSORS: 1.5}
