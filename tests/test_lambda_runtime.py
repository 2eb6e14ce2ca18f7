from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cqrsless
from cqrsless import AppLoadError, NotFound, Registry, UnknownMessage
from cqrsless.lambda_runtime import application, entrypoint_for_environment, in_lambda, store_url

Write = Callable[[str, str], None]

SETTINGS = ("CQRSLESS_APP", "CQRSLESS_STORE", "CQRSLESS_PROCESSOR", "CQRSLESS_METRICS", "LAMBDA_TASK_ROOT")
LAMBDA = ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_LEVEL")

ORDERS = """
from cqrsless import Registry

orders = Registry("orders")
Order = orders.aggregate("Order", id_field="order_id")


@orders.command_handler("CreateOrder", aggregate=Order, creation="always")
def create_order(command, order):
    return dict(command)


@orders.command_handler("ShipOrder", aggregate=Order)
def ship_order(command, order):
    return order
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write files into a fresh folder that is the current one; no setting and no module outlives the test."""
    for name in (*SETTINGS, *LAMBDA):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr("cqrsless.loading.DEFAULT", Registry("default"))
    before = set(sys.modules)

    def write(name: str, text: str) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(
            getattr(sys.modules[name], "__file__", "") or getattr(sys.modules[name], "__path__", "")
        ):
            del sys.modules[name]


def error_of(app: str | None, monkeypatch: pytest.MonkeyPatch) -> str:
    if app is not None:
        monkeypatch.setenv("CQRSLESS_APP", app)
    with pytest.raises(AppLoadError) as raised:
        entrypoint_for_environment()
    assert isinstance(raised.value, ImportError)
    return str(raised.value)


# -- which application


def test_a_registry_in_a_module_is_the_application(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("billing/app.py", ORDERS)
    monkeypatch.setenv("CQRSLESS_APP", "billing.app:orders")
    answer = cqrsless.entrypoint({"command": "CreateOrder", "payload": {"order_id": "o-1"}}, None)
    assert answer["version"] == 1


def test_an_app_in_a_module_is_the_application_with_its_own_store(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop.py", ORDERS + "\nfrom cqrsless import App\napp = App('memory://own', registry=orders)\n")
    monkeypatch.setenv("CQRSLESS_APP", "shop:app")
    assert application() is sys.modules["shop"].app
    assert application().store.url == "memory://own"


def test_a_bare_module_means_the_default_registry(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("shop.py", ORDERS)
    monkeypatch.setenv("CQRSLESS_APP", "shop")
    monkeypatch.syspath_prepend(".")
    __import__("shop")
    monkeypatch.setattr("cqrsless.loading.DEFAULT", sys.modules["shop"].orders)
    assert application().registry is sys.modules["shop"].orders


def test_a_packages_submodules_are_imported_and_its_tests_are_not(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop/__init__.py", ORDERS)
    write("shop/a.py", "")
    write("shop/inner/__init__.py", "")
    write("shop/inner/b.py", "")
    for name in ("__main__", "conftest", "test_a", "tests/__init__", "inner/test_b"):
        write(f"shop/{name}.py", "raise RuntimeError('not to be imported')")
    monkeypatch.setenv("CQRSLESS_APP", "shop:orders")
    application()
    assert {name for name in sys.modules if name.split(".")[0] == "shop"} == {
        "shop",
        "shop.a",
        "shop.inner",
        "shop.inner.b",
    }


def test_pyproject_names_the_application_where_no_variable_does(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    write("pyproject.toml", '[tool.cqrsless]\napp = "shop:orders"\n')
    write("shop.py", ORDERS)
    write("deep/er/nothing.txt", "")
    assert "CreateOrder" in application().model.commands
    monkeypatch.chdir("deep/er")
    monkeypatch.syspath_prepend("..")
    assert "CreateOrder" in application().model.commands


def test_otherwise_it_is_the_module_app(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("pyproject.toml", "[tool.other]\n")
    write("app.py", "raise LookupError('this one')")
    assert "the application's module 'app' cannot be imported: LookupError: this one" in error_of(None, monkeypatch)


def test_the_task_root_is_where_lambda_has_the_code(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write("task/shop.py", ORDERS)
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path / "task"))
    monkeypatch.setenv("CQRSLESS_APP", "shop:orders")
    application()
    assert sys.path[0] == str(tmp_path / "task")
    application()
    assert sys.path.count(str(tmp_path / "task")) == 1


# -- what can be wrong with it


@pytest.mark.parametrize("app", ["billing/app.py:billing", "billing.app:", ":billing", "a b", "a..b", "shop:a:b.c "])
def test_another_way_to_write_it_is_an_error(write: Write, monkeypatch: pytest.MonkeyPatch, app: str) -> None:
    write("shop.py", ORDERS)
    text = error_of(app, monkeypatch)
    assert text.startswith(f"CQRSLESS_APP is {app!r}: write a module, as in 'billing.app', or a module and") or (
        "has no 'a:b.c'" in text
    )


def test_a_missing_module_says_what_to_set(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert error_of(None, monkeypatch) == (
        f"there is no module 'app' in {tmp_path} or elsewhere on the path: begin a project by `cqrsless init NAME`, or "
        "set CQRSLESS_APP to the module with your handlers, as in CQRSLESS_APP=billing.app, or write it into "
        'pyproject.toml as app = "billing.app" under [tool.cqrsless]'
    )
    write("shop.py", ORDERS)
    assert "there is no module 'shop.app' (CQRSLESS_APP names it)" in error_of("shop.app", monkeypatch)
    assert "there is no module 'nowhere.app' (CQRSLESS_APP names it)" in error_of("nowhere.app", monkeypatch)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import cqrsless\ncqrsless.nothing", "AttributeError: module 'cqrsless' has no attribute 'nothing'"),
        ("from cqrsless import nothing", "ImportError: cannot import name 'nothing' from 'cqrsless'"),
        ("import missing.module", "ModuleNotFoundError: No module named 'missing'"),
        ("1/0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: "),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("from cqrsless import AppLoadError\nraise AppLoadError('inner')", "AppLoadError: inner"),
        ("from cqrsless import aggregate\naggregate('9', id_field='x')", "RegistrationError: "),
    ],
)
def test_whatever_the_module_raises_comes_out_chained(
    write: Write, monkeypatch: pytest.MonkeyPatch, source: str, error: str, tmp_path: Path
) -> None:
    write("shop/__init__.py", "")
    write("shop/orders.py", source)
    monkeypatch.setenv("CQRSLESS_APP", "shop")
    with pytest.raises(AppLoadError) as raised:
        cqrsless.entrypoint  # noqa: B018  # the look-up is what Lambda does
    assert str(raised.value).startswith(f"the application's module 'shop.orders' cannot be imported: {error}")
    if error.split(":")[0] not in ("SyntaxError", "RegistrationError"):  # these name the line by themselves
        assert re.search(rf" \({tmp_path}/shop/orders.py, line [12]\)$", str(raised.value))
    assert type(raised.value.__cause__).__name__ == error.split(":")[0]


def test_an_interrupt_is_not_an_error_of_the_module(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("shop.py", "raise KeyboardInterrupt")
    monkeypatch.setenv("CQRSLESS_APP", "shop")
    with pytest.raises(KeyboardInterrupt):
        entrypoint_for_environment()


def test_a_missing_attribute_names_what_was_perhaps_meant(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("shop.py", ORDERS)
    assert error_of("shop:oders", monkeypatch) == "'shop:oders': shop has no 'oders'; did you mean 'orders' or 'Order'?"


def test_an_attribute_of_another_kind_says_what_to_name(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("shop.py", ORDERS)
    assert error_of("shop:create_order", monkeypatch) == (
        "'shop:create_order': 'create_order' is a function; name a Registry or an App, or leave out ':create_order' if "
        "the module's decorators are those of cqrsless itself"
    )


def test_a_module_that_registers_nothing_is_an_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("empty.py", "from cqrsless import Registry\nbilling = Registry('billing')\n")
    text = error_of("empty:billing", monkeypatch)
    assert text == "'empty:billing' registers nothing: decorate at least one function in it, or name another module"
    write("shop.py", ORDERS)
    assert error_of("shop", monkeypatch).endswith("It holds a Registry; to use that, set CQRSLESS_APP=shop:orders")


def test_an_import_of_the_entrypoint_at_the_top_of_the_application_says_where_it_belongs(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop.py", "from cqrsless import entrypoint\n" + ORDERS)
    text = error_of("shop", monkeypatch)
    assert "shop is still being imported, and has registered nothing yet: use the handler string" in text


@pytest.mark.parametrize(
    ("toml", "error"),
    [
        ("[tool.cqrsless\n", "pyproject.toml cannot be read to find the application: "),
        ("[tool.cqrsless]\napp = 7\n", "pyproject.toml: app in [tool.cqrsless] has to be a string, as in app ="),
        ("[tool.cqrsless]\napp = 'a/b.py'\n", "pyproject.toml is 'a/b.py': write a module, as in 'billing.app'"),
    ],
)
def test_a_wrong_pyproject_is_an_error_that_names_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch, toml: str, error: str
) -> None:
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    write("pyproject.toml", toml)
    assert error in error_of(None, monkeypatch)


# -- the entrypoint


@pytest.fixture
def orders(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("shop.py", ORDERS)
    monkeypatch.setenv("CQRSLESS_APP", "shop:orders")


@pytest.mark.usefixtures("orders")
def test_one_entrypoint_is_made_for_each_set_of_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = cqrsless.entrypoint
    assert cqrsless.entrypoint is first
    for name, value in (
        ("CQRSLESS_STORE", "memory://other"),
        ("CQRSLESS_METRICS", "emf"),
        ("CQRSLESS_PROCESSOR", "views"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert cqrsless.entrypoint is not first
    assert cqrsless.entrypoint is first
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert cqrsless.entrypoint is not first


@pytest.mark.usefixtures("orders")
def test_an_error_reaches_the_caller_without_the_stack_inside() -> None:
    entrypoint = cqrsless.entrypoint
    with pytest.raises(NotFound) as raised:
        entrypoint({"command": "ShipOrder", "payload": {"order_id": "none"}}, None)
    frames = traceback.extract_tb(raised.value.__traceback__)
    assert [frame.name for frame in frames] == [
        "test_an_error_reaches_the_caller_without_the_stack_inside",
        "entrypoint",
    ]
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


@pytest.mark.usefixtures("orders")
def test_an_error_text_can_be_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise UnknownMessage("no \ud800")

    entrypoint = cqrsless.entrypoint
    monkeypatch.setattr("cqrsless.lambda_runtime.handle", fail)
    with pytest.raises(UnknownMessage) as raised:
        entrypoint({"command": "A"}, None)
    assert str(raised.value) == r"no \ud800"


@pytest.mark.usefixtures("orders")
def test_the_context_may_be_left_out() -> None:
    entrypoint: Any = cqrsless.entrypoint  # Lambda always gives one, so the declared type asks for it
    assert entrypoint({"command": "CreateOrder", "payload": {"order_id": "o-1"}})["version"] == 1


# -- settings


def test_the_store_is_never_memory_in_lambda_unless_told() -> None:
    assert store_url({}) == "memory://"
    assert store_url({"CQRSLESS_STORE": "sqlite:///a.db"}) == "sqlite:///a.db"
    assert store_url({"CQRSLESS_STORE": ""}) == "memory://"
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"):
        assert in_lambda({name: "x"})
        assert store_url({name: "x"}) == store_url({name: "x", "CQRSLESS_STORE": ""}) == "dynamodb://cqrsless"
        assert store_url({name: "x", "CQRSLESS_STORE": "memory://"}) == "memory://"


@pytest.fixture
def in_a_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    root, own = logging.getLogger(), logging.getLogger("cqrsless")
    formatters, level = [(handler, handler.formatter) for handler in root.handlers], own.level
    own.setLevel(logging.NOTSET)
    yield
    for handler, formatter in formatters:
        handler.setFormatter(formatter)
    own.setLevel(level)


@pytest.mark.usefixtures("orders", "in_a_lambda")
def test_memory_in_lambda_is_warned_of(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("CQRSLESS_STORE", "memory://")
    entrypoint_for_environment()
    assert caplog.messages[-1].startswith("the store is memory://: what is committed is seen by this environment alone")


@pytest.mark.usefixtures("orders", "in_a_lambda")
def test_lambdas_log_shows_refusals_unless_a_level_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    own = logging.getLogger("cqrsless")
    for number, (lambdas, before, after) in enumerate(
        [
            ("", logging.NOTSET, logging.INFO),
            ("ERROR", logging.NOTSET, logging.NOTSET),
            ("", logging.ERROR, logging.ERROR),
        ]
    ):
        monkeypatch.setenv("CQRSLESS_STORE", f"memory://level-{number}")
        monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", lambdas)
        own.setLevel(before)
        entrypoint_for_environment()
        assert own.level == after


def test_outside_of_lambda_nobodys_logging_is_touched(orders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    entrypoint_for_environment()
    assert [handler.formatter for handler in logging.getLogger().handlers] == formatters
    assert os.environ.get("AWS_LAMBDA_FUNCTION_NAME") is None
