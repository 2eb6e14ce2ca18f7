"""The payload of a command that is due later: validated when it is scheduled, and kept as it was sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from marshmallow import Schema, fields

from cqrsless import App, Cost, Message, Registry, ValidationFailed


class Deadline(Schema):
    id = fields.String(required=True)
    note = fields.String(load_default="late")


def scheduling(*middleware: Callable[..., Any]) -> tuple[App, list[Any]]:
    made, seen = Registry("scheduling"), []
    Thing = made.aggregate("Thing", id_field="id")

    @made.command_handler("End", aggregate=Thing, creation="if_missing", schema=Deadline, middleware=middleware)
    def end(command: Any, thing: Any, *, message: Message) -> Any:
        seen.append((command, message.payload))
        return {"ended": True}

    return App("memory://", registry=made), seen


def test_a_payload_is_validated_when_it_is_scheduled_and_kept_as_it_was_sent() -> None:
    app, seen = scheduling()
    with pytest.raises(ValidationFailed, match="End is not valid: id: Not a valid string"):
        app.execute("End", {"id": 7}, due=timedelta(days=1))
    app.execute("End", {"id": "1"}, id="end-1", due=timedelta(days=1))
    (waiting,) = [item for item in app.store.scan("views", Cost()).items if "wire" in item]
    assert "late" not in str(waiting) and not seen
    assert app.advance(timedelta(days=1)) == 1
    assert seen[0][0] == {"id": "1", "note": "late"}


def test_a_payload_that_a_middleware_may_complete_is_validated_when_it_is_due() -> None:
    def completing(message: Message, call_next: Callable[[Message], Any]) -> Any:
        return call_next(message.replace(payload={**message.payload, "id": "1"}))

    app, seen = scheduling(completing)
    app.execute("End", {}, due=timedelta(days=1))
    assert app.advance(timedelta(days=1)) == 1
    assert [command["id"] for command, _ in seen] == ["1"]
