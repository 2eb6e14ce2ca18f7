"""An application whose handler schedules commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cqrsless import Command, Event, Message, Rejected
from tests.processors.harness import Bench, registry


def shop(react: Callable[..., Any], store: str = "memory://") -> Bench:
    made = registry()
    made.processor("deadlines", start="beginning", retries=0)
    made.event_handler("Placed", processor="deadlines")(react)

    @made.command_handler("Refuse", aggregate="Card", creation="if_missing")
    def refuse(command: Any, card: Any) -> Any:
        raise Rejected("no credit")

    @made.command_handler("Break", aggregate="Card", creation="if_missing")
    def break_it(command: Any, card: Any) -> Any:
        raise ZeroDivisionError

    @made.command_handler("Close", aggregate="Card", creation="if_missing")
    def close(command: Any, card: Any, *, message: Message) -> Any:
        return {"n": 0}, Event(
            "Closed", {"message": list(message[:5]), "sent": message.sent, "paid": command.get("paid")}
        )

    return Bench(made, store)


def expire(card: str = "c", after: float = 20, **options: Any) -> Command:
    return Command("ToCard", {"id": card, "events": [["Expired", {}]]}, due=timedelta(minutes=after), **options)
