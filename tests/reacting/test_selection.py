"""What `CQRSLESS_PROCESSOR` may say: a name of the application's own, or one that is reserved in every application."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import App, AppLoadError, Event, Registry
from cqrsless.messages import Cost
from cqrsless.sources import handle

from .test_broken_records import image_of, record


@pytest.fixture
def bare() -> Registry:
    """An application with commands, and nothing that reacts to what they commit."""
    bare = Registry("bare")
    Order = bare.aggregate("Order", id_field="order_id")

    @bare.command_handler("CreateOrder", aggregate=Order, creation="always")
    def create(command: Any, order: Any) -> Any:
        return {}, Event("OrderCreated", command)

    return bare


@pytest.mark.parametrize("processor", ["views", "publisher", "default", "indexer"])
def test_a_reserved_name_is_accepted_in_every_application(
    bare: Registry, processor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQRSLESS_PROCESSOR", processor)
    app = App("memory://", registry=bare)
    app.execute("CreateOrder", {"order_id": "a1"})
    assert handle({"Records": [record("1", image_of(app, "a1", 1))]}, None, app) == {"batchItemFailures": []}
    assert app.store.scan("views", Cost()).items == []


def test_another_name_that_nobody_has_is_an_error(bare: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQRSLESS_PROCESSOR", "publishers")
    app = App("memory://", registry=bare)
    app.execute("CreateOrder", {"order_id": "a1"})
    with pytest.raises(AppLoadError, match="CQRSLESS_PROCESSOR is 'publishers', which no processor or view is called"):
        handle({"Records": [record("1", image_of(app, "a1", 1))]}, None, app)
