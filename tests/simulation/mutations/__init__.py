"""The rules of delivery, each with a way to take it out.

Not here, as no schedule can show it: that a run which is listed during a batch, or while a page is read, is fed that,
too. A commit is in the events table before anybody is given it, so the scan that begins once a run is listed meets it
anyway.
"""

from __future__ import annotations

from . import commands, failures, fanout, log, losses, order, places, publishing, replays, tracking
from .mutation import MUTATIONS, Mutation

__all__ = [
    "MUTATIONS",
    "Mutation",
    "commands",
    "failures",
    "fanout",
    "log",
    "losses",
    "order",
    "places",
    "publishing",
    "replays",
    "tracking",
]
