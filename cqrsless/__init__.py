"""Serverless CQRS applications in Python, from plain functions."""

__version__ = "0.1.0"
