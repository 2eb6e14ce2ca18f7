"""Accounts of a bank: an event-sourced application that has lived through a change of its events."""

from . import statements, transfers
from .app import bank

__all__ = ["bank", "statements", "transfers"]
