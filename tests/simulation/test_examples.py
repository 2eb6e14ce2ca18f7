"""The examples' applications through schedules in which everything goes wrong: a few here, 10,000 marked `long`."""

from __future__ import annotations

import pytest

import examples.orders.views  # noqa: F401  # registers the shop's handlers, with those of the modules beside it
from cqrsless.testing import simulate
from examples.bank.statements import statements  # noqa: F401
from examples.bank.transfers import bank

from .examples import balanced, bank_commands, order_commands, payments


def orders(schedules: int, seed: int) -> None:
    simulate(
        commands=order_commands, external=payments, may_park=True, losses=True, past=4, schedules=schedules, seed=seed
    )


def accounts(schedules: int, seed: int) -> None:
    simulate(bank, bank_commands, check=balanced, schedules=schedules, seed=seed)


def test_the_shop_keeps_its_promises() -> None:
    orders(40, seed=1)


def test_the_bank_keeps_its_promises() -> None:
    accounts(40, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_the_shop_keeps_its_promises_in_thousands_of_schedules(seed: int) -> None:
    orders(500, seed=100 + seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_the_bank_keeps_its_promises_in_thousands_of_schedules(seed: int) -> None:
    accounts(500, seed=100 + seed)
