"""The rules of delivery, each with a way to take it out.

Not here, as it changes no outcome: that the queues of a fan-out keep an aggregate's order where one of them refuses a
commit. Consumers put it right anyway.
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
