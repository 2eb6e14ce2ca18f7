"""What is told of events that something takes and nothing records, and of whom nothing is told."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cqrsless import Registry
from cqrsless.describing.unrecorded import unrecorded

HEAD = """
from cqrsless import Command, Event, Registry

registry = Registry("shop")
Order = registry.aggregate("Order", id_field="order_id")
Orders = registry.view("Orders", key="order_id")
"""
CREATE = """
@registry.command_handler("CreateOrder", aggregate=Order, creation="always")
def create_order(command, order):
    return {}, Event("OrderCreated", command)
"""
TYPO = """
@registry.projector("OrderCreatd", view=Orders)
def row_of_created(row, event):
    return event
"""
LISTENS = """
@registry.event_handler("OrderCreated")
def tell(event): ...
"""

Say = Callable[..., list[str]]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Say]:
    """Write modules, the last of which is the application, and give what is told of it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written: list[str] = []

    def say(source: str, **others: str) -> list[str]:
        for name, text in {**others, "unrecorded_shop": source}.items():
            (tmp_path / f"{name}.py").write_text(text)
            written.append(name)
        importlib.invalidate_caches()
        registry: Registry = importlib.import_module("unrecorded_shop").registry
        return [str(one).replace(str(tmp_path), "") for one in unrecorded(registry.freeze())]

    yield say
    for name in written:
        sys.modules.pop(name, None)


def test_a_typing_mistake_is_told_with_its_line_and_what_was_meant(said: Say) -> None:
    assert said(HEAD + CREATE + TYPO + LISTENS) == [
        "nothing in this application records 'OrderCreatd', for which the projector at /unrecorded_shop.py:12 waits; "
        "did you mean 'OrderCreated'?"
    ]


def test_one_mistake_made_twice_is_one(said: Say) -> None:
    handler = """
@registry.event_handler("OrderCreatd")
def tell(event, *, message):
    if message.name == "OrderCreatd":
        return Command("Welcome")
@registry.publisher("OrderCreatd", to="sqs://orders")
def publish(event): ...
"""
    (only,) = said(HEAD + CREATE + TYPO + handler)
    assert only.startswith(
        "nothing in this application records 'OrderCreatd', for which the event handler at /unrecorded_shop.py:16 and "
        "the projector at /unrecorded_shop.py:12 and the publisher at /unrecorded_shop.py:20 wait"
    )


FOLDED = """
Account = registry.aggregate("Account", id_field="id", event_sourced=True)
@registry.command_handler("Open", aggregate=Account, creation="always")
def open(command, account):
    return Event("Opened", command)
@registry.evolver("{name}", aggregate=Account)
def opened(account, event):
    return account
"""


def test_an_evolver_is_told_beside_an_event_that_has_none(said: Say) -> None:
    assert said(HEAD + FOLDED.format(name="Openned")) == [
        "nothing in this application records 'Openned', for which the evolver at /unrecorded_shop.py:12 waits; "
        "did you mean 'Opened'?"
    ]


@pytest.mark.parametrize("name", ["Opened", "Closed"])
def test_nothing_is_told_of_an_evolver_of_what_is_recorded_or_past(said: Say, name: str) -> None:
    assert said(HEAD + FOLDED.format(name=name)) == []


def test_nothing_is_told_of_an_evolver_of_the_past_beside_one_of_today(said: Say) -> None:
    past = """
@registry.evolver("Openned", aggregate=Account)
def openned(account, event):
    return account
"""
    assert said(HEAD + FOLDED.format(name="Opened") + past) == []


def test_where_nothing_is_near_event_type_is_advised(said: Say) -> None:
    (only,) = said(HEAD + CREATE + TYPO.replace("OrderCreatd", "Paid"))
    assert only.endswith('waits; if it is one of the past, or of elsewhere, event_type("Paid") says so')


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(CREATE + LISTENS, id="made"),
        pytest.param('registry.event_type("OrderCreated")' + LISTENS, id="declared"),
        pytest.param('registry.event_type("OrderMade", was="OrderCreated")' + LISTENS, id="declared, by a former name"),
        pytest.param(
            LISTENS.replace('"OrderCreated"', '"OrderCreated", source="payments"'),
            id="external",
        ),
        pytest.param(
            """
Account = registry.aggregate("Account", id_field="id", event_sourced=True)
@registry.evolver("OrderCreated", aggregate=Account)
def old(account, event):
    return account
"""
            + LISTENS,
            id="folded: one of the past",
        ),
        pytest.param(
            LISTENS
            + """
@registry.event_handler("OrderMade")
def pay(event):
    return Command("Pay", event, on_rejected="OrderCreated")
registry.event_type("OrderMade")
""",
            id="in place of what is refused",
        ),
        pytest.param(LISTENS + "NAMES = {True: 'OrderCreated'}", id="named in a table"),
        pytest.param(CREATE.replace('"OrderCreated"', 'f"Order{command}"') + LISTENS, id="put together at run time"),
        pytest.param(
            """
def create(command, order):
    from cqrsless import Event
    return {}, Event(name="".join(("Order", "Created")))
"""
            + LISTENS,
            id="put together where Event is imported in a function",
        ),
        pytest.param("exec('''" + LISTENS + "''', {'registry': registry, '__name__': 'nowhere'})", id="no source"),
    ],
)
def test_nothing_is_told_of_what_may_be_recorded(said: Say, source: str) -> None:
    assert said(HEAD + source) == []


def test_what_a_module_beside_it_makes_is_recorded(said: Say) -> None:
    helper = 'from cqrsless import Event\ndef created(command):\n    return Event("OrderCreated", command)\n'
    assert said(HEAD + "import unrecorded_helper" + LISTENS, unrecorded_helper=helper) == []
