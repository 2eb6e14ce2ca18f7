"""One store per engine, each fresh: the contract runs on all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cqrsless.messages import Cost
from cqrsless.store import KEYS, Delete, Store
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb import DynamoDBStore, make_client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Engine:
    """What can be asked of an engine, beyond the contract that all keep."""

    name: str
    embedded: bool = False
    threads: bool = True
    #: ministack tells 1 read unit whatever the size, moto knows neither.
    read_units: bool = False
    write_units: bool = True


ENDPOINT = os.environ.get("CQRSLESS_TEST_ENDPOINT", "")
ENGINES = [
    pytest.param(Engine("memory", embedded=True, read_units=True), id="memory"),
    pytest.param(Engine("sqlite", embedded=True, read_units=True), id="sqlite"),
    pytest.param(Engine("moto", threads=False, write_units=False), id="moto"),
    pytest.param(Engine("ministack"), id="ministack", marks=pytest.mark.server),
]
if ENDPOINT:
    ENGINES.append(pytest.param(Engine("endpoint"), id="endpoint", marks=pytest.mark.server))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.param
    return engine


@pytest.fixture
def store(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path, table_prefix: str) -> Iterator[Store]:
    if engine.embedded:
        store = open_store("memory://" if engine.name == "memory" else f"sqlite:///{tmp_path}/store.db")
        yield store
        store.close()
        return
    store = DynamoDBStore(table_prefix, client=request.getfixturevalue(f"{engine.name}_client"))
    store.create_tables()
    for table in KEYS:  # the note of which events a table is made of: what comes now is about empty tables
        for note in store.scan(table, Cost()).items:
            store.write([Delete(table, *(note[key] for key in KEYS[table]))], Cost())
    yield store
    if engine.name == "endpoint":
        for table in KEYS:
            store.client.delete_table(TableName=f"{table_prefix}-{table}")
    store.close()


@pytest.fixture(scope="session")
def _moto_client() -> DynamoDBClient:
    """Make a client once, inside a mock: it costs more time than most tests."""
    from moto import mock_aws

    with mock_aws():
        return make_client()


@pytest.fixture
def moto_client(_moto_client: DynamoDBClient, moto_aws: None) -> DynamoDBClient:
    return _moto_client


@pytest.fixture(scope="session")
def ministack_client(ministack_endpoint: str) -> DynamoDBClient:
    return make_client(endpoint=ministack_endpoint)


@pytest.fixture(scope="session")
def endpoint_client() -> DynamoDBClient:
    return make_client(endpoint=ENDPOINT)
