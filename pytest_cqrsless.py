"""The pytest plugin of cqrsless: fixtures for tests of an application. pytest finds it by itself.

It stands beside the package because pytest imports it in every run, and importing anything of a package imports the
package. Nothing of cqrsless, boto3 or moto is imported until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cqrsless import App, Registry
    from cqrsless.store import Store
    from cqrsless.testing import Clock
    from cqrsless.testing.looking import Begun

__all__ = [
    "app",
    "cqrsless_application",
    "cqrsless_clock",
    "cqrsless_dynamodb",
    "cqrsless_invoke",
    "cqrsless_resources",
    "cqrsless_store",
    "store",
]

#: The pasts of the running test, and what it acted on by `when`, as `cqrsless.testing` notes; `None` between tests.
stories: list[Begun] | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "cqrsless_app",
        "the application of the fixture `app`: a module, or module:registry (default: CQRSLESS_APP, else app in "
        "[tool.cqrsless] of pyproject.toml, else the module app)",
    )
    parser.addini(
        "cqrsless_store",
        "what the fixtures `app` and `store` are on: memory, sqlite, moto, or endpoint (default: memory)",
        default="memory",
    )
    parser.addini(
        "cqrsless_endpoint",
        "the URL of the DynamoDB API of cqrsless_store = endpoint (default: CQRSLESS_TEST_ENDPOINT)",
    )
    parser.getgroup("cqrsless").addoption(
        "--cqrsless-store",
        metavar="memory|sqlite|moto|endpoint",
        help="what the fixtures `app` and `store` are on, in place of cqrsless_store in the ini file",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "cqrsless(app=None, store=None, resources=None): the application (a Registry, an App, or its name), the store "
        "(memory, sqlite, moto, endpoint) and the resources of the fixture `app` in this test",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that has passed without a look at what came of its stories, or without an end of any."""
    global stories
    outer, stories = stories, []
    try:
        result = yield
        if stories and isinstance(item, pytest.Function):
            from cqrsless.pytest_plugin import check_looked_at

            check_looked_at(stories, item)
        return result
    finally:
        stories = outer


@pytest.fixture
def cqrsless_application(request: pytest.FixtureRequest) -> Registry | App:
    """The application under test. Override it, or name it by the marker, the ini file or CQRSLESS_APP."""
    from cqrsless.pytest_plugin import application

    return application(request)


@pytest.fixture
def cqrsless_resources() -> Mapping[str, Any]:
    """What stands in for the application's resources, by name: override it."""
    return {}


@pytest.fixture
def cqrsless_store(request: pytest.FixtureRequest) -> str:
    """Which store a test is on: memory, sqlite, moto or endpoint. Override it, or parametrize it."""
    from cqrsless.pytest_plugin import store_kind

    return store_kind(request)


@pytest.fixture
def cqrsless_clock() -> Clock:
    """A clock that stands still; the fixture `app` goes by it in a test that asks for both."""
    from cqrsless.testing import Clock

    return Clock()


@pytest.fixture
def cqrsless_dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A DynamoDB store that moto answers for, with its tables, empty."""
    from cqrsless.pytest_plugin import on_moto

    with on_moto(monkeypatch) as store:
        yield store


@pytest.fixture
def store(cqrsless_store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of this test's own, empty: in memory, or what `cqrsless_store` says."""
    from cqrsless.pytest_plugin import opened

    with opened(cqrsless_store, request, tmp_path) as store:
        yield store


@pytest.fixture
def app(
    store: Store,
    cqrsless_application: Registry | App,
    cqrsless_resources: Mapping[str, Any],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> App:
    """The application under test, on the fixture `store`."""
    from cqrsless.pytest_plugin import assembled

    clock = request.getfixturevalue("cqrsless_clock") if "cqrsless_clock" in request.fixturenames else None
    return assembled(cqrsless_application, store, cqrsless_resources, clock, request, monkeypatch)


@pytest.fixture
def cqrsless_invoke(app: App) -> Callable[..., Any]:
    """Call the fixture `app` as Lambda calls `cqrsless.entrypoint`: with an event, as `lambda_events` builds them."""
    from cqrsless.pytest_plugin import invoker

    return invoker(app)
