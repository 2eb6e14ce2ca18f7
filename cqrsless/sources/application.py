"""What a source asks of the application, and of Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..messages import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..delivery.batches import Delivery
    from ..messages import Message
    from ..registry.model import Model
    from ..store import Store

__all__ = ["Application", "request_id"]


class Application(Protocol):
    """The application as a source sees it."""

    def dispatch(self, message: Message) -> Any:
        """Handle a command (giving its `CommandResult`) or a query (giving what its handler returned)."""
        ...

    def dispatch_after(self, message: Message) -> Any:
        """Handle a query whose views are to hold some commits (`surroundings.reading_after`)."""
        ...

    def receive_event(self, message: Message) -> bool:
        """Handle an external event; say whether anybody handles it."""
        ...

    def consume(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Offer delivered commits to every consumer of this function; give the ids of those that have to come again."""
        ...

    def wake(self, pages: Sequence[Delivery]) -> list[str]:
        """Let tracking processors read the log, of which pages were written; give the ids that have to come again."""
        ...

    def park_given_up(self, deliveries: Sequence[Delivery], why: str) -> list[str]:
        """Park the aggregates of commits that Lambda gave up on; give the ids of those that could not be parked."""
        ...

    def answer_replay(self, name: str, run: int | None) -> dict[str, Any]:
        """Begin a replay, or go on with one of its runs; say how far each run is."""
        ...

    @property
    def store(self) -> Store: ...

    @property
    def model(self) -> Model: ...

    def now(self) -> datetime: ...


def request_id(context: Any) -> str:
    """Give the id of this invocation: Lambda's, the same when Lambda retries it, or a new one outside of Lambda."""
    given = getattr(context, "aws_request_id", None)
    return given if isinstance(given, str) and given else new_id()
