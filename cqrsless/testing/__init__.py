"""What tests of an application use: stories told as given, when, then; costs; a simulation."""

from __future__ import annotations

from .clocks import Clock
from .counting import assert_cost, counted
from .decisions import Outcome
from .reactions import Reaction
from .simulation import SimulationFailed, simulate
from .stories import Given, given

__all__ = [
    "Clock",
    "Given",
    "Outcome",
    "Reaction",
    "SimulationFailed",
    "assert_cost",
    "counted",
    "given",
    "simulate",
]
