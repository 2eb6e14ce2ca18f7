"""Dependencies for Lambda's platform, put into a folder by pip."""

from __future__ import annotations

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

_NONE_FITS: Final = re.compile(r"No matching distribution found for ([^\s(]+)")


def install(requirements: Requirements, folder: Path, platform: Platform) -> None:
    """Install wheels for a platform; what has none for it is an error, since nothing is built here."""
    if not requirements.lines:
        return
    listed = folder.parent / "requirements.txt"
    listed.write_text("\n".join(requirements.lines) + "\n", encoding="utf-8")
    tags = [argument for tag in platform.tags for argument in ("--platform", tag)]
    wanted = ["--implementation", "cp", "--python-version", platform.python, *tags]
    said = _pip(["--target", str(folder), "--only-binary=:all:", *wanted, "-r", str(listed)])
    if said is not None:
        raise DeploymentError(_told(said, requirements, platform))


def install_here(names: Sequence[str], folder: Path, python: str) -> str | None:
    """Install some distributions, exactly, for a Python of this machine; say why not where there are none for it."""
    only = ["--only-binary=:all:", "--no-deps", "--implementation", "cp", "--python-version", python]
    return _pip(["--target", str(folder), *only, *names])


def _pip(arguments: list[str]) -> str | None:
    """Run pip; give what it said where it failed."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    done = subprocess.run([*command, "--no-input", *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    if "No module named pip" in done.stderr:
        raise DeploymentError(f"there is no pip for {sys.executable}: run `{sys.executable} -m ensurepip`")
    return done.stderr.strip() or done.stdout.strip()


def _told(said: str, requirements: Requirements, platform: Platform) -> str:
    missing = _NONE_FITS.search(said)
    if missing is not None:
        return (
            f"there is no wheel of {missing[1]} for {platform} that {requirements.origin} allows: take another version "
            "or architecture, or build one there (pip wheel) and say by PIP_FIND_LINKS in which folder it is"
        )
    last = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-1:]
    return f"what {requirements.origin} asks for cannot be installed for {platform}: {' '.join(last)}"
