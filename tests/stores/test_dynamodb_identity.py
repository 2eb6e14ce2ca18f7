"""Tables that belong together, and such as do not: on moto and on a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cqrsless.errors import CqrslessError
from cqrsless.stores import open_store


@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[str]:
    if request.param == "moto":
        request.getfixturevalue("moto_aws")
        yield f"dynamodb://{table_prefix}"
    else:
        yield f"dynamodb://{table_prefix}?endpoint={request.getfixturevalue('ministack_endpoint')}"


def restore(store: Any, table: str) -> None:
    """Do what a restore from a backup leaves behind: a table of the same name, with another id."""
    client, name = store.client, f"{store.prefix}-{table}"
    client.delete_table(TableName=name)
    store.create_tables()


def test_tables_that_were_made_together_may_be_made_again(url: str) -> None:
    store = open_store(url)
    store.create_tables()
    store.create_tables()


def test_a_log_and_views_of_another_events_table_are_refused(url: str) -> None:
    store: Any = open_store(url)
    store.create_tables()
    if "TableId" not in store.client.describe_table(TableName=f"{store.prefix}-events")["Table"]:
        pytest.skip("this engine gives its tables no ids")

    with pytest.raises(
        CqrslessError, match=r"-log was made of another table than today's .*-events: was that restored"
    ):
        restore(store, "events")


def test_an_events_table_alone_gets_a_new_log_and_new_views(url: str) -> None:
    store: Any = open_store(url)
    store.create_tables()
    store.client.delete_table(TableName=f"{store.prefix}-log")
    store.client.delete_table(TableName=f"{store.prefix}-views")

    store.create_tables()
