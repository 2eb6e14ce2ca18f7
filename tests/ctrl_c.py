"""Ctrl-C for processes that tests start, also where the tests themselves run in the background of a shell."""

from __future__ import annotations

import signal


def hears_ctrl_c() -> None:
    """Undo what a shell does to all that it starts in the background: it lets them ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
