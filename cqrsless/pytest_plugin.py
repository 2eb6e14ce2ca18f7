"""What is behind the fixtures of `pytest_cqrsless`: finding the application, opening stores, saying what is wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import uuid4

import pytest

from .app import App
from .driver import LambdaContext
from .errors import CqrslessError
from .loading import Setting, load, setting
from .registry import Registry, did_you_mean
from .sources import handle
from .store import KEYS, Store
from .stores import open_store

if TYPE_CHECKING:
    from .stores.dynamodb import DynamoDBStore
    from .testing.looking import Begun

__all__ = ["application", "assembled", "check_looked_at", "invoker", "on_moto", "opened", "store_kind"]

#: What `cqrsless_store` may say.
KINDS: Final = ("memory", "sqlite", "moto", "endpoint")
#: Settings of a deployed function, which would make another application of the one under test.
_DEPLOYED: Final = ("CQRSLESS_PROCESSOR", "CQRSLESS_FANOUT", "CQRSLESS_METRICS", "CQRSLESS_SOURCE")
_ENDPOINT: Final = "CQRSLESS_TEST_ENDPOINT"
_REGION: Final = "eu-west-1"


def application(request: pytest.FixtureRequest) -> Registry | App:
    """Give the application that the marker, the ini file, the environment or pyproject.toml names."""
    marked = _marked(request, "app")
    if marked is not None and not isinstance(marked, (str, Registry, App)):
        _fail(f"@pytest.mark.cqrsless(app={marked!r}) is no application: give a Registry, an App, or its name")
    if isinstance(marked, (Registry, App)):
        return marked
    config = request.config
    root = str(config.rootpath)
    if root not in sys.path:
        sys.path.insert(0, root)  # as Lambda has the folder of the function on it
    named: str = config.getini("cqrsless_app")
    which = setting(os.environ, config.rootpath)
    if marked is not None:
        which = Setting(marked, f"@pytest.mark.cqrsless(app={marked!r})")
    elif named:
        which = Setting(named, f"cqrsless_app of {config.inipath}")
    try:
        return load(which)
    except CqrslessError as error:
        why = str(error)
    # Out of the handler, so that pytest tells it once, and not again as what it was raised in the midst of.
    _fail(
        f"the application under test cannot be loaded: {why}\n"
        "Name it in pytest's ini file (cqrsless_app = billing.app:billing), by "
        "@pytest.mark.cqrsless(app=...), or override the fixture cqrsless_application."
    )


def store_kind(request: pytest.FixtureRequest) -> str:
    """Say which store a test is on: by the marker, the command line, or the ini file."""
    config = request.config
    kind: str = _marked(request, "store") or config.getoption("--cqrsless-store") or config.getini("cqrsless_store")
    return kind


@contextmanager
def opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> Generator[Store, None, None]:
    """Open a store of one test's own, with its tables; whatever it leaves outside of this process is removed."""
    if kind == "moto":
        yield request.getfixturevalue("cqrsless_dynamodb")
    elif kind == "endpoint":
        with _at_endpoint(request.config) as store:
            yield store
    elif kind in ("memory", "sqlite"):
        store = open_store("memory://" if kind == "memory" else f"sqlite:///{(folder / 'cqrsless.db').as_posix()}")
        store.create_tables()
        try:
            yield store
        finally:
            store.close()
    else:
        hint = did_you_mean(str(kind), KINDS)
        _fail(f"the fixture store cannot be {kind!r}{hint}; cqrsless_store is one of {', '.join(KINDS)}")


@contextmanager
def on_moto(monkeypatch: pytest.MonkeyPatch) -> Generator[Store, None, None]:
    """Give a DynamoDB store inside moto's mock, which ends with it."""
    try:
        from moto import mock_aws
    except ImportError:
        _fail("the fixture cqrsless_dynamodb needs moto: pip install 'moto[dynamodb]', or 'cqrsless[dev]'")
    from .stores.dynamodb import DynamoDBStore

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)  # they lead past moto
    monkeypatch.setenv("AWS_DEFAULT_REGION", _REGION)
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto answers 404 to DescribeStream otherwise
    with mock_aws():
        store = DynamoDBStore("cqrsless", region=_REGION)
        store.create_tables()
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _at_endpoint(config: pytest.Config) -> Generator[Store, None, None]:
    endpoint = config.getini("cqrsless_endpoint") or os.environ.get(_ENDPOINT)
    if not endpoint:
        _fail(
            f"the store 'endpoint' needs the URL of a DynamoDB API: set {_ENDPOINT}=http://127.0.0.1:8000, or "
            "cqrsless_endpoint in pytest's ini file"
        )
    from .stores.dynamodb import DynamoDBStore

    # Tests that run at the same time, here or elsewhere, have tables of their own.
    store = DynamoDBStore(f"test-{uuid4().hex[:12]}", region=os.environ.get("AWS_REGION"), endpoint=endpoint)
    try:
        store.create_tables()
        yield store
    finally:
        _delete_tables(store)
        store.close()


def _delete_tables(store: DynamoDBStore) -> None:
    for table in KEYS:
        try:
            store.client.delete_table(TableName=f"{store.prefix}-{table}")
        except store.client.exceptions.ResourceNotFoundException:
            continue  # creating them failed, which has been told


def assembled(
    found: Registry | App,
    store: Store,
    resources: Mapping[str, Any],
    clock: Callable[[], Any] | None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> App:
    """Put the application under test on a store."""
    for name in _DEPLOYED:
        monkeypatch.delenv(name, raising=False)
    given = {**resources, **(_marked(request, "resources") or {})}
    if isinstance(found, App):
        app = found.on(store, resources=given, clock=clock)
    else:
        app = App(store, registry=found, resources=given, clock=clock)
    app.create_tables()  # and its processors start now
    return app


def invoker(app: App) -> Callable[..., Any]:
    """Make the function that calls an application as Lambda calls the entrypoint."""

    def invoke(event: Any, context: Any = None) -> Any:
        return handle(event, context or LambdaContext("test", str(uuid4())), app)

    return invoke


def check_looked_at(stories: Sequence[Begun], item: pytest.Function) -> None:
    """Fail a test that has acted on stories, by `when`, and never looked at what came of them, or that has only pasts.

    A past that nothing happens to, beside others, may be one that the test had to choose from: it is warned of.
    """
    __tracebackhide__ = True  # where warnings are errors, the text is enough
    # hypothesis leaves an example in its midst (`assume`), and a failed subtest the rest of it: there the line counts.
    by_line = getattr(item.obj, "is_hypothesis_test", False) or "subtests" in item.fixturenames
    seen = {(one.file, one.line, one.call) for one in stories if one.looked_at and (by_line or one.call == "given")}
    left = [one for one in stories if not one.looked_at and (one.file, one.line, one.call) not in seen]
    acted_on = [one for one in left if one.call == "when"]
    if acted_on:
        _fail(
            f"{_places(acted_on, item)}\nNobody looked at what came of this, so the test checks nothing of it. End it "
            "with a check, as in .when(...).then(...) or .then_rejected(), or read what came of it, as in "
            ".when(...).events"
        )
    if left:
        told = (
            f"{_places(left, item)}\nNothing happens to this past, so the test checks nothing of it. Go on from it, as "
            "in given(...).when(...).then(...), or remove it"
        )
        if len(left) == len(stories):
            _fail(told)
        item.warn(pytest.PytestWarning(told))


def _places(found: Sequence[Begun], item: pytest.Function) -> str:
    root = item.config.rootpath
    return "\n".join(dict.fromkeys(f"{_shown(Path(one.file), root)}:{one.line}: {one}" for one in found))


def _shown(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else file


def _marked(request: pytest.FixtureRequest, name: str) -> Any:
    """Give what the closest marker says; raise for a word that none of them knows."""
    for marker in request.node.iter_markers("cqrsless"):
        unknown = marker.kwargs.keys() - {"app", "store", "resources"}
        if marker.args or unknown:
            what = ", ".join(map(repr, (*marker.args, *sorted(unknown))))
            _fail(f"@pytest.mark.cqrsless takes app=, store= and resources=, and not {what}")
        if marker.kwargs.get(name) is not None:
            return marker.kwargs[name]
    return None


def _fail(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)
