"""What a source asks of the application, and of Lambda."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from ..messages import Message
from ..registry.model import Model

__all__ = ["Application", "request_id"]


class Application(Protocol):
    """The application as a source sees it."""

    def dispatch(self, message: Message) -> Any:
        """Handle a command (giving its `CommandResult`) or a query (giving what its handler returned)."""
        ...

    def receive_event(self, message: Message) -> bool:
        """Handle an external event; say whether anybody handles it."""
        ...

    @property
    def model(self) -> Model: ...

    def now(self) -> datetime: ...


def request_id(context: Any) -> str:
    """Give the id of this invocation: Lambda's, the same when Lambda retries it, or a new one outside of Lambda."""
    given = getattr(context, "aws_request_id", None)
    return given if isinstance(given, str) and given else uuid4().hex
