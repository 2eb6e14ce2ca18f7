"""The errors: what each says by itself, and what it holds."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from cqrsless import CqrslessError, RetryLater, ValidationFailed, errors

CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, CqrslessError)]
MESSAGES: list[Any] = [{"total": ["Not a number."]}, {}, ["Not a number."], []]


@pytest.mark.parametrize("error", CLASSES)
def test_the_docstring_of_an_error_is_its_default_message(error: type[Any]) -> None:
    made = error(after=1) if error is RetryLater else error()
    assert str(made) == inspect.getdoc(error)


@pytest.mark.parametrize("messages", MESSAGES)
def test_the_messages_of_a_validation_may_stand_in_the_place_of_its_text(messages: Any) -> None:
    failed, named = ValidationFailed(messages), ValidationFailed(messages=messages)
    assert failed.messages is messages
    assert named.messages is messages
    assert str(failed) == str(named) == "The payload is not valid."


def test_a_validation_with_a_text_keeps_its_messages() -> None:
    failed = ValidationFailed("no order", messages={"total": ["Not a number."]})
    assert (str(failed), failed.messages) == ("no order", {"total": ["Not a number."]})
    assert (str(ValidationFailed("no order")), ValidationFailed("no order").messages) == ("no order", {})
