"""The kinds of aggregate and the embedded stores that the tests here run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqrsless.store import Store
from cqrsless.stores import open_store
from tests.aggregates.around import Around
from tests.aggregates.box import KINDS, KindOfBox


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> KindOfBox:
    found: KindOfBox = request.param
    return found


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Give an embedded store."""
    return open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/boxes.db")


@pytest.fixture
def around(store: Store) -> Around:
    """Give an embedded store with something in front of it."""
    return Around(store)
