from __future__ import annotations

import os
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest

from cqrsless import Registry
from cqrsless.registry import Place
from cqrsless.registry.places import identity, unwrapped


def test_a_place_below_the_working_directory_is_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(Place(str(tmp_path / "shop" / "app.py"), 12)) == os.path.join("shop", "app.py") + ":12"
    assert str(Place(f"{tmp_path}-other/app.py", 12)) == f"{tmp_path}-other/app.py:12"
    assert f"{Place('/elsewhere/app.py', 3)}" == "/elsewhere/app.py:3"


def test_a_place_is_shown_even_if_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert str(Place("/elsewhere/app.py", 3)) == "/elsewhere/app.py:3"


def test_every_record_says_where_it_stands(registry: Registry) -> None:
    Order = registry.aggregate(
        "Order",
        id_field="order_id",
    )

    @registry.command_handler("Ship", aggregate=Order)
    def ship(command: Any, order: Any) -> Any: ...

    first = test_every_record_says_where_it_stands.__code__.co_firstlineno
    assert Order.place == Place(__file__, first + 1)
    assert registry.freeze().commands["Ship"].place == Place(__file__, first + 6)


def test_a_function_is_known_by_the_name_that_a_person_gave_it() -> None:
    def ship(command: Any, order: Any) -> Any: ...

    @wraps(ship)
    def wrapper(*args: Any) -> Any: ...

    class Shipping:
        def ship(self) -> Any: ...

        def __call__(self) -> Any: ...

    here = "test_a_function_is_known_by_the_name_that_a_person_gave_it.<locals>."
    for fn in (ship, partial(ship, 1), wrapper, partial(wrapper), staticmethod(ship)):
        assert unwrapped(fn) is ship
        assert identity(fn) == (__name__, f"{here}ship")
    assert identity(Shipping().ship) == (__name__, f"{here}Shipping.ship")
    assert identity(Shipping()) == (__name__, f"{here}Shipping")


def test_a_wrapper_of_itself_ends_the_search() -> None:
    def ship() -> None: ...

    ship.__wrapped__ = ship  # type: ignore[attr-defined]  # what a careless decorator does
    assert unwrapped(ship) is ship
