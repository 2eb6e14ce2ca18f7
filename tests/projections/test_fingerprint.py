"""Telling one code from another."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cqrsless import Registry
from cqrsless.projections.fingerprint import fingerprint


def told(project: Callable[..., Any], *, key: Any = "order_id", indexes: Any = None, **options: Any) -> str:
    made = Registry("shop")
    made.projector("Placed", view=made.view("Summary", key=key, indexes=indexes), **options)(project)
    made.projector("Placed", view=made.view("Other", key="order_id"))(lambda row, event: {"other": project})
    model = made.freeze()
    return fingerprint(model.views["Summary"], model.projectors, model.events)


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
        model = registry.freeze()
        made.append(fingerprint(model.views["Summary"], model.projectors, model.events))
    assert made[0] != made[1]


PROGRAM = """
from cqrsless import Registry
from cqrsless.projections.fingerprint import fingerprint

made = Registry("shop")
view = made.view("Summary", key="order_id")
made.projector("Placed", view=view)(lambda row, event: row if event["s"] in {"a", "b", "c", "d"} else (1, None))
model = made.freeze()
print(fingerprint(model.views["Summary"], model.projectors, model.events))
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
        return fingerprint(model.views["Summary"], model.projectors, model.events)

    assert made("Placed", "Paid") == made("Paid", "Placed") != made("Placed")


def test_it_says_which_python_tells_it() -> None:
    assert told(one).startswith(f"{sys.implementation.cache_tag}:")


# -- what is reached in the function's own package


FILES = {
    "shop_pkg/__init__.py": "",
    "shop_pkg/rates.py": "import os, random\nBASE = 2\nRATE = BASE * 3\nDRAWN = random.random()\nUNUSED = 1\n",
    "shop_pkg/money.py": '''"""Money."""
from enum import Enum
from functools import cache
from . import rates

class Kind(Enum):
    NET = "net"

class Whole:
    """A base."""
    def rounded(self, value):
        return round(value, 2)

class Money(Whole):
    digits = 2
    def __init__(self, value):
        self.value = value
    def with_tax(self):
        return self.rounded(self.value * rates.RATE)

@cache
def scaled(value):
    return value * 10

ROUNDING = Whole()
''',
    "shop_pkg/views.py": '''from cqrsless import Registry
from cqrsless.projections.fingerprint import fingerprint
from marshmallow import Schema, fields
from . import money
from .money import Money, Kind, ROUNDING
from .rates import DRAWN

shop = Registry("shop")
Total = shop.view("Total", key="order_id")
LIMIT = 10
_lazy = None

class Placed(Schema):
    total = fields.Integer(required=True)

shop.event_type("OrderPlaced", schema=Placed, version=2)

@shop.upcaster("OrderPlaced", from_version=1)
def older(payload):
    return {**payload, "total": 0}

def minimum(field, least):
    def cut(event):
        return max(event[field], least)
    return cut

cut = minimum("total", 1)

@shop.projector("OrderPlaced", view=Total)
def total(row, event):
    """Fold it."""
    global _lazy
    _lazy = _lazy or {}
    value = Money(cut(event)).with_tax()
    return {"total": ROUNDING.rounded(money.scaled(value)), "kind": Kind.NET.value, "more": value > LIMIT, "d": DRAWN}

def unrelated():
    return 1

def told():
    model = shop.freeze()
    return fingerprint(model.views["Total"], model.projectors, model.events)
''',
}
RUN = (
    "import shop_pkg.views as v; first = v.told(); v.total(None, {'total': 3}); assert v.told() == first; print(first)"
)


def of(tmp_path: Path, *changes: tuple[str, str, str], environ: dict[str, str] | None = None) -> str:
    """Tell an application in a process of its own, with something in its files changed."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    (folder / "shop_pkg").mkdir()
    for name, text in FILES.items():
        for file, old, new in changes:
            if name == f"shop_pkg/{file}.py":
                assert text.count(old) == 1
                text = text.replace(old, new)
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": f"{folder}:{os.getcwd()}", **(environ or {})},
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return of(tmp_path_factory.mktemp("plain"))


def test_neither_process_nor_place_nor_layout_nor_what_is_drawn_at_random_tells_code_apart(
    tmp_path: Path, plain: str
) -> None:
    same = [
        plain,
        of(tmp_path, environ={"PYTHONHASHSEED": "1"}),
        of(tmp_path, environ={"PYTHONHASHSEED": "2"}),
        of(
            tmp_path,
            ("views", '    """Fold it."""\n', '    """Fold it well."""\n    # with care\n'),
            ("views", "    return 1\n", "    return 2\n"),
            ("money", '    """A base."""\n', "\n"),
            ("rates", "UNUSED = 1", "UNUSED = 3"),
        ),
    ]
    assert len(set(same)) == 1


@pytest.mark.parametrize(
    "change",
    [
        ("views", "LIMIT = 10", "LIMIT = 11"),
        ("rates", "BASE = 2", "BASE = 3"),
        ("rates", "BASE * 3", "BASE * 4"),
        ("rates", "DRAWN = random.random()", "DRAWN = random.random() + 1"),
        ("money", "self.value * rates", "2 * self.value * rates"),
        ("money", "round(value, 2)", "round(value, 3)"),
        ("money", "value * 10", "value * 11"),
        ("money", '"net"', '"NET"'),
        ("money", "digits = 2", "digits = 3"),
        ("money", "class Money(Whole):", "class Money(Whole, dict):"),
        ("views", 'minimum("total", 1)', 'minimum("total", 2)'),
        ("views", "max(event[field], least)", "min(event[field], least)"),
        ("views", '"total": 0}', '"total": 1}'),
        ("views", "fields.Integer(required=True)", "fields.Integer(load_default=1)"),
    ],
)
def test_what_a_projector_reaches_in_its_package_and_what_its_events_go_through_is_told(
    tmp_path: Path, plain: str, change: tuple[str, str, str]
) -> None:
    assert of(tmp_path, change) != plain


def test_an_event_of_another_version_is_told(tmp_path: Path, plain: str) -> None:
    later = ("views", "version=2)", "version=3)\nshop.upcaster('OrderPlaced', from_version=2)(lambda payload: payload)")
    assert of(tmp_path, later) != plain


def test_factories_with_other_parameters_make_other_code() -> None:
    def summing(field: str) -> Any:
        def fold(row: Any, event: Any) -> Any:
            return {field: event[field]}

        return fold

    assert told(summing("a")) == told(summing("a"))
    assert told(summing("a")) != told(summing("b"))
    assert told(partial(of_three, 1)) == told(partial(of_three, 1))
    assert told(partial(of_three, 1)) != told(partial(of_three, 2))


def of_three(least: int, row: Any, event: Any) -> Any:
    return {"least": least}
