"""A shop behind servers, and clients of it that do not sleep."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cqrsless import App, Client
from tests.remote.servers import Server, function_url, in_process, invoke_api
from tests.sources.shop import NOON, OutOfStock, registry


@pytest.fixture
def app() -> App:
    return App("memory://", registry=registry(), clock=lambda: NOON)


@pytest.fixture
def function(app: App) -> Iterator[Server]:
    with invoke_api(in_process(app)) as server:
        yield server


@pytest.fixture
def api(app: App) -> Iterator[Server]:
    with function_url(in_process(app)) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def by_invoke(function: Server, pauses: list[float]) -> Client:
    return Client(
        f"lambda://orders?region=eu-west-1&endpoint={function.url}", errors=[OutOfStock], sleep=pauses.append, timeout=5
    )


@pytest.fixture
def by_http(api: Server, pauses: list[float]) -> Client:
    return Client(api.url, routes=registry(), errors=[OutOfStock], sleep=pauses.append, timeout=5)
