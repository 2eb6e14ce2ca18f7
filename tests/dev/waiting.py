"""Waiting for what happens beside the test: until it has, and not for some time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
#: Long enough for a machine that does much else meanwhile.
PATIENCE = 60.0


def until(happens: Callable[[], T | None], what: str = "") -> T:
    """Give what `happens` gives once that is true; fail where it does not become so."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = happens()
        if found:
            return found
        assert time.monotonic() < deadline, f"this did not happen in {PATIENCE:g} seconds: {what or happens}"
        time.sleep(0.02)
