"""What a cold start pays for cqrsless, in fresh processes: `python benchmarks/cold_start.py [--runs 15]`.

The floor is boto3, a DynamoDB client, and marshmallow. `import` adds `import cqrsless`; `resolved` resolves the handler
string `cqrsless.entrypoint` for a small application, as Lambda does, which includes the import and the client. The
cases take turns, so a machine that gets slower does so for each. Figures are milliseconds: median, least and most.
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
}
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
TIMED = "import time; t = time.perf_counter()\n{}\nprint((time.perf_counter() - t) * 1000)"


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
    report = {name: [round(f(ms), 1) for f in (statistics.median, min, max)] for name, ms in times.items()}
    if given.json:
        print(json.dumps({"python": sys.version.split()[0], "runs": given.runs, "ms": report}))
        return
    print(f"{'':32}{'median':>8}{'least':>8}{'most':>8}   ms, {given.runs} runs, Python {sys.version.split()[0]}")
    for name, (median, least, most) in report.items():
        print(f"{name:32}{median:8.1f}{least:8.1f}{most:8.1f}")
    added = report["floor, then resolved"][0] - report["floor"][0]
    print(f"\ncqrsless and the application add {added:.1f} ms to the floor, a second client included")


if __name__ == "__main__":
    main()
