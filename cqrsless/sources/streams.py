"""A table's DynamoDB stream, or the Kinesis stream that it feeds: commits, for the event processors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import CqrslessError
from .application import Application

__all__ = ["handle"]


def handle(event: Mapping[str, Any], context: Any, app: Application) -> Any:
    """Hand the records to the application's event processors; raise if it has none, so that no record is lost."""
    consume = getattr(app, "consume", None)
    if consume is None:
        raise CqrslessError(
            "this function is fed by a stream of commits, and this version of cqrsless runs no event processors: "
            "remove the event source mapping. The records stay in the stream until they expire, and nothing is skipped."
        )
    return consume(event["Records"], event, context)
