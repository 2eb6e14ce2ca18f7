"""`cqrsless tables`: create what a store needs, or check it."""

from __future__ import annotations

from collections.abc import Mapping

import click

from ..compiled import is_embedded
from ..store import KEYS, Store
from .exits import Failure
from .options import Call, common_options
from .terminal import Column

__all__ = ["command"]


@click.group()
def command() -> None:
    """Create the store's tables, or check them."""


@command.command()
@common_options
def create(call: Call) -> None:
    """Create what is missing, and note from when processors start.

    In production the deployed template makes the tables; this is for a development account, or an engine that stands in
    for DynamoDB. Tables that are there already are checked, and stay as they are.
    """
    app = call.application()
    app.create_tables()
    _tell(call, app.store, _checked(app.store))


@command.command()
@common_options
def check(call: Call) -> None:
    """Check that the tables are there and have the right keys and streams; change nothing.

    It ends with 1 where something is wrong.
    """
    store = call.application().store
    problems = _checked(store)
    _tell(call, store, problems)
    if any(problems.values()):
        raise Failure(f"{store.url} is not fit for use; cqrsless tables create makes what is missing")


def _checked(store: Store) -> Mapping[str, str]:
    if is_embedded(store):
        return dict.fromkeys(KEYS, "")  # it was checked, and made, as it was opened
    from ..stores.dynamodb import DynamoDBStore

    assert isinstance(store, DynamoDBStore)
    return store.check_tables()


def _tell(call: Call, store: Store, problems: Mapping[str, str]) -> None:
    call.terminal.rows(
        (Column("TABLE", "table", "bold"), Column("STATE", "state", wide=1)),
        ({"table": name, "state": problem or "ok", "ok": not problem} for name, problem in problems.items()),
    )
    call.terminal.note(store.url)
