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
    took = max(time.process_time() - begun, 1e-4)
    accounts = max(1, min(40, int(0.1 / took)))  # a run takes some 100 ms
    return {"us": _median_of(lambda: run(accounts), accounts * (DEPOSITS + 1), runs=5 if took < 0.5 else 1)}


def streams(group: str, name: str) -> dict[str, Any]:
    from .streams import CASES, SIZES, group_of

    size = next(size for size in SIZES if group_of(size) == group)
    make, records = CASES[name]
    run, event = make(), records(size)
    for _ in range(2):
        assert len(run(event)["batchItemFailures"]) == size // 10
    repeats = 2000 // size
    return {"us": _median_of(lambda: [run(event) for _ in range(repeats)], repeats * size)}


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


def far(group: str, name: str) -> dict[str, Any]:
    from .dynamodb import measure_far

    return measure_far(name, int(group))


def rules(group: str, name: str) -> dict[str, Any]:
    from .rules import measure

    return measure()


def threads(group: str, name: str) -> dict[str, Any]:
    from .throughput import run

    return run(name, int(group))


def growth(group: str, name: str) -> dict[str, Any]:
    from .growth import CURVES

    return CURVES[name](group == "quick")


def fairness(group: str, name: str) -> dict[str, Any]:
    from .fairness import CASES

    return CASES[name](group == "quick")


def profile(group: str, name: str) -> dict[str, Any]:
    from .profiling import measure

    return measure(group, name)


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
