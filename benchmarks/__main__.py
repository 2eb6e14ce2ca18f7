"""Measure cqrsless beside its peers and beside plain Python: `python -m benchmarks`.

Every case runs in a process of its own, the cases of a group take turns, and a case's ratio is to the bound measured
in the same round. The machine may be shared: times are CPU time, and what is told is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import traceback
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from .environments import NAMES, ROOT, pinned, python_of
from .reporting import report
from .running import Runner

PARTS: Final = ("dispatch", "streams", "requests", "cold-start", "growth", "throughput", "profile")


def surroundings(given: argparse.Namespace) -> dict[str, Any]:
    versions = dict(pinned()) if given.peers else {}
    for name in () if given.peers else ("marshmallow", "boto3", "botocore", "orjson"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "-"
    size = "a little of everything" if given.quick else f"full sizes, {given.rounds} rounds"
    return {
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "settings": size,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning",
        "versions": versions,
    }


def arguments() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    made.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts alone")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--quick", action="store_true", help="one round of little: to see that everything runs")
    made.add_argument("--no-peers", dest="peers", action="store_false", help="install nothing: bounds and cqrsless")
    made.add_argument("--environments", type=Path, default=ROOT / ".benchmarks", help="where peers are installed")
    engines = made.add_mutually_exclusive_group()
    engines.add_argument("--endpoint", help="a DynamoDB endpoint that runs already, in place of ministack's")
    engines.add_argument(
        "--dynamodb-local", type=Path, metavar="FOLDER", help="of DynamoDBLocal.jar: run on it, too (Linux, as root)"
    )
    made.add_argument(
        "--page", type=Path, default=ROOT / ".benchmarks" / "report" / "report.md",
        help="the page to write, with its pictures in `pictures/` beside it",
    )  # fmt: skip
    made.add_argument(
        "--results", type=Path, default=ROOT / ".benchmarks" / "report" / "results.json", help="where figures are kept"
    )
    made.add_argument("--add", action="store_true", help="keep what --results holds of parts that do not run now")
    made.add_argument("--compare", type=Path, help="the results of an earlier run")
    made.add_argument("--write", action="store_true", help="measure nothing: write the page of what --results holds")
    return made


def main() -> int:
    """Run the parts, one after the other; one that fails is told, the others run all the same."""
    given = arguments().parse_args()
    before = json.loads(given.compare.read_text()) if given.compare else None
    results: dict[str, Any] = json.loads(given.results.read_text()) if given.add or given.write else {}
    failed: list[str] = []
    if not given.write:
        if given.peers:
            for name in NAMES:
                python_of(given.environments, name)
        given.results.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        results["surroundings"] = surroundings(given)
        runner = Runner(given)
        for part in given.only:
            print(f"-- {part}, after {(time.monotonic() - begun) / 60:.1f} minutes", file=sys.stderr)
            try:
                results[part] = getattr(runner, part.replace("-", "_"))()
            except Exception:
                traceback.print_exc()
                failed.append(part)
            results["surroundings"]["took"] = round((time.monotonic() - begun) / 60)
            given.results.write_text(json.dumps(results, indent=1))
    given.page.parent.mkdir(parents=True, exist_ok=True)
    print(report(results, before, given.page))
    if failed:
        print(f"failed, and not on the page: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
