"""Running the parts: every case in a process of its own, those of a group in turns, ratios within a round."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from .aims import is_peer
from .environments import MAIN, ROOT, Environments, NotInstalled, environment
from .servers import Server, servers

#: Workloads whose cases bear the names of who does them: what is not ours, and no bound, is a peer's.
_RACES: Final = frozenset({"dispatch", "streams", "requests", "threads"})
THREADS: Final = (1, 8, 64)
CPU: Final = "client CPU, nobody behind"


class Runner:
    def __init__(self, given: argparse.Namespace, environments: Environments) -> None:
        self._environments = environments
        self._peers: bool = given.peers
        self._servers = servers(given.endpoint, given.dynamodb_local)
        self.rounds: int = 1 if given.quick else given.rounds
        self.quick: bool = given.quick

    def case(
        self, workload: str, group: str, name: str, *, env: str = "main", server: Server | None = None
    ) -> dict[str, Any]:
        """Run one case; one that fails tells why in place of figures."""
        try:
            python = self._python(env, peer=workload in _RACES and is_peer(name))
        except NotInstalled as error:
            return {"failed": str(error)}
        command = [str(python), "-m", "benchmarks.case", workload, group, name]
        reached = {} if server is None else {"AWS_ENDPOINT_URL_DYNAMODB": server.url}
        enter = () if server is None else server.enter
        ran = subprocess.run([*enter, *command], env=environment(**reached), cwd=ROOT, capture_output=True, text=True)
        if ran.returncode:
            why = (ran.stderr.strip().splitlines() or ["?"])[-1][:300]
            print(f"{workload} {group} {name}: failed: {why}", file=sys.stderr)
            return {"failed": why}
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        return found

    def _python(self, env: str, *, peer: bool = False) -> Path:
        # The bounds and cqrsless run where most peers do, and without them where those are not to be had.
        if not self._peers or (env == MAIN and MAIN in self._environments.failed and not peer):
            return Path(sys.executable)
        return self._environments.python(env)

    def interleaved(self, workload: str, group: str, names: list[str]) -> dict[str, Any]:
        """Run the cases of a group in turns; give each one's µs and its ratio to the first, the bound."""
        rounds: list[dict[str, dict[str, Any]]] = []
        failed: dict[str, str] = {}
        for _ in range(self.rounds):
            done: dict[str, dict[str, Any]] = {}
            for name in names:
                if name not in failed:
                    done[name] = self.case(workload, group, name)
                    if "failed" in done[name]:
                        failed[name] = done.pop(name)["failed"]
            rounds.append(done)
            shown = ", ".join(f"{name} {one['us']:.1f}" for name, one in done.items())
            print(f"{group}: {shown}", file=sys.stderr)
        bound = names[0]
        told: dict[str, Any] = {name: {"failed": why} for name, why in failed.items()}
        for name in names:
            ran = [done for done in rounds if name in done and bound in done]
            if name in failed or not ran:
                told.setdefault(name, {"failed": f"the bound failed: {failed.get(bound)}"})
                continue
            us = [done[name]["us"] for done in ran]
            ratios = [done[name]["us"] / done[bound]["us"] for done in ran]
            told[name] = {
                "us": statistics.median(us), "least": min(us), "most": max(us),
                "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios),
            }  # fmt: skip
        return {name: told[name] for name in names}

    def dispatch(self) -> dict[str, Any]:
        from .dispatch import GROUPS
        from .dispatch_peers import PEERS

        return {
            group: self.interleaved("dispatch", group, [*cases, *(PEERS.get(group, ()) if self._peers else ())])
            for group, cases in GROUPS.items()
        }

    def streams(self) -> dict[str, Any]:
        from .streams import CASES, PEERS, SIZES, group_of

        names = [name for name in CASES if self._peers or name not in PEERS]
        return {group_of(size): self.interleaved("streams", group_of(size), names) for size in SIZES}

    def requests(self) -> dict[str, Any]:
        from .dynamodb import CASES, FAR, FILLED
        from .dynamodb_peers import PEERS

        found: dict[str, Any] = {CPU: self.interleaved("cpu", "-", ["bare, state cached", "cqrsless, warm"])}
        cases = {name: env for name, (env, _) in {**CASES, **(PEERS if self._peers else {})}.items()}
        best = list(self._servers)[-1]  # one engine is asked for all there is: DynamoDB Local, where it is given
        far = 1000 if self.quick else FAR
        for engine, start in self._servers.items():
            asked: dict[str, Any] = {}
            for name, env in cases.items():
                top = "1000" if engine == best and not self.quick else "100"
                with start() as server:
                    asked[name] = self.case("requests", top, name, env=env, server=server)
                print(f"{engine}: {name}: {asked[name]}", file=sys.stderr)
            for name in FILLED if engine == best else ():
                with start() as server:
                    told = self.case("far", str(far), name, server=server)
                for of, one in told.items() if "failed" not in told else {name: {"far_failed": told["failed"]}}.items():
                    asked[of] |= one
                    asked[of] |= {str(far): one["far"]} if "far" in one else {}
                print(f"{engine}: at {far}: {told}", file=sys.stderr)
            with start() as server:
                found[engine] = {"asked": asked, "rules": self.case("rules", "-", "-", server=server)}
        return found

    def cold_start(self) -> dict[str, Any]:
        from .cold_start import measure
        from .cold_start_cases import CASES

        failed = self._environments.failed.get(MAIN)
        cases = {name: case for name, case in CASES.items() if not case.peer or (self._peers and not failed)}
        found = measure(self._python(MAIN), 3 if self.quick else 21, cases, packaged=True)
        if failed:
            found["ms"] |= {name: {"failed": failed} for name in CASES if name not in cases}
        return found

    def growth(self) -> dict[str, Any]:
        from .fairness import CASES
        from .growth import CURVES

        found: dict[str, Any] = {"curves": {}, "writers": {}}
        for kind, workload, names in (("curves", "growth", CURVES), ("writers", "fairness", CASES)):
            for name in names:
                found[kind][name] = self.case(workload, "quick" if self.quick else "full", name)
                print(f"growth: {name}: {found[kind][name]}", file=sys.stderr)
        return found

    def throughput(self) -> dict[str, Any]:
        from .dynamodb import CASES
        from .dynamodb_peers import PEERS
        from .throughput import NAMES

        envs = {name: env for name, (env, _) in {**CASES, **PEERS}.items()}
        found: dict[str, Any] = {}
        for engine, start in self._servers.items():
            told = found[engine] = {}
            for name in NAMES if self._peers else NAMES[:2]:
                for threads in THREADS:
                    with start() as server:
                        told.setdefault(name, {})[str(threads)] = self.case(
                            "threads", str(threads), name, env=envs[name], server=server
                        )
                print(f"{engine}: {name}: {told[name]}", file=sys.stderr)
        return found

    def profile(self) -> dict[str, Any]:
        from .profiling import CASES

        return {group: self.case("profile", group, name) for group, name in CASES.items()}
