"""How costs grow: with the history, the size of a commit, the number of aggregates, of processors, of writers.

All on `memory://`, in one process; µs of CPU a command unless a curve says otherwise.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .dispatch import Account, Deposit, OpenAccount
from .dynamodb import bank

Points = list[tuple[float, float]]


def _app(**options: Any) -> Any:
    from cqrsless import App

    return App("memory://", registry=bank(Account, OpenAccount, Deposit), **options)


def _open(app: Any, account: str) -> None:
    app.execute("OpenAccount", {"account_id": account, "owner": "Ada"})


def _cpu(do: Callable[[], Any], times: int = 200, rounds: int = 5) -> float:
    """Give the median of some rounds: µs of CPU a call."""
    found: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            do()
        found.append((time.process_time() - begun) / times * 1e6)
    return statistics.median(found)


def _by_history(lengths: tuple[int, ...], *, cache: int | None) -> Points:
    points: Points = []
    for length in lengths:
        app = _app()
        _open(app, "a")
        for _ in range(length - 1):
            app.execute("Deposit", {"account_id": "a", "amount": 5})
        from cqrsless import App

        again = App(app.store, registry=app.registry, cache=cache)
        points.append((length, _cpu(lambda: again.execute("Deposit", {"account_id": "a", "amount": 5}))))  # noqa: B023
    return points


def warm_by_history(quick: bool) -> Points:
    return _by_history((10, 100, 1000) if quick else (10, 100, 1000, 10_000, 50_000), cache=None)


def cold_by_history(quick: bool) -> Points:
    return _by_history((10, 100, 1000) if quick else (10, 100, 1000, 10_000, 50_000), cache=0)


def by_commit_size(quick: bool) -> Points:
    from cqrsless import App, Event, Registry

    registry = Registry("notes")
    kind = registry.aggregate("Note", id_field="id")

    @registry.command_handler("Write", aggregate=kind, creation="if_missing")
    def write(command: Any, note: Any) -> Any:
        return {"count": (note or {"count": 0})["count"] + 1}, Event("Written", {"text": command["text"]})

    points: Points = []
    for size in (100, 1000, 10_000) if quick else (100, 1000, 5000, 20_000, 100_000):
        app = App("memory://", registry=registry)
        text = "".join(chr(33 + at * 7 % 90) for at in range(size))
        points.append((size, _cpu(lambda: app.execute("Write", {"id": "n", "text": text}), 20)))  # noqa: B023
    return points


def by_aggregates(quick: bool) -> Points:
    points: Points = []
    for count in (10, 100, 1000) if quick else (10, 100, 1000, 10_000, 100_000):
        app = _app()
        for number in range(count):
            _open(app, f"a{number}")
        turn = iter(range(10**9))
        points.append(
            (count, _cpu(lambda: app.execute("Deposit", {"account_id": f"a{next(turn) % count}", "amount": 5}), 400))  # noqa: B023
        )
    return points


def by_processors(quick: bool) -> Points:
    """µs to deliver one commit to all processors, ordered ones, each of which notes how far it is."""
    from cqrsless import App

    points: Points = []
    for count in (1, 2, 4) if quick else (1, 2, 4, 8, 16):
        registry = bank(Account, OpenAccount, Deposit)
        for number in range(count):
            registry.processor(f"p{number}", start="beginning")
            registry.event_handler("Deposited", processor=f"p{number}")(lambda event: None)
        times: list[float] = []
        for _ in range(3):
            app = App("memory://", registry=registry)
            for number in range(100):
                _open(app, f"a{number}")
                app.execute("Deposit", {"account_id": f"a{number}", "amount": 5})
            begun = time.process_time()
            app.drain()
            times.append((time.process_time() - begun) / 100 * 1e6)
        points.append((count, statistics.median(times)))
    return points


def replay_speed(quick: bool) -> Points:
    """Commits a second that a view is built from, by the number of commits."""
    from cqrsless import App

    points: Points = []
    for count in (200, 1000) if quick else (1000, 3000, 10_000):
        registry = bank(Account, OpenAccount, Deposit)
        shown = registry.view("Balances", key="account_id")

        @registry.projector("Deposited", view=shown)
        def balance(row: Any, event: Any) -> Any:
            return {"balance": (row or {"balance": 0})["balance"] + event["amount"]}

        app = App("memory://", registry=registry)
        for number in range(count // 10):
            _open(app, f"a{number}")
            for _ in range(9):
                app.execute("Deposit", {"account_id": f"a{number}", "amount": 5})
        app.drain()
        begun = time.process_time()
        app.replay("Balances")
        points.append((count, count / (time.process_time() - begun)))
    return points


def _writers(writers: int, seconds: float, account: Callable[[int], str], known: int) -> list[int]:
    app = _app()
    for number in range(known):
        _open(app, f"a{number}")
    done = [0] * writers
    ends = time.monotonic() + seconds

    def write(me: int) -> None:
        while time.monotonic() < ends:
            app.execute("Deposit", {"account_id": account(me * 1_000_003 + done[me]), "amount": 5})
            done[me] += 1

    threads = [threading.Thread(target=write, args=(me,)) for me in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def hot_aggregate(quick: bool) -> Points:
    """Commands of each of 64 threads on one aggregate, within the same seconds: the least first."""
    done = sorted(_writers(64, 2 if quick else 10, lambda _: "a0", 1))
    return [(at, float(count)) for at, count in enumerate(done, 1)]


def ten_thousand_aggregates(quick: bool) -> Points:
    """The same, over 10,000 aggregates."""
    known = 1000 if quick else 10_000
    done = sorted(_writers(64, 2 if quick else 10, lambda n: f"a{n % known}", known))
    return [(at, float(count)) for at, count in enumerate(done, 1)]


def memory_of_a_container(quick: bool) -> Points:
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
    return points


def _resident() -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


CURVES: Final[dict[str, Callable[[bool], Points]]] = {
    "a command, warm, by commits of its aggregate": warm_by_history,
    "a command, nothing cached, by commits of its aggregate": cold_by_history,
    "a command, by bytes of its event": by_commit_size,
    "a command, by aggregates in use": by_aggregates,
    "a commit delivered, by ordered processors": by_processors,
    "commits a second in a replay, by commits": replay_speed,
    "commands of each of 64 threads on one aggregate": hot_aggregate,
    "commands of each of 64 threads on 10,000 aggregates": ten_thousand_aggregates,
    "MB of a container, by distinct aggregates": memory_of_a_container,
}
