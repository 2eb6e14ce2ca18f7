"""A story that was acted on and that nobody looked at fails its test: in a pytest of its own, as a user has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqrsless import Event
from cqrsless.testing.looking import Story
from tests.test_pytest_plugin import SHOP, run
from tests.testing.shop_of_stories import O1, order

WHOLE = (
    SHOP
    + """
from cqrsless import Command, Rejected, event_handler

@command_handler("ShipOrder", aggregate=Order)
def ship_order(command, order):
    if order["shipped"]:
        raise Rejected("it has shipped")
    return {**order, "shipped": True}, Event("OrderShipped", command)

@command_handler("SendNews")
def send_news(command):
    sent.append(command)
    if not command:
        raise Rejected("no news")

@event_handler("OrderShipped", processor="mailer")
def shipped(event):
    sent.append(event)

sent = []
"""
)
BEGIN = """
import pytest
import shop
from cqrsless import Event
from cqrsless.testing import given

ORDER = {"order_id": "o-1"}
open_ = given({"shipped": False})

"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(WHOLE, encoding="utf-8")
    return tmp_path


def fails(project: Path, *lines: str) -> str:
    return run(project, BEGIN + "def test_it():\n" + "".join(f"    {line}\n" for line in lines), passes=False)


def passes(project: Path, *lines: str) -> None:
    run(project, BEGIN + "def test_it():\n" + "".join(f"    {line}\n" for line in lines))


def test_a_command_whose_outcome_nobody_looks_at_fails_its_test_and_names_the_line(project: Path) -> None:
    told = fails(project, "open_.when('ShipOrder', ORDER).then_rejected", "open_.when('ShipOrder', ORDER)")
    assert "test_shop.py:12: when(ShipOrder)\nNobody looked at what came of this" in told
    assert "test_shop.py:11" not in told, "an attribute was read"
    assert "End it with a check, as in .when(...).then(...) or .then_rejected(), or read" in told
    assert "1 failed" in told and "cqrsless/" not in told, "no line of ours is shown"


def test_events_that_nobody_looks_at_fail_their_test(project: Path) -> None:
    told = fails(project, "story = given().when(Event('OrderShipped', ORDER),", "    Event('OrderCreated', ORDER))")
    assert "test_shop.py:11: when(OrderShipped, OrderCreated)" in told


def test_each_line_is_named_once(project: Path) -> None:
    told = fails(
        project,
        "for shipped in (True, False, True):",
        "    story = given({'shipped': shipped}).when('ShipOrder', ORDER)",
        "story.then_rejected()",
        "open_.when('ShipOrder', ORDER)",
    )
    told, _, _ = told.partition("short test summary")
    assert [told.count(f"test_shop.py:{line}: when") for line in (12, 14)] == [1, 1]


@pytest.mark.parametrize(
    "look",
    [
        "open_.when('ShipOrder', ORDER).then_state({'shipped': True})",
        "assert open_.when('ShipOrder', ORDER).error is None",
        "assert open_.when('ShipOrder', ORDER).events",
        "assert open_.when('ShipOrder', ORDER).cost.requests == 2",
        "assert 'recorded' in repr(open_.when('ShipOrder', ORDER))",
        "given().when(Event('OrderCreated', ORDER)).then_row('OrderSummary', 'o-1', ORDER)",
        "assert given().when(Event('OrderCreated', ORDER)).rows('OrderSummary') == [ORDER]",
        "assert not given().when(Event('OrderShipped', ORDER)).commands",
        "given().when('SendNews', ORDER); assert shop.sent.pop() == ORDER",
        "past = open_  # and nothing happens to it",
    ],
)
def test_every_way_of_looking_counts(project: Path, look: str) -> None:
    passes(project, look)


def test_a_refusal_without_an_aggregate_is_not_overlooked(project: Path) -> None:
    assert "test_shop.py:11: when(SendNews)" in fails(project, "given().when('SendNews', {})")


@pytest.mark.parametrize("past", ["given({'shipped': False})", "open_.racing({'shipped': True})", "given()"])
def test_a_past_that_nothing_happens_to_fails_its_test(project: Path, past: str) -> None:
    told = fails(project, past)
    assert f"test_shop.py:11: given({'' if past == 'given()' else '...'})\nNothing happens to this past, so" in told
    assert "Go on from it, as in given(...).when(...).then(...), or remove it" in told
    assert "1 failed" in told and "cqrsless/" not in told, "no line of ours is shown"


def test_a_past_that_nothing_happens_to_beside_others_is_warned_of(project: Path) -> None:
    test = (
        "open_.when('ShipOrder', ORDER).then_state({'shipped': True})",
        "for shipped in (True, False):",
        "    past = given({'shipped': shipped})",
        "    if shipped: past.when('ShipOrder', ORDER).then_rejected()",
        "given({'shipped': True})",
    )
    told = run(project, BEGIN + "def test_it():\n" + "".join(f"    {line}\n" for line in test), "-W", "default")
    assert "1 passed, 1 warning" in told and "PytestWarning: test_shop.py:15: given(...)" in told
    assert "test_shop.py:13" not in told, "something happened to one of this line"


def test_a_past_that_is_used_by_its_refusal_or_made_before_the_test_is_let_be(project: Path) -> None:
    passes(project, "with pytest.raises(TypeError):", "    given().racing()")
    run(project, BEGIN + "@pytest.fixture\ndef past():\n    return given()\ndef test_it(past):\n    pass\n")


def test_a_test_that_fails_by_itself_or_is_skipped_tells_its_own_reason_alone(project: Path) -> None:
    told = fails(project, "open_.when('ShipOrder', ORDER)", "assert 1 == 2")
    assert "assert 1 == 2" in told and "Nobody" not in told
    passes(project, "open_.when('ShipOrder', ORDER)", "pytest.skip('not today')")
    passes(project, "open_.when('ShipOrder', ORDER)", "pytest.xfail('one day')")


def test_what_when_itself_raises_is_no_story(project: Path) -> None:
    passes(project, "with pytest.raises(Exception, match='Shpped'):", "    given().when(Event('Shpped', ORDER))")


def test_what_a_fixture_prepares_is_not_for_every_test(project: Path) -> None:
    run(
        project,
        BEGIN
        + "@pytest.fixture(autouse=True, scope='module')\n"
        + "def story():\n    return open_.when('ShipOrder', ORDER)\n\n"
        + "def test_one():\n    pass\n\n"
        + "@pytest.mark.parametrize('number', [1, 2])\n"
        + "def test_two(story, number):\n    story.then_state({'shipped': True})\n\n"
        + "import unittest\n"
        + "class TestOrders(unittest.TestCase):\n"
        + "    def setUp(self):\n        self.story = open_.when('ShipOrder', ORDER)\n"
        + "    def test_three(self):\n        pass\n",
    )


def test_a_test_of_unittest_is_held_to_it_too(project: Path) -> None:
    told = run(
        project,
        BEGIN
        + "import unittest\n"
        + "class TestOrders(unittest.TestCase):\n"
        + "    def test_one(self):\n        open_.when('ShipOrder', ORDER)\n"
        + "    def test_two(self):\n        open_.when('ShipOrder', ORDER)\n        self.fail('mine')\n"
        + "    def test_three(self):\n        open_.when('ShipOrder', ORDER)\n        self.skipTest('later')\n",
        passes=False,
    )
    assert "2 failed, 1 skipped" in told and "AssertionError: mine" in told
    in_full, _, _ = told.partition("short test summary")  # which repeats it where CI is set
    assert in_full.count("Nobody looked") == 1


@pytest.mark.parametrize("look", [True, False])
def test_an_example_that_hypothesis_leaves_is_no_overlooked_one(project: Path, look: bool) -> None:
    test = (
        BEGIN
        + "from hypothesis import assume, given as each, settings, strategies as st\n"
        + "@settings(database=None, derandomize=True)\n"
        + "@each(st.integers(0, 9))\n"
        + "def test_it(number):\n"
        + "    story = open_.when('ShipOrder', ORDER)\n    assume(number > 4)\n"
        + ("    story.then_state({'shipped': True})\n" if look else "")
    )
    told = run(project, test, passes=look)
    assert ("when(ShipOrder)" in told) is not look


def test_a_stateful_test_of_hypothesis_is_held_to_it_too(project: Path) -> None:
    def machine(look: str) -> str:
        return (
            BEGIN
            + "from hypothesis import HealthCheck, settings, strategies as st\n"
            + "from hypothesis.stateful import RuleBasedStateMachine, rule\n"
            + "class Machine(RuleBasedStateMachine):\n"
            + "    @rule(number=st.integers(0, 9))\n"
            + "    def ship(self, number):\n"
            + f"        story = open_.when('ShipOrder', ORDER)\n        {look}\n"
            + "TestMachine = Machine.TestCase\n"
            + "SLOW = [HealthCheck.too_slow]  # of a busy machine\n"
            + "TestMachine.settings = settings(\n"
            + "    database=None, derandomize=True, max_examples=5, deadline=None, suppress_health_check=SLOW\n)\n"
        )

    run(project, machine("story.then_state({'shipped': True})"))
    assert "when(ShipOrder)" in run(project, machine("pass"), passes=False)


def test_a_subtest_that_failed_tells_its_own_reason_alone(project: Path) -> None:
    test = (
        BEGIN
        + "def test_it(subtests):\n"
        + "    for number in (1, 2):\n"
        + "        with subtests.test():\n"
        + "            story = open_.when('ShipOrder', ORDER)\n"
        + "            assert number == 2\n"
        + "            story.then_state({'shipped': True})\n"
    )
    told = run(project, test, passes=False)
    assert "assert 1 == 2" in told and "Nobody looked" not in told


def test_outside_of_a_test_of_pytest_nothing_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    import pytest_cqrsless

    monkeypatch.setattr(pytest_cqrsless, "stories", None)
    story: Story = order().when(Event("OrderCreated", O1))
    assert story.begun is None
