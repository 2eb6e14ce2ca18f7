"""What importing the package loads, what it names, and that its examples hold."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import cqrsless

MODULES = ["cqrsless", *(found.name for found in pkgutil.walk_packages(cqrsless.__path__, "cqrsless."))]

#: The names that an application is written with, and that tell it what went wrong.
PUBLIC = (
    "App", "Client", "Command", "CommandResult", "Cost", "DELETED", "Event", "Gateway", "Message", "Query",
    "RecordedEvent", "Registry", "aggregate", "cancel", "command_handler", "event_handler", "event_type", "evolver",
    "from_command_id", "middleware", "processor", "projector", "publisher", "query_handler", "resource",
    "state_upcaster", "upcaster", "view", "AlreadyExists", "AppLoadError", "CommitTooLarge", "ConcurrencyConflict",
    "CqrslessError", "DuplicateMismatch", "Forbidden", "HandlerFailed", "InvalidReturn", "MalformedMessage",
    "MethodNotAllowed", "NotFound", "RegistrationError", "Rejected", "SerializationFailed", "StoreUnavailable",
    "Unauthenticated", "UnknownEvent", "UnknownMessage", "Unreachable", "ValidationFailed", "VersionMismatch",
)  # fmt: skip

#: Not orjson, which is a millisecond, and used wherever it is installed.
EXTRAS = {"click", "hypothesis", "moto", "opentelemetry", "pytest", "rich", "werkzeug", "yaml"}


def loaded_by(code: str) -> set[str]:
    """Name the modules that a fresh process has loaded after this code, beyond those that it starts with."""
    code = f"import sys; before = {{*sys.modules}}\n{code}\nprint(*sorted({{*sys.modules}} - before))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CQRSLESS", "COV"))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def foreign(modules: set[str]) -> set[str]:
    """Name the packages among modules that are neither Python's own nor this one."""
    return {name.partition(".")[0] for name in modules} - {*sys.stdlib_module_names, "cqrsless"}


def test_importing_the_package_loads_python_alone() -> None:
    loaded = loaded_by("import cqrsless")
    assert foreign(loaded) <= {"typing_extensions"}
    assert not loaded & {"asyncio", "importlib.metadata", "sqlite3", "cqrsless.app", "cqrsless.stores"}


def test_an_application_in_memory_loads_neither_an_engine_nor_an_extra() -> None:
    loaded = loaded_by(
        "import cqrsless\n"
        "shop = cqrsless.Registry('shop')\n"
        "Order = shop.aggregate('Order', id_field='order_id')\n"
        "@shop.command_handler('CreateOrder', aggregate=Order, creation='always')\n"
        "def create_order(command, order):\n"
        "    return {'status': 'placed'}\n"
        "cqrsless.App('memory://', registry=shop).execute('CreateOrder', {'order_id': 'o-1'})\n"
    )
    assert foreign(loaded) <= {"typing_extensions", "orjson"}
    assert not loaded & {"asyncio", "importlib.metadata", "sqlite3"}


def test_opening_a_dynamodb_store_loads_no_resource_layer_and_no_extra() -> None:
    loaded = loaded_by(
        "import cqrsless\ncqrsless.App('dynamodb://orders?region=eu-west-1&endpoint=http://127.0.0.1:9')"
    )
    assert "botocore" in loaded
    assert not [name for name in loaded if name.startswith("boto3.resources")]
    assert not foreign(loaded) & EXTRAS


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported(name: str) -> None:
    assert getattr(cqrsless, name) is not None
    assert name in cqrsless.__all__


@pytest.mark.parametrize("package", [name for name in MODULES if hasattr(importlib.import_module(name), "__path__")])
def test_no_submodule_bears_the_name_of_what_its_package_exports(package: str) -> None:
    module = importlib.import_module(package)
    submodules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    assert not submodules & {
        *getattr(module, "__all__", ()),
        *(("entrypoint", "Client") if package == "cqrsless" else ()),
    }


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)  # a URL such as sqlite:///orders.db stands for a file here
    assert doctest.testmod(module).failed == 0


def test_the_package_is_typed() -> None:
    assert (Path(cqrsless.__file__).parent / "py.typed").is_file()
