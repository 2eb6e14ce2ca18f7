"""What a handler did wrong is told with where it is; what its caller did wrong, without."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import (
    AlreadyExists,
    App,
    Command,
    Event,
    InvalidReturn,
    Registry,
    SerializationFailed,
)


def test_a_payload_that_cannot_be_stored_is_the_senders_mistake_and_not_the_handlers() -> None:
    registry = Registry("shop")
    registry.aggregate("Order", id_field="id")

    @registry.command_handler("Place", aggregate="Order", creation="always")
    def place(command: Any, order: Any) -> Any:
        return {"lines": {1}} if command.get("bad") else {}

    app = App("memory://", registry=registry)
    with pytest.raises(SerializationFailed, match=r"the payload of Place at s") as caught:
        app.execute("Place", {"id": "o", "s": {1}})
    assert "in place" not in str(caught.value)
    with pytest.raises(SerializationFailed, match=r"\(in place, tests/test_mistakes.py:\d+\)$"):
        app.execute("Place", {"id": "o", "bad": True})


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (Command("Other", {}), "returned a Command: only an event handler's commands are carried out"),
        (Event("Pinged", {}), "returned an Event: only a handler with aggregate= records what it returns"),
    ],
)
def test_what_nobody_would_carry_out_or_record_is_no_value_of_a_command(returned: object, told: str) -> None:
    made = Registry("returned")
    made.command_handler("Ping")(lambda command: returned)
    with pytest.raises(InvalidReturn, match=f"^the handler of Ping {told}.*test_mistakes.py"):
        App("memory://", registry=made).execute("Ping")


def test_a_refusal_that_is_returned_is_no_value_of_a_command() -> None:
    made = Registry("returned")

    @made.command_handler("Ping")
    def ping(command: Any) -> Any:
        return AlreadyExists("no")

    with pytest.raises(
        InvalidReturn, match=r"^the handler of Ping returned an AlreadyExists \(raise it, do not"
    ) as told:
        App("memory://", registry=made).execute("Ping")
    assert "(in ping, " in str(told.value)
