"""What tests of an application use: decisions, told as given, when, then; and a simulation of the whole of it."""

from __future__ import annotations

from .decisions import Given, Outcome, given
from .simulation import SimulationFailed, simulate

__all__ = ["Given", "Outcome", "SimulationFailed", "given", "simulate"]
