"""What the tests of views share."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Registry
from tests.projections.harness import registry, summary


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def shop() -> Registry:
    made = registry()
    summary(made)
    return made
