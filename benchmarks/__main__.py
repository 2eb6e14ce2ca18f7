"""Measure cqrsless beside its peers and beside plain Python: `python -m benchmarks`.

Every case runs in a process of its own, the cases of a group take turns, and a case's ratio is to the bound measured
in the same round. The machine may be shared: times are CPU time, and what is told is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import socket
import sys
import time
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .environments import ROOT, Environments
from .reporting import report
from .results import PARTS, Unreadable, begin, keep_former, read, stamp
from .running import Runner
from .servers import LOCAL, MINISTACK, version_of


def typed(words: list[str], *folders: Path | None) -> str:
    """Give the command as it was typed, but for where DynamoDB Local and the peers lie."""

    def shown(word: str) -> str:
        option, equals, value = word.rpartition("=")
        return f"{option}{equals}FOLDER" if value and Path(value) in folders else shlex.quote(word)

    return " ".join(["python -m benchmarks", *map(shown, words)])


def surroundings(given: argparse.Namespace, environments: Environments) -> dict[str, Any]:
    versions = environments.versions()
    if {"requests", "throughput"} & set(given.only) and not given.endpoint:
        from tests.engines import MINISTACK as REQUIREMENT

        versions[MINISTACK] = REQUIREMENT.partition("==")[2]
        if given.dynamodb_local:
            versions[LOCAL] = version_of(given.dynamodb_local)
    size = "a little of everything" if given.quick else f"full sizes, {given.rounds} rounds"
    return {
        "command": typed(sys.argv[1:], given.dynamodb_local, given.environments),
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


def check(
    parser: argparse.ArgumentParser, given: argparse.Namespace
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Refuse what could only fail later, or would write over what it reads; give the results of before, and so far."""
    if given.compare and not given.write and given.compare.resolve() == given.results.resolve():
        other = given.results.with_name("now.json")
        parser.error(f"--compare: this run writes {given.results} anew: name another file, as by --results {other}")
    option, found = "--compare", []
    try:
        found.append(read(given.compare) if given.compare else None)
        option = "--write" if given.write else "--add"
        found.append(read(given.results) if given.add or given.write else None)
    except Unreadable as error:
        parser.error(f"{option}: {error}")
    if given.endpoint and not given.write:
        _reach(parser, given.endpoint)
    return found[0], found[1]


def _reach(parser: argparse.ArgumentParser, endpoint: str) -> None:
    """Refuse an endpoint at which nothing answers: each case on DynamoDB would fail, one after the other."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        parser.error(f"--endpoint: {endpoint} is no address of an API: it is like http://127.0.0.1:8000")
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        socket.create_connection((parts.hostname, port), timeout=10).close()
    except (OSError, ValueError) as error:
        parser.error(f"--endpoint: nothing answers at {endpoint}: {error}")


def main() -> int:
    """Run the parts, one after the other; one that fails is told, the others run all the same."""
    parser = arguments()
    given = parser.parse_args()
    before, so_far = check(parser, given)
    results = so_far or {}
    failed: list[str] = []
    if not given.write:
        environments = Environments(given.environments)
        if given.peers:
            environments.make(tuple(given.only))
        given.results.parent.mkdir(parents=True, exist_ok=True)
        kept = None if given.add else keep_former(given.results, tuple(given.only))
        if kept:
            print(f"{given.results} is written anew; what it held is kept in {kept} (--add adds)", file=sys.stderr)
        begun = time.monotonic()
        begin(results, surroundings(given, environments))
        runner = Runner(given, environments)
        for part in given.only:
            started = time.monotonic()
            print(f"-- {part}, after {(started - begun) / 60:.1f} minutes", file=sys.stderr)
            try:
                results[part] = getattr(runner, part.replace("-", "_"))()
                stamp(results, part, time.monotonic() - started)
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
