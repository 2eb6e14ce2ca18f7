"""Measure cqrsless beside its peers and beside plain Python: `python -m benchmarks`.

Every case runs in a process of its own, the cases of a group take turns, and a case's ratio is to the bound measured
in the same round. The machine may be shared: times are CPU time, and what is told is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from .environments import NAMES, ROOT, environment, python_of
from .reporting import report

PARTS: Final = ("dispatch", "streams", "requests", "cold-start", "growth", "throughput")
THREADS: Final = (1, 8, 64)


class Runner:
    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self._folder = folder
        self._peers = given.peers
        self.rounds: int = 1 if given.quick else given.rounds
        self.quick: bool = given.quick

    def case(self, workload: str, group: str, name: str, *, env: str = "main", **settings: str) -> dict[str, Any]:
        """Run one case; one that fails tells why in place of figures."""
        python = python_of(self._folder, env) if self._peers else Path(sys.executable)
        command = [str(python), "-m", "benchmarks.case", workload, group, name]
        ran = subprocess.run(command, env=environment(**settings), cwd=ROOT, capture_output=True, text=True)
        if ran.returncode:
            return {"failed": (ran.stderr.strip().splitlines() or ["?"])[-1][:300]}
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        return found

    def interleaved(self, workload: str, group: str, names: list[str]) -> dict[str, Any]:
        """Run the cases of a group in turns; give each one's µs and its ratio to the first, the bound."""
        rounds: list[dict[str, dict[str, Any]]] = []
        failed: dict[str, str] = {}
        for _ in range(self.rounds):
            done: dict[str, dict[str, Any]] = {}
            for name in names:
                if name in failed:
                    continue
                done[name] = self.case(workload, group, name)
                if "failed" in done[name]:
                    failed[name] = done.pop(name)["failed"]
            rounds.append(done)
            shown = ", ".join(f"{name} {one['us']:.1f}" for name, one in done.items())
            print(f"{group}: {shown}", file=sys.stderr)
        told: dict[str, Any] = {}
        for name in names:
            if name in failed:
                told[name] = {"failed": failed[name]}
                continue
            us = [done[name]["us"] for done in rounds]
            ratios = [done[name]["us"] / done[names[0]]["us"] for done in rounds]
            told[name] = {
                "us": statistics.median(us),
                "least": min(us),
                "most": max(us),
                "ratio": statistics.median(ratios),
                "ratio_least": min(ratios),
                "ratio_most": max(ratios),
            }
        return told

    def dispatch(self) -> dict[str, Any]:
        from .dispatch import GROUPS
        from .dispatch_peers import PEERS

        return {
            group: self.interleaved("dispatch", group, [*cases, *(PEERS.get(group, ()) if self._peers else ())])
            for group, cases in GROUPS.items()
        }

    def streams(self) -> dict[str, Any]:
        from .streams import GROUPS

        return {
            group: self.interleaved("streams", group, [*cases])
            for group, cases in GROUPS.items()
            if self._peers or "plain item" not in group
        }

    def requests(self, endpoint: str | None) -> dict[str, Any]:
        from .dynamodb import CASES
        from .dynamodb_peers import PEERS

        found: dict[str, Any] = {
            "client CPU, nobody behind": self.interleaved("cpu", "-", ["bare, state cached", "cqrsless, warm"])
        }
        top = "100" if self.quick else "1000"
        cases = {name: env for name, (env, _) in {**CASES, **(PEERS if self._peers else {})}.items()}
        with server(endpoint) as url:
            found["asked"] = {
                name: self.case("requests", top, name, env=env, AWS_ENDPOINT_URL_DYNAMODB=url)
                for name, env in cases.items()
            }
        return found

    def cold_start(self) -> dict[str, Any]:
        script = Path(__file__).parent / "cold_start.py"
        python = python_of(self._folder, "main") if self._peers else Path(sys.executable)
        command = [str(python), str(script), "--runs", str(3 if self.quick else 11), "--json"]
        ran = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def growth(self) -> dict[str, Any]:
        from .growth import CURVES

        return {name: self.case("growth", "quick" if self.quick else "full", name) for name in CURVES}

    def throughput(self, endpoint: str | None) -> dict[str, Any]:
        from .dynamodb import CASES
        from .dynamodb_peers import PEERS
        from .throughput import NAMES as names

        found: dict[str, Any] = {}
        envs = {name: env for name, (env, _) in {**CASES, **PEERS}.items()}
        for name in names if self._peers else names[:2]:
            for threads in THREADS:
                with server(endpoint) as url:  # a fresh one each time: it gets slower with what it holds
                    found.setdefault(name, {})[str(threads)] = self.case(
                        "threads", str(threads), name, env=envs[name], AWS_ENDPOINT_URL_DYNAMODB=url
                    )
        return found


@contextmanager
def server(endpoint: str | None) -> Iterator[str]:
    """Give a DynamoDB endpoint: the one that was given, else ministack's on a free port of this machine."""
    if endpoint is not None:
        yield endpoint
        return
    from tests.engines import running_ministack

    with running_ministack() as url:
        yield url


def surroundings() -> dict[str, Any]:
    versions: dict[str, str] = {}
    for name in ("marshmallow", "boto3", "botocore", "orjson"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "-"
    return {
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "versions": versions,
    }


def main() -> None:
    arguments = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    arguments.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts alone")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--quick", action="store_true", help="one round of little: to see that everything runs")
    arguments.add_argument(
        "--no-peers", dest="peers", action="store_false", help="install nothing: bounds and cqrsless"
    )
    arguments.add_argument("--environments", type=Path, default=ROOT / ".benchmarks", help="where peers are installed")
    arguments.add_argument("--endpoint", help="a DynamoDB endpoint (DynamoDB Local's) in place of ministack's")
    arguments.add_argument("--out", type=Path, default=ROOT / ".benchmarks" / "report", help="folder of the report")
    arguments.add_argument("--compare", type=Path, help="the results.json of an earlier run")
    given = arguments.parse_args()
    if given.peers:
        for name in NAMES:
            python_of(given.environments, name)
    runner = Runner(given.environments, given)
    results: dict[str, Any] = {"surroundings": surroundings()}
    for part in given.only:
        method = getattr(runner, part.replace("-", "_"))
        results[part] = method(given.endpoint) if part in ("requests", "throughput") else method()
    before = json.loads(given.compare.read_text()) if given.compare else None
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(results, indent=1))
    text = report(results, before, given.out)
    (given.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
