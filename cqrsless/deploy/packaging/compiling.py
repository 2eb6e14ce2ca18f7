"""Compiling the package's modules: Lambda cannot keep what it compiles, and does it anew at each cold start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from ..naming import DeploymentError
from .settings import Platform

__all__ = ["compile_modules", "interpreter_of"]

#: Compiled files that are never held against their source: they have no times in them, and cost no look at a file.
_CODE: Final = """
import py_compile, sys
from pathlib import Path
root = Path(sys.argv[1])
for file in sorted(root.rglob("*.py")):
    try:
        py_compile.compile(
            str(file),
            dfile=str(Path("/var/task") / file.relative_to(root)),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError:
        pass  # a template, or code of another Python, in somebody else's package
"""


def interpreter_of(platform: Platform) -> str | None:
    """Find the Python that will run a package, on this machine; none, if it is not there."""
    if platform.python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{platform.python}")
    if found is None:
        return None
    asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return found if said == platform.python else None  # a shim may stand there for a Python that is not


def compile_modules(folder: Path, interpreter: str) -> None:
    """Compile every module in a folder, by the Python that will run it."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}  # the order in sets of constants hangs on it
    done = subprocess.run(
        [interpreter, "-S", "-c", _CODE, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DeploymentError(f"the modules cannot be compiled by {interpreter}: {done.stderr.strip()}")
