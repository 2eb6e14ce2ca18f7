"""One case in a process of its own, so that no import of one changes another: prints one line of JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any


def dispatch(group: str, name: str) -> dict[str, Any]:
    from .dispatch import DEPOSITS, GROUPS

    if name in GROUPS[group]:
        run = GROUPS[group][name]()
    else:
        from .dispatch_peers import PEERS

        run = PEERS[group][name]()
    begun = time.process_time()
    run(1)
    accounts = max(1, min(40, int(0.1 / max(time.process_time() - begun, 1e-4))))  # a run takes some 100 ms
    return {"us": _median_of(lambda: run(accounts), accounts * (DEPOSITS + 1))}


def streams(group: str, name: str) -> dict[str, Any]:
    from .streams import GROUPS

    make, records = GROUPS[group][name]
    run, event = make(), records(100)
    assert len(run(event)["batchItemFailures"]) == 10
    return {"us": _median_of(lambda: run(event), 100)}


def cpu(group: str, name: str) -> dict[str, Any]:
    from .dynamodb import CASES, client_cpu

    return {"us": client_cpu(CASES[name][1])}


def requests(group: str, name: str) -> dict[str, Any]:
    from .dynamodb import CASES, measure

    if name in CASES:
        make = CASES[name][1]
    else:
        from .dynamodb_peers import PEERS

        make = PEERS[name][1]
    return measure(make, int(group))


def threads(group: str, name: str) -> dict[str, Any]:
    from .throughput import run

    return run(name, int(group))


def growth(group: str, name: str) -> dict[str, Any]:
    from .growth import CURVES

    return {"points": CURVES[name](group == "quick")}


def _median_of(run: Any, count: int, runs: int = 5) -> float:
    times: list[float] = []
    for _ in range(runs):
        begun = time.process_time()
        run()
        times.append((time.process_time() - begun) / count * 1e6)
    return statistics.median(times)


if __name__ == "__main__":
    workload, *rest = sys.argv[1:]
    print(json.dumps(globals()[workload](*rest)))
