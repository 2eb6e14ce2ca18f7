"""Telling one code from another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cqrsless import Registry
from cqrsless.projections.fingerprint import fingerprint


def told(project: Callable[..., Any], *, key: Any = "order_id", indexes: Any = None, **options: Any) -> str:
    made = Registry("shop")
    made.projector("Placed", view=made.view("Summary", key=key, indexes=indexes), **options)(project)
    made.projector("Placed", view=made.view("Other", key="order_id"))(lambda row, event: {"other": project})
    model = made.freeze()
    return fingerprint(model.views["Summary"], model.projectors)


def one(row: Any, event: Any) -> Any:
    return {"status": "placed"}


class Callable_:
    def __call__(self, row: Any, event: Any) -> Any:
        return {}


def test_the_same_code_is_told_alike() -> None:
    assert told(one) == told(one)
    assert told(lambda row, event: {"a": 1}) == told(lambda row, event: {"a": 1})
    assert told(Callable_()) == told(Callable_())


@pytest.mark.parametrize(
    "other",
    [
        told(lambda row, event: {"status": "paid"}),
        told(lambda row, event: {"status": event.get("placed")}),
        told(lambda row, event: [{"status": inner} for inner in event]),
        told(partial(lambda row, event: None)),
        told(Callable_()),
        told(one, key=("shop", "order_id")),
        told(one, indexes={"by_status": "status"}),
    ],
)
def test_other_code_or_other_keys_are_told_apart(other: str) -> None:
    assert told(one) != other


def test_key_functions_are_looked_into() -> None:
    made = []
    for number in (1, 2):
        registry = Registry("shop")
        view = registry.view("Summary", key="order_id")
        source = f"lambda event, message: event['key{number}']"
        registry.projector("Placed", view=view, key=eval(source))(one)
        made.append(fingerprint(registry.freeze().views["Summary"], registry.freeze().projectors))
    assert made[0] != made[1]


PROGRAM = """
from cqrsless import Registry
from cqrsless.projections.fingerprint import fingerprint

made = Registry("shop")
view = made.view("Summary", key="order_id")
made.projector("Placed", view=view)(lambda row, event: row if event["s"] in {"a", "b", "c", "d"} else (1, None))
print(fingerprint(made.freeze().views["Summary"], made.freeze().projectors))
"""


def test_it_is_the_same_in_every_process() -> None:
    run = partial(subprocess.run, [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert len({run().stdout for _ in range(2)}) == 1


def helper(row: Any) -> Any:
    return {**row, "a": 1}


def helping(row: Any, event: Any) -> Any:
    return [helper(one) for one in row]


def test_functions_of_the_same_package_are_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    before = told(helping)
    monkeypatch.setitem(globals(), "helper", lambda row: {**row, "a": 2})
    assert told(helping) != before


def wrapped_in(fn: Any) -> Any:
    from functools import wraps

    @wraps(fn)
    def around(row: Any, event: Any) -> Any:
        return fn(row, event)

    return around


def test_what_a_decorator_wraps_is_looked_into() -> None:
    assert told(wrapped_in(one)) == told(wrapped_in(one))
    assert told(wrapped_in(one)) != told(wrapped_in(lambda row, event: {"status": "paid"}))


def recursive(row: Any, event: Any) -> Any:
    return recursive(row, event) if event else row


def test_a_function_that_calls_itself_is_told() -> None:
    assert told(recursive) == told(recursive)


def test_the_order_in_which_modules_are_imported_is_no_part_of_the_code() -> None:
    def made(*names: str) -> str:
        registry = Registry("shop")
        view = registry.view("Summary", key="order_id")
        for name in names:
            registry.projector(name, view=view)(one)
        model = registry.freeze()
        return fingerprint(model.views["Summary"], model.projectors)

    assert made("Placed", "Paid") == made("Paid", "Placed") != made("Placed")


def test_it_says_which_python_tells_it() -> None:
    assert told(one).startswith(f"{sys.implementation.cache_tag}:")
