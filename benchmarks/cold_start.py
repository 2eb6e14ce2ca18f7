"""W3: cold start. Every sample is a fresh interpreter; the cases take turns; files and compiled modules are warm.

Timed are, in ms of CPU, the imports, making ready (client, application, handler string resolved) and the first command,
and the whole process from outside. The built packages are those of `cqrsless package`, for this machine.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from .cold_start_cases import APPLICATION, CLIENT, CLIENT_OURS, FLOOR, OURS, TRIMMED, TRIMMED_FLOOR, Case, program
from .environments import ROOT, environment

STAGES: Final = ("import", "ready", "first")
_VERSIONS: Final = """
from importlib import metadata
for name in ("boto3", "botocore", "marshmallow", "typing-extensions"):
    print(f"{name}=={metadata.version(name)}")
"""


class Bench(NamedTuple):
    """Where the processes run: by which Python, on what application, with which packages built."""

    python: str
    folder: Path
    packages: dict[str, Path]

    def run(self, code: str, packaged: str = "", *options: str) -> tuple[str, str, float]:
        """Run a program; give what it printed on both, and ms of CPU of the whole process."""
        paths = [str(self.packages[packaged])] if packaged else [str(ROOT), str(self.folder)]
        alone = ["-S"] if packaged else []
        settings = environment(CQRSLESS_APP="shop", CQRSLESS_STORE="dynamodb://shop")
        settings["PYTHONPATH"] = os.pathsep.join(paths)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run(
            [self.python, *alone, *options, "-c", code], env=settings, cwd=self.folder, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if ran.returncode:
            raise RuntimeError((ran.stderr.strip().splitlines() or ["?"])[-1][:300])
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return ran.stdout, ran.stderr, used * 1e3


def measure(python: Path, runs: int, cases: dict[str, Case], *, packaged: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shop.py").write_text(APPLICATION)
        bench = Bench(str(python), folder, {})
        told: dict[str, Any] = {"runs": runs, "packages": _packages(bench) if packaged else {}}
        told["ms"], samples = _samples(bench, cases, runs)
        told["added"] = _difference(samples, OURS, FLOOR)
        told["below"] = _difference(samples, TRIMMED, FLOOR)
        told["imports"] = {OURS: _imports(bench, "", runs)}
        told["client"] = {FLOOR: _client(bench, CLIENT, "", runs), OURS: _client(bench, CLIENT_OURS, "", runs)}
        if "trimmed" in bench.packages:
            told["imports"][TRIMMED] = _imports(bench, "trimmed", runs)
            told["client"][TRIMMED_FLOOR] = _client(bench, CLIENT, "trimmed", runs)
            told["client"][TRIMMED] = _client(bench, CLIENT_OURS, "trimmed", runs)
        return told


def _packages(bench: Bench) -> dict[str, Any]:
    """Build the application's package whole and trimmed, and unpack both."""
    project = bench.folder / "project"
    project.mkdir()
    (project / "shop.py").write_text(APPLICATION)
    (project / "requirements.txt").write_text(bench.run(_VERSIONS)[0])
    machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    version = bench.run("import sys; print('%d.%d' % sys.version_info[:2])")[0].strip()
    found: dict[str, Any] = {}
    for name, options in (("whole", []), ("trimmed", ["--trim"])):
        command = [sys.executable, "-m", "cqrsless", "package", "--json", "--app", "shop", "--python", version]
        command += ["--architecture", machine, "--no-measure", "-o", f"{name}.zip", *options]
        ran = subprocess.run(
            command, cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        if ran.returncode:
            found[name] = {"failed": (ran.stderr.strip().splitlines() or ["?"])[-1][:300]}
            print(f"the package, {name}: {found[name]}", file=sys.stderr)
            continue
        place = bench.folder / name
        with zipfile.ZipFile(project / f"{name}.zip") as archive:
            archive.extractall(place)
        bench.packages[name] = place
        row = json.loads(ran.stdout)
        found[name] = {"zip": row["archives"][0]["size"] / 2**20, "unzipped": row["unzipped"] / 2**20}
    return found


Samples = dict[str, list[dict[str, float]]]


def _samples(bench: Bench, cases: dict[str, Case], runs: int) -> tuple[dict[str, Any], Samples]:
    samples: Samples = {name: [] for name in cases}
    failed: dict[str, str] = {}
    for number in range(runs + 1):
        for name, case in cases.items():
            if name in failed:
                continue
            try:
                if case.packaged and case.packaged not in bench.packages:
                    raise RuntimeError("the package could not be built")
                printed, _, whole = bench.run(program(case), case.packaged)
            except RuntimeError as error:
                failed[name] = str(error)
                print(f"cold start: {name}: failed: {error}", file=sys.stderr)
                continue
            if number:  # the first one compiles
                samples[name].append({**json.loads(printed.splitlines()[-1]), "process": whole})
    told: dict[str, Any] = {}
    for name, found in samples.items():
        if name in failed:
            told[name] = {"failed": failed[name]}
            continue
        totals = [sum(one[stage] for stage in STAGES) for one in found]
        middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
        told[name] = {**middle, "total": statistics.median(totals), "least": min(totals), "most": max(totals)}
        print(f"cold start: {name}: {told[name]['total']:.1f}", file=sys.stderr)
    return told, {name: found for name, found in samples.items() if name not in failed}


def _difference(samples: Samples, one: str, other: str) -> list[float] | None:
    """Give median, least and most of what one adds to another until it is ready, in the same rounds."""
    if one not in samples or other not in samples:
        return None
    found = [
        a["import"] + a["ready"] - b["import"] - b["ready"] for a, b in zip(samples[one], samples[other], strict=True)
    ]
    return [statistics.median(found), min(found), max(found)]


def _imports(bench: Bench, packaged: str, runs: int) -> dict[str, float]:
    """Give what the imports of one start take, by package, their own ms, by `-X importtime`: the longest first."""
    found: list[dict[str, float]] = []
    for _ in range(min(runs, 5)):
        _, lines, _ = bench.run("import cqrsless, shop; cqrsless.entrypoint", packaged, "-X", "importtime")
        spent: dict[str, float] = {}
        for line in lines.splitlines():
            own, _, module = line.removeprefix("import time:").rpartition("|")
            microseconds = own.partition("|")[0].strip()
            if microseconds.isdecimal():
                package = module.strip().partition(".")[0]
                place = "Python's own" if package in sys.stdlib_module_names else package
                spent[place] = spent.get(place, 0.0) + int(microseconds) / 1000
        found.append(spent)
    names = {name for spent in found for name in spent}
    medians = {name: statistics.median(spent.get(name, 0.0) for spent in found) for name in names}
    return dict(sorted(medians.items(), key=lambda one: -one[1]))


def _client(bench: Bench, code: str, packaged: str, runs: int) -> dict[str, float]:
    """Give what a client of DynamoDB takes, step by step, in ms, with the total first."""
    found: list[dict[str, float]] = []
    for _ in range(min(runs, 5)):
        told = json.loads(bench.run(code, packaged)[0].splitlines()[-1])
        found.append({"total": told["total"], **told["steps"]})
    names = dict.fromkeys(name for one in found for name in one)
    return {name: statistics.median(one.get(name, 0.0) for one in found) for name in names}
