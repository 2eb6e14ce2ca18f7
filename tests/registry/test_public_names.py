from __future__ import annotations

import os
import subprocess
import sys
import types
from typing import Any

import pytest

import cqrsless
from cqrsless import AppLoadError

DECORATORS = (
    "aggregate",
    "command_handler",
    "deployment",
    "event_handler",
    "event_type",
    "evolver",
    "middleware",
    "processor",
    "projector",
    "publisher",
    "query_handler",
    "resource",
    "state_upcaster",
    "upcaster",
    "view",
)


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", DECORATORS)
def test_the_decorators_at_the_top_are_those_of_the_default_registry(name: str) -> None:
    from cqrsless.registry import DEFAULT

    assert getattr(cqrsless, name) == getattr(DEFAULT, name)
    assert name in cqrsless.__all__
    assert DEFAULT.name == "default"


def test_every_public_name_is_there_and_listed() -> None:
    for name in cqrsless.__all__:
        assert getattr(cqrsless, name) is not None
    assert set(cqrsless.__all__) <= set(dir(cqrsless))
    assert sorted(cqrsless.__all__) == sorted(set(cqrsless.__all__))


def test_no_submodule_bears_the_name_of_a_public_attribute() -> None:
    from pathlib import Path

    modules = {path.stem for path in Path(cqrsless.__file__).parent.iterdir()}
    assert not modules & {*cqrsless.__all__, "entrypoint", "App", "Client"}


def test_importing_it_imports_nothing_heavy() -> None:
    loaded = python("import sys, cqrsless; print(*sys.modules)").split()
    heavy = {"boto3", "botocore", "marshmallow", "asyncio", "importlib.metadata", "difflib", "sqlite3", "cqrsless.app"}
    assert not heavy & set(loaded)


def test_star_import_does_not_load_the_application() -> None:
    assert python("from cqrsless import *; print(App.__name__, Registry('a').name)", CQRSLESS_APP="no.such") == "App a"


def test_the_application_object_is_imported_when_it_is_asked_for() -> None:
    from cqrsless.app import App

    assert cqrsless.App is App


def test_there_is_no_other_attribute() -> None:
    missing: Any = cqrsless
    with pytest.raises(AttributeError, match="module 'cqrsless' has no attribute 'comand_handler'"):
        _ = missing.comand_handler


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A stand-in for what is behind the entrypoint."""
    stand_in = types.ModuleType("cqrsless.lambda_runtime")
    monkeypatch.setitem(sys.modules, "cqrsless.lambda_runtime", stand_in)
    return stand_in


def test_the_entrypoint_follows_the_environment_and_is_not_kept(runtime: Any) -> None:
    made = iter(["first", "second"])
    runtime.entrypoint_for_environment = lambda: next(made)
    assert cqrsless.entrypoint == "first"
    assert cqrsless.entrypoint == "second"
    assert "entrypoint" not in vars(cqrsless)


def test_an_attribute_error_in_the_users_module_is_not_a_missing_handler(runtime: Any) -> None:
    def load() -> Any:
        return types.SimpleNamespace().app

    runtime.entrypoint_for_environment = load
    with pytest.raises(AppLoadError, match=r"AttributeError: .*has no attribute 'app'") as caught:
        _ = cqrsless.entrypoint
    assert isinstance(caught.value.__cause__, AttributeError)


def test_other_errors_in_the_users_module_come_as_they_are(runtime: Any) -> None:
    def load() -> Any:
        raise AppLoadError("no module named orders")

    runtime.entrypoint_for_environment = load
    with pytest.raises(AppLoadError, match=r"^no module named orders$"):
        _ = cqrsless.entrypoint
