"""What tests of an application use: decisions, told as given, when, then."""

from __future__ import annotations

from .decisions import Given, Outcome, given

__all__ = ["Given", "Outcome", "given"]
