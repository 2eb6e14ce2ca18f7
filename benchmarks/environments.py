"""Virtual environments for the peers, pinned; two of them shut each other out, so there are three."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
REQUIREMENTS: Final = Path(__file__).parent / "requirements"
#: Installed without what they depend on: aett's extra pulls every stub of boto3's, and neither needs it to run.
ALONE: Final = {"aett": ["aett==3.4.1"]}
NAMES: Final = ("main", "eventsourcing-dynamodb", "aett")


def python_of(folder: Path, name: str) -> Path:
    """Give an environment's interpreter, once it is there."""
    home = folder / name
    python = home / "bin" / "python"
    ready = home / "ready"
    if not ready.exists():
        print(f"installing the environment {name} into {home}", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        for alone in ALONE.get(name, ()):
            subprocess.run([*pip, "--no-deps", alone], check=True)
        subprocess.run([*pip, "-r", str(REQUIREMENTS / f"{name}.txt")], check=True)
        ready.touch()
    return python


def pinned() -> list[tuple[str, str]]:
    """Give what is installed beside cqrsless, with its versions: of peers and of what both stand on."""
    told = ("marshmallow", "boto3", "orjson", "eventsourcing", "eventsource-py", "python-cqrs", "protean", "chalice")
    told = (*told, "aws_lambda_powertools", "eventsourcing-dynamodb", "aett")
    lines = [line for name in NAMES for line in (REQUIREMENTS / f"{name}.txt").read_text().split()]
    lines += [line for alone in ALONE.values() for line in alone]
    versions = dict(line.split("==") for line in reversed(lines) if "==" in line)
    return [(name, versions[name]) for name in told]


def environment(**more: str) -> dict[str, str]:
    """Give what a case's process sees: this checkout, no settings of the caller's, no AWS account."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CQRSLESS_", "PYTHONDONT"))
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "1",
        **more,
    }
