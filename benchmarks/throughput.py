"""Commands a second on a real server, with several threads, each on accounts of its own.

The server is on the same machine, and so is part of what is measured.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from .dynamodb import CASES

SECONDS: Final = 4.0
NAMES: Final = (
    "bare, state cached",
    "cqrsless, warm",
    "eventsourcing-dynamodb",
    "eventsourcing-dynamodb, cached",
    "eventsourcing-dynamodb, cached, without fast-forward",
    "aett",
    "aett, a snapshot each 100",
    "aett-dynamodb 2.1.0",
)


def run(name: str, threads: int) -> dict[str, Any]:
    if name in CASES:
        made = CASES[name][1]()
    else:
        from .dynamodb_peers import PEERS

        made = PEERS[name][1]()
    done = [0] * threads
    failed: list[str] = []
    accounts = [made.open() for _ in range(threads)]
    ends = time.monotonic() + SECONDS

    def work(me: int) -> None:
        try:
            while time.monotonic() < ends:
                made.deposit(accounts[me])
                done[me] += 1
        except Exception as error:  # a client that fails is part of the result
            failed.append(f"{type(error).__name__}: {error}"[:200])

    workers = [threading.Thread(target=work, args=(me,)) for me in range(threads)]
    begun, cpu = time.monotonic(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall = time.monotonic() - begun
    return {
        "per_second": sum(done) / wall,
        "cpu_us": (time.process_time() - cpu) / max(1, sum(done)) * 1e6,
        "least": min(done),
        "most": max(done),
        "failed": failed[:3],
        "right": all(made.balance(account) == 5 * count for account, count in zip(accounts, done, strict=True)),
    }
