"""The kinds of aggregate and the embedded stores that the tests here run on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cqrsless.store import Store
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb import DynamoDBStore, make_client
from tests.aggregates.around import Around
from tests.aggregates.box import KINDS, KindOfBox
from tests.aggregates.counting import Counted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> KindOfBox:
    found: KindOfBox = request.param
    return found


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give an embedded store."""
    store = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/boxes.db")
    yield store
    store.close()


@pytest.fixture
def around(store: Store) -> Around:
    """Give an embedded store with something in front of it."""
    return Around(store)


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        "moto",
        pytest.param("ministack", marks=pytest.mark.server),
    ]
)
def counted(request: pytest.FixtureRequest, tmp_path: Path, table_prefix: str) -> Iterator[Counted]:
    """Give a store of each engine whose calls are counted."""
    if request.param == "memory":
        inner = open_store("memory://")
    elif request.param == "sqlite":
        inner = open_store(f"sqlite:///{tmp_path}/counted.db")
    else:
        if request.param == "moto":
            request.getfixturevalue("moto_aws")
        endpoint = request.getfixturevalue("ministack_endpoint") if request.param == "ministack" else None
        inner = DynamoDBStore(table_prefix, client=_client(endpoint))
        inner.create_tables()
    made = Counted(inner, exact_units=request.param != "moto")
    yield made
    made.close()
    if request.param == "sqlite":
        inner.close()


@lru_cache
def _client(endpoint: str | None) -> DynamoDBClient:
    """Make a client once: that costs more time than most tests."""
    return make_client(endpoint=endpoint)
