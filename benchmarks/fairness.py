"""64 writers within the same seconds: on one aggregate as threads of one process and as containers, and on 10,000."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .dispatch import Account, Deposit, OpenAccount
from .dynamodb import bank

WRITERS: Final = 64


def _run(quick: bool, account: Callable[[int, int], str], *, known: int, containers: bool) -> dict[str, Any]:
    from cqrsless import App, ConcurrencyConflict

    registry = bank(Account, OpenAccount, Deposit)
    first = App("memory://", registry=registry)
    apps = [App(first.store, registry=registry) if containers else first for _ in range(WRITERS)]
    for number in range(known):
        first.execute("OpenAccount", {"account_id": f"a{number}", "owner": "Ada"})
    done, gave_up = [0] * WRITERS, [0] * WRITERS
    begun, seconds = [0.0], 2 if quick else 10
    # A thread is only started when one that runs lets go of the interpreter: the time begins when all are there.
    ready = threading.Barrier(WRITERS, lambda: begun.__setitem__(0, time.monotonic()))
    sys.setswitchinterval(0.0005)

    def write(me: int) -> None:
        turn = 0
        ready.wait()
        while time.monotonic() < begun[0] + seconds:
            turn += 1
            try:
                apps[me].execute("Deposit", {"account_id": account(me, turn), "amount": 5})
                done[me] += 1
            except ConcurrencyConflict:  # lost after every retry: the caller is told, and may come again
                gave_up[me] += 1

    threads = [threading.Thread(target=write, args=(me,)) for me in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - begun[0]
    total = sum(App(first.store, registry=registry).load("Account", f"a{n}").state.balance for n in range(known))
    return {
        "done": sorted(done), "per_second": sum(done) / wall, "gave_up": sum(gave_up), "right": total == 5 * sum(done),
    }  # fmt: skip


CASES: Final[dict[str, Callable[[bool], dict[str, Any]]]] = {
    "one aggregate, threads of one process": lambda quick: _run(quick, lambda *_: "a0", known=1, containers=False),
    "one aggregate, a container each": lambda quick: _run(quick, lambda *_: "a0", known=1, containers=True),
    "10,000 aggregates, threads of one process": lambda quick: _run(
        quick, lambda me, turn: f"a{(me * 1_000_003 + turn) % 10_000}", known=10_000, containers=False
    ),
}
