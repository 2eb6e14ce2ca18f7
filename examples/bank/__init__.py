"""Accounts of a bank: an event-sourced application that has lived through a change of its events."""
