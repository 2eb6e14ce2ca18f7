"""Measure cqrsless beside its peers and beside plain Python: `python -m benchmarks`.

Every case runs in a process of its own, the cases of a group take turns, and a case's ratio is to the bound measured
in the same round. The machine may be shared: times are CPU time, and what is told is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import sys
import time
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from .environments import ROOT, Environments
from .reporting import report
from .running import Runner

PARTS: Final = ("dispatch", "streams", "requests", "cold-start", "growth", "throughput", "profile")


def surroundings(given: argparse.Namespace, environments: Environments) -> dict[str, Any]:
    versions = environments.versions()
    if {"requests", "throughput"} & set(given.only) and not given.endpoint:
        from tests.engines import MINISTACK

        versions["ministack"] = MINISTACK.partition("==")[2]
        if given.dynamodb_local:
            versions["DynamoDB Local"] = given.dynamodb_local.resolve().name.rpartition("_")[2]
    size = "a little of everything" if given.quick else f"full sizes, {given.rounds} rounds"
    folders = {str(given.dynamodb_local): "FOLDER"}
    return {
        "command": " ".join(["python -m benchmarks", *(folders.get(word, word) for word in sys.argv[1:])]),
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


def check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Refuse what could only fail later, or would write over what it reads."""
    for option, path in (("--compare", given.compare), ("--add", given.add), ("--write", given.write)):
        read = given.results if path is True else path
        if read and not read.is_file():
            parser.error(f"{option}: there are no results in {read}: run the command without it first")
    if given.compare and not given.write and given.compare.resolve() == given.results.resolve():
        parser.error(f"--compare: this run writes {given.results} anew: name another file with --results")
    if given.endpoint:
        parts = urlsplit(given.endpoint)
        try:
            with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10):
                pass
        except OSError as error:
            parser.error(f"--endpoint: nothing answers at {given.endpoint}: {error}")


def main() -> int:
    """Run the parts, one after the other; one that fails is told, the others run all the same."""
    parser = arguments()
    given = parser.parse_args()
    check(parser, given)
    before = json.loads(given.compare.read_text()) if given.compare else None
    results: dict[str, Any] = json.loads(given.results.read_text()) if given.add or given.write else {}
    failed: list[str] = []
    if not given.write:
        environments = Environments(given.environments)
        if given.peers:
            environments.make(tuple(given.only))
        given.results.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        earlier = results.get("surroundings")
        results["surroundings"] = surroundings(given, environments)
        if earlier:
            results["surroundings"]["earlier"] = [*earlier.pop("earlier", ()), earlier]
        runner = Runner(given, environments)
        for part in given.only:
            print(f"-- {part}, after {(time.monotonic() - begun) / 60:.1f} minutes", file=sys.stderr)
            try:
                results[part] = getattr(runner, part.replace("-", "_"))()
            except Exception:
                traceback.print_exc()
                failed.append(part)
            results["surroundings"]["took"] = round((time.monotonic() - begun) / 60)
            given.results.write_text(json.dumps(results, indent=1))
        failed += environments.failed.values()
    given.page.parent.mkdir(parents=True, exist_ok=True)
    print(report(results, before, given.page))
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
