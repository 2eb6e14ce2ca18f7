"""Where the time of a command goes: a profile of each case that has an aim, by function.

The profiler itself takes time at each call, so it makes much of small functions; calls into C that it does not see are
counted to their callers. Shares tell where to look, not what would be saved.
"""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from typing import Any, Final

from .dispatch import DEPOSITS
from .streams import group_of

STREAM: Final = group_of(100)
CPU: Final = "client CPU, nobody behind"
#: group -> the case that is profiled.
CASES: Final = {
    "dispatch, json, Schema.load": "cqrsless",
    "event-sourced, cached": "cqrsless, frozen dataclass",
    "event-sourced, nothing cached": "cqrsless",
    "an event folded, of 101, no snapshot": "cqrsless",
    "HTTP event with validation": "cqrsless",
    STREAM: "cqrsless, unordered",
    CPU: "cqrsless, warm",
}
_TOLD: Final = 12
_HERE: Final = str(Path(__file__).parent)


def measure(group: str, name: str) -> dict[str, Any]:
    run, count = _work(group, name)
    run()
    profile = cProfile.Profile()
    profile.enable()
    run()
    profile.disable()
    stats: Any = pstats.Stats(profile)
    total = sum(own for _, _, own, _, _ in stats.stats.values())
    by_package: dict[str, float] = {}
    functions: list[tuple[str, float, float]] = []
    for (file, _, function), (_, calls, own, _, _) in stats.stats.items():
        package, where = _place(file, function)
        by_package[package] = by_package.get(package, 0.0) + own / total
        functions.append((where, own / total, calls / count))
    functions.sort(key=lambda one: -one[1])
    return {
        "packages": dict(sorted(by_package.items(), key=lambda one: -one[1])[:6]),
        "functions": functions[:_TOLD],
    }


def _work(group: str, name: str) -> tuple[Any, int]:
    if group == CPU:
        from .dynamodb import CASES as BANKS
        from .dynamodb import answer_in_process

        answer_in_process()
        bank = BANKS[name][1]()
        account = bank.open()
        return lambda: [bank.deposit(account) for _ in range(300)], 300
    if group == STREAM:
        from .streams import CASES as STREAMS

        make, records = STREAMS[name]
        handle, event = make(), records(100)
        return lambda: [handle(event) for _ in range(20)], 2000
    from .dispatch import GROUPS

    run = GROUPS[group][name]()
    return lambda: run(20), 20 * (DEPOSITS + 1)


def _place(file: str, function: str) -> tuple[str, str]:
    """Give a function's package, and its name with its module."""
    if file == "~":
        return "Python's own, in C", function.strip("<>")
    path = Path(file)
    if file.startswith(_HERE):
        return "the application", f"the application: {function}"
    parts = path.with_suffix("").parts
    for root in ("site-packages", "cqrsless"):
        if root in parts:
            inner = parts[parts.index(root) + (root == "site-packages") :]
            return inner[0], f"{'.'.join(inner)}: {function}"
    return "Python's own", f"{path.stem}: {function}"
