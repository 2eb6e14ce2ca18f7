"""What a cold start pays for cqrsless, in fresh processes: `python benchmarks/cold_start.py [--runs 15]`.

The floor is boto3, a DynamoDB client, and marshmallow. `import` adds `import cqrsless`; `resolved` resolves the handler
string `cqrsless.entrypoint` for a small application, as Lambda does, which includes the import and the client. The
cases take turns, so a machine that gets slower does so for each. Figures are milliseconds of CPU: median, least and
most; then what the imports of one start take, package by package.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FLOOR = """
import boto3, marshmallow
boto3.client("dynamodb")
"""
CASES = {
    "nothing": "",
    "floor": FLOOR,
    "floor + import cqrsless": FLOOR + "import cqrsless",
    "import cqrsless + marshmallow": "import marshmallow, cqrsless",
    "resolved": "import cqrsless; cqrsless.entrypoint",
    "floor, then resolved": FLOOR + "import cqrsless; cqrsless.entrypoint",
    "floor, then resolved with no second client": FLOOR
    + "import os; os.environ['CQRSLESS_STORE'] = 'memory://'\n"
    + "import cqrsless, cqrsless.stores.dynamodb; cqrsless.entrypoint",
}
LAST = list(CASES)[-1]
APPLICATION = """
from marshmallow import Schema, fields
from cqrsless import Event, aggregate, command_handler

class CreateOrder(Schema):
    order_id = fields.String(required=True)

Order = aggregate("Order", id_field="order_id")

@command_handler("CreateOrder", schema=CreateOrder, aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order):
    return {"status": "placed"}, Event("OrderCreated", dict(command))
"""
TIMED = "import time; t = time.process_time()\n{}\nprint((time.process_time() - t) * 1000)"


def imports(environment: dict[str, str]) -> dict[str, float]:
    """Say what the imports of one start take, by package: their own ms, by `-X importtime`."""
    code = CASES["resolved"]
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], env=environment, capture_output=True, text=True
    )
    spent: dict[str, float] = {}
    for line in ran.stderr.splitlines():
        own, _, module = line.removeprefix("import time:").rpartition("|")
        microseconds = own.partition("|")[0].strip()
        package = module.strip().partition(".")[0]
        if microseconds.isdecimal():
            place = package if package not in sys.stdlib_module_names else "Python's own"
            spent[place] = spent.get(place, 0.0) + int(microseconds) / 1000
    return dict(sorted(spent.items(), key=lambda one: -one[1])[:8])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=15)
    arguments.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    given = arguments.parse_args()
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "shop.py").write_text(APPLICATION)
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "PYTHONPATH": os.pathsep.join([str(root), folder]),
            "CQRSLESS_APP": "shop",
            "CQRSLESS_STORE": "dynamodb://shop",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }
        times: dict[str, list[float]] = {name: [] for name in CASES}
        for run in range(given.runs + 1):
            for name, code in CASES.items():
                ran = subprocess.run(
                    [sys.executable, "-c", TIMED.format(code)], env=environment, capture_output=True, text=True
                )
                if ran.returncode:
                    raise SystemExit(f"{name} failed:\n{ran.stderr}")
                if run:  # the first one compiles
                    times[name].append(float(ran.stdout))
        parts = [imports(environment) for _ in range(5)]
    by_package = {name: round(statistics.median(part.get(name, 0.0) for part in parts), 1) for name in parts[0]}
    added = statistics.median(b - a for a, b in zip(times["floor"], times[LAST], strict=True))
    report = {name: [round(f(ms), 1) for f in (statistics.median, min, max)] for name, ms in times.items()}
    if given.json:
        print(
            json.dumps(
                {
                    "python": sys.version.split()[0],
                    "runs": given.runs,
                    "ms": report,
                    "added": round(added, 1),
                    "imports": by_package,
                }
            )
        )
        return
    print(f"{'':32}{'median':>8}{'least':>8}{'most':>8}   ms, {given.runs} runs, Python {sys.version.split()[0]}")
    for name, (median, least, most) in report.items():
        print(f"{name:32}{median:8.1f}{least:8.1f}{most:8.1f}")
    print("\nimports of 'resolved', ms of their own: " + ", ".join(f"{name} {ms}" for name, ms in by_package.items()))
    print(f"\nimport and resolving add {added:.1f} ms to the floor, the median of {given.runs} differences")


if __name__ == "__main__":
    main()
