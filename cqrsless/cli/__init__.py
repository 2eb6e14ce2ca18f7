"""The command line: `cqrsless`, of the extra `cli`."""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; what the console script `cqrsless` and `python -m cqrsless` call."""
    try:
        from .group import cqrsless
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit(f"the command line needs {error.name}: pip install 'cqrsless[cli]'")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what an encoding lacks is shown escaped, and ends no command
            stream.reconfigure(errors="backslashreplace")
    cqrsless(prog_name="cqrsless")
