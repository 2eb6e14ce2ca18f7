"""`given(...)`: what is a mistake in a test, and how a failing check is told."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from cqrsless import (
    Command,
    Event,
    Registry,
    UnknownMessage,
)
from cqrsless.testing import Clock, given
from tests.testing.shop_of_stories import NOON, O1, order

# -- mistakes in a test


def test_an_event_that_nothing_listens_to_is_a_mistake() -> None:
    with pytest.raises(UnknownMessage, match="named 'OrderShiped'; did you mean 'OrderShipped'"):
        order().when(Event("OrderShiped", O1))
    with pytest.raises(UnknownMessage, match="no event handler is of the processor 'biling'; did you mean 'billing'"):
        order().when(Event("OrderShipped", O1), processor="biling")


def test_a_registry_without_functions_asks_for_its_modules() -> None:
    with pytest.raises(UnknownMessage, match=r"no aggregate is registered in 'empty' .*: import the modules whose"):
        given(registry=Registry("empty")).when(Event("BookLent", {"isbn": "1"}))


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock()
    clock.advance(hours=1)
    reaction = order(now=clock).when(Event("OrderCreated", O1))
    reaction.then(Command("ShipOrder", O1, due=clock() + timedelta(days=3)))
    with pytest.raises(ValueError, match="cannot be advanced by -1 day"):
        clock.advance(days=-1)
    with pytest.raises(ValueError, match="no time zone"):
        Clock(datetime(2026, 1, 1))
    clock.set(NOON)
    assert clock() == NOON


def test_a_failing_check_shows_the_tests_own_line(tmp_path: Any) -> None:
    (tmp_path / "test_it.py").write_text(
        "from cqrsless import Event, Registry\n"
        "from cqrsless.testing import given\n"
        "shop = Registry('s'); shop.aggregate('Order', id_field='order_id')\n"
        "@shop.event_handler('A')\n"
        "def handle(event): ...\n"
        "def test_it():\n"
        "    given(registry=shop).when(Event('A', {'order_id': '1'})).then_give_up()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "then_give_up()" in done.stdout and "reactions.py" not in done.stdout, done.stdout


def test_a_time_without_a_zone_is_the_storys_mistake() -> None:
    with pytest.raises(
        ValueError, match=r"^given\(now=datetime.datetime\(2026, 3, 1, 0, 0\)\) has no time zone: write"
    ):
        given(now=datetime(2026, 3, 1), registry=Registry("shop")).when("Do")
