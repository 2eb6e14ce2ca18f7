"""Dependencies for Lambda's platform, put into a folder by pip."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..naming import DeploymentError
from .requirements import Requirements
from .settings import Platform

__all__ = ["install", "install_here"]

#: Runs pip with the markers of another environment. `--python-version` and `--platform` choose wheels, and pip asks the
#: Python that it runs on whether a requirement holds at all (`; python_version < "3.11"`), which has no option.
_PIP_FOR: Final = """
import json, runpy, sys
from pip._vendor.packaging import markers
there, here = json.loads(sys.argv[1]), markers.default_environment
markers.default_environment = lambda: {**here(), **there}
sys.argv = ["pip", *sys.argv[2:]]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
_NO_PIP: Final = re.compile(r"No module named '?pip\b")
_NONE_FITS: Final = re.compile(r"No matching distribution found for ([^\s(]+)")


def install(requirements: Requirements, folder: Path, platform: Platform) -> None:
    """Install wheels for a platform; what has none for it is an error, since nothing is built here."""
    if not requirements.lines:
        return
    listed = folder.parent / "requirements.txt"
    listed.write_text("\n".join(requirements.lines) + "\n", encoding="utf-8")
    tags = [argument for tag in platform.tags for argument in ("--platform", tag)]
    wanted = ["--implementation", "cp", "--python-version", platform.python, *tags]
    said = _pip(["--target", str(folder), "--only-binary=:all:", *wanted, "-r", str(listed)], platform)
    if said is not None:
        raise DeploymentError(_told(said, requirements, platform))


def install_here(names: Sequence[str], folder: Path, python: str) -> str | None:
    """Install some distributions, exactly, for a Python of this machine; say why not where there are none for it."""
    only = ["--only-binary=:all:", "--no-deps", "--implementation", "cp", "--python-version", python]
    return _pip(["--target", str(folder), *only, *names])


def _pip(arguments: list[str], platform: Platform | None = None) -> str | None:
    """Run pip, for a platform or for this one; give what it said where it failed."""
    program = ["-m", "pip"] if platform is None else ["-c", _PIP_FOR, json.dumps(platform.markers)]
    command = [sys.executable, *program, "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    done = subprocess.run([*command, "--no-input", *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    if _NO_PIP.search(done.stderr):
        raise DeploymentError(f"there is no pip for {sys.executable}: run `{sys.executable} -m ensurepip`")
    return done.stderr.strip() or done.stdout.strip()


def _told(said: str, requirements: Requirements, platform: Platform) -> str:
    missing = _NONE_FITS.search(said)
    if missing is not None:
        return (
            f"there is no wheel of {missing[1]} for {platform} that {requirements.origin} allows: take another version "
            "of it, a newer runtime or another architecture, or build one there (pip wheel) and say in which folder it "
            "is, by PIP_FIND_LINKS"
        )
    last = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-1:]
    return f"what {requirements.origin} asks for cannot be installed for {platform}: {' '.join(last)}"
