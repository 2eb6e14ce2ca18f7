"""Virtual environments for the peers, pinned; some of them shut each other out, so there are four."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
REQUIREMENTS: Final = Path(__file__).parent / "requirements"
#: Installed without what they depend on: aett's extra pulls every stub of boto3's, aett-dynamodb asks for a boto3 that
#: pip does not find an end with, and neither needs it to run.
ALONE: Final = {
    "aett": ["aett==3.4.1"],
    "aett-dynamodb": ["aett-dynamodb==2.1.0", "aett-domain==2.1.0", "aett-eventstore==2.1.0"],
}
MAIN: Final = "main"
NAMES: Final = (MAIN, "eventsourcing-dynamodb", "aett", "aett-dynamodb")
#: Parts that have cases in other environments than `main`.
_EVERYWHERE: Final = frozenset({"requests", "throughput"})
#: What is told with its version: peers, and what they and cqrsless stand on.
TOLD: Final = (
    "marshmallow", "boto3", "botocore", "orjson", "pydantic", "eventsourcing", "eventsource-py", "python-cqrs",
    "protean", "chalice", "aws_lambda_powertools", "eventsourcing-dynamodb", "aett", "aett-dynamodb", "aett-domain",
    "aett-eventstore",
)  # fmt: skip


_OURS_RUN: Final = f"but for those of the bounds and cqrsless: they need it, too, and run by {sys.executable} now"
_WITHOUT: Final = "(--no-peers needs no environment; --only with no part of requests and throughput needs main alone)"


class NotInstalled(Exception):
    """An environment that could not be made, with what pip said last."""


class Environments:
    """Interpreters of the peers' environments, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Path] = {}
        #: Why environments could not be made.
        self.failed: dict[str, str] = {}

    def make(self, parts: tuple[str, ...]) -> None:
        """Make those that these parts need; one that fails is told, and its cases fail."""
        for name in NAMES if _EVERYWHERE & set(parts) else (MAIN,):
            try:
                self.python(name)
            except NotInstalled as error:
                ours = f", {_OURS_RUN}" if name == MAIN else ""
                print(f"{error}; its cases fail{ours}\n{_WITHOUT}", file=sys.stderr)

    def python(self, name: str) -> Path:
        """Give an environment's interpreter; raise `NotInstalled` where it could not be made."""
        if name in self.failed:
            raise NotInstalled(self.failed[name])
        if name not in self._found:
            try:
                self._found[name] = _made(self._folder, name)
            except (OSError, subprocess.CalledProcessError) as error:
                said = getattr(error, "stderr", None) or str(error)
                self.failed[name] = f"could not install {name}: {_last_word(said)}"
                raise NotInstalled(self.failed[name]) from None
        return self._found[name]

    def versions(self) -> dict[str, str]:
        """Give what is installed, and where an environment has another version, that, too.

        Without `main`, the bounds and cqrsless run in this interpreter, so it is asked in its place.
        """
        found = {name: versions_of(python) for name, python in {MAIN: Path(sys.executable), **self._found}.items()}
        told: dict[str, str] = {}
        for package in TOLD:
            have = {name: versions[package] for name, versions in found.items() if package in versions}
            first = next(iter(have.values()), None)
            others = ", ".join(f"{name} on {version}" for name, version in have.items() if version != first)
            if first is not None:
                told[package] = f"{first} ({others})" if others else first
        return told


def _last_word(said: str) -> str:
    """Give the last error of what pip said: notices and hints may follow it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    return (errors or lines or ["no reason is told"])[-1][:300]


def versions_of(python: Path) -> dict[str, str]:
    """Ask an interpreter for the versions of what is told."""
    code = (
        "import json, sys; from importlib.metadata import distributions as d; "
        "names = {n.lower().replace('_', '-'): n for n in json.loads(sys.argv[1])}; "
        "print(json.dumps({names[n]: x.version for x in d() for n in [x.metadata['Name'].lower().replace('_', '-')] "
        "if n in names}))"
    )
    ran = subprocess.run([str(python), "-c", code, json.dumps(TOLD)], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(ran.stdout)
    return {package: found[package] for package in TOLD if package in found}


def _made(folder: Path, name: str) -> Path:
    """Make an environment, unless it is there, of this Python and with just these requirements.

    `ready` is written last: without it, or with another digest in it, the environment is made anew.
    """
    requirements = REQUIREMENTS / f"{name}.txt"
    beside = f"{ALONE.get(name)} {sys.version}"
    wanted = hashlib.sha256(requirements.read_bytes() + beside.encode()).hexdigest()
    home = folder / name
    python, ready = home / "bin" / "python", home / "ready"
    if not python.exists() or not ready.exists() or ready.read_text() != wanted:
        print(f"installing the environment {name} into {home}", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        steps = [["--no-deps", *ALONE[name]]] if name in ALONE else []
        for step in [*steps, ["-r", str(requirements)]]:
            subprocess.run([*pip, *step], check=True, capture_output=True, text=True)
        ready.write_text(wanted)
    return python


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
