"""docs/cli.md: each example is run, and prints what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqrsless.cli.group import COMMANDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "cli.md"
TEXT = PAGE.read_text(encoding="utf-8")
#: What is another each time, and what the page shows in its place.
VARYING = (
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "2026-11-23 12:30:00"),
    (r"\b[0-9a-f]{32}\b", "9ff54ce86a8a8960f33655200acf2752"),
    (r"\b\d+\.\d+ ?s\b", "0.1 s"),
)

pytestmark = pytest.mark.skipif(sys.platform == "win32" or not shutil.which("bash"), reason="the examples are for bash")


def steps() -> Iterator[tuple[str, str | None]]:
    """Give each command with what the page says that it prints; what is run unseen has none."""
    for hidden, block in re.findall(r"<!-- run: (.*?) -->|^```console\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        if hidden:
            yield hidden, None
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


def settled(text: str) -> str:
    for pattern, shown in VARYING:
        text = re.sub(pattern, shown, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def run(command: str, folder: Path) -> str:
    """Run a line as a person at a shell would, and give what appears, failures and notes included."""
    bins = folder.parent / "bin"
    bins.mkdir(exist_ok=True)
    for name in ("cqrsless", "python"):
        script = bins / name
        module = "-m cqrsless " if name == "cqrsless" else ""
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        script.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CQRSLESS_", "PYTEST_"))}
    environ = {**kept, "PATH": f"{bins}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.stdout


def test_every_example_prints_what_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    for command, printed in steps():
        if command.startswith("cd "):
            folder /= command[3:]
            continue
        shown = run(command, folder)
        if printed is not None:
            assert settled(shown) == settled(printed), command


def test_the_page_tells_of_every_command() -> None:
    for name in COMMANDS:
        assert re.search(rf"`(cqrsless )?{name}\b|, `{name}`", TEXT), name


if __name__ == "__main__":  # writes the page's outputs anew, to be looked at: python tests/cli/test_page.py FOLDER
    here, at = Path(sys.argv[1]), 0
    for line, said in steps():
        if line.startswith("cd "):
            here /= line[3:]
            continue
        new = settled(run(line, here))
        if said is not None:
            old = f"$ {line}\n{said}"
            at = TEXT.index(old, at)
            fresh = f"$ {line}\n{new}\n" if new else f"$ {line}\n"
            TEXT = TEXT[:at] + fresh + TEXT[at + len(old) :]
            at += len(fresh)
    PAGE.write_text(TEXT, encoding="utf-8")
