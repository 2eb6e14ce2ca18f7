"""Tables that belong together, and such as do not: on moto and on a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cqrsless import App, Event, Registry
from cqrsless.delivery.batches import Delivery
from cqrsless.errors import CqrslessError
from cqrsless.messages import Cost
from cqrsless.stores import open_store
from cqrsless.stores.dynamodb_calls import Refused
from cqrsless.stores.dynamodb_tables import create_tables


@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[str]:
    if request.param == "moto":
        request.getfixturevalue("moto_aws")
        yield f"dynamodb://{table_prefix}"
    else:
        yield f"dynamodb://{table_prefix}?endpoint={request.getfixturevalue('ministack_endpoint')}"


@pytest.fixture
def store(url: str) -> Any:
    store: Any = open_store(url)
    store.create_tables()
    if "TableId" not in store.client.describe_table(TableName=f"{store.prefix}-events")["Table"]:
        pytest.skip("this engine gives its tables no ids")
    return store


def restore(store: Any, table: str) -> None:
    """Do what a restore from a backup leaves behind: a table of the same name, with another id."""
    name = f"{store.prefix}-{table}"
    store.client.delete_table(TableName=name)
    create_tables(store._calls, store.prefix)


def shop() -> Registry:
    made = Registry("shop")
    Order = made.aggregate("Order", id_field="order_id")
    made.command_handler("Place", aggregate=Order, creation="if_missing")(
        lambda command, order: ({"n": 1}, Event("Placed", command))
    )
    view = made.view("Orders", key="order_id")
    made.projector("Placed", view=view)(lambda row, event: event)
    made.query_handler("Read")(lambda query, *, views: views.get(view, query["order_id"]))
    made.processor("audit", mode="tracking", start="beginning")
    made.event_handler("Placed", processor="audit")(lambda event: None)
    return made


def calls_of(store: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each call that is made, as operation and table."""
    made: list[str] = []
    call = store._calls.call

    def noting(operation: str, params: Any, *given: Any, **options: Any) -> Any:
        made.append(f"{operation} {params.get('TableName', '').rpartition('-')[2]} {params.get('Key', '')}".strip())
        return call(operation, params, *given, **options)

    monkeypatch.setattr(store._calls, "call", noting)
    return made


def first(store: Any) -> list[Delivery]:
    return [Delivery("1", store.get("events", "Order#o-1", 1, Cost()))]


def test_tables_that_were_made_together_may_be_made_again(url: str) -> None:
    store = open_store(url)
    store.create_tables()
    store.create_tables()


def test_a_log_and_views_of_another_events_table_are_refused(store: Any) -> None:
    restore(store, "events")
    mixed = r"-log was made of another table than today's .*-events: was that restored"
    with pytest.raises(CqrslessError, match=mixed):
        open_store(store.url).create_tables()
    assert [bool(told) for told in open_store(store.url).check_tables().values()] == [False, True, True]  # type: ignore[attr-defined]


ACTS: dict[str, Callable[[App], Any]] = {
    "views": lambda app: app.consume(first(app.store)),
    "a retry": lambda app: app.letters.retry("Orders"),
    "a list of letters": lambda app: app.letters.list("Orders"),
    "a replay": lambda app: app.replay("Orders"),
    "a replay in slices": lambda app: app.answer_replay("Orders", None),
    "a dead letter": lambda app: app.park_given_up(first(app.store), "timed out"),
    "a rebuild": lambda app: app.rebuild(),
    "a restore": lambda app: app.restore(),
}


@pytest.mark.parametrize("act", ACTS)
def test_whoever_begins_to_work_with_a_mixture_is_refused(store: Any, act: str) -> None:
    restore(store, "events")
    app = App(open_store(store.url), registry=shop())
    app.execute("Place", {"order_id": "o-1"})
    with pytest.raises(CqrslessError, match=r"was made of another table than today's"):
        ACTS[act](app)
    kept = [item["pk"] for table in ("log", "views") for item in store.scan(table, Cost()).items]
    assert sorted(kept) == ["e#", "events"], "nothing else was written"


@pytest.mark.parametrize("table", ["log", "views"])
def test_an_indexer_and_a_tracking_processor_are_refused_too(
    store: Any, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(store, "events")
    monkeypatch.setenv("CQRSLESS_PROCESSOR", "indexer" if table == "log" else "audit")
    app = App(open_store(store.url), registry=shop())
    app.execute("Place", {"order_id": "o-1"})
    if table == "log":
        with pytest.raises(CqrslessError, match="-log was made of another table"):
            app.consume(first(store))
    else:
        assert app.wake([Delivery("page", {})]) == ["page"], "it comes again, until somebody has seen to it"


def test_it_is_looked_at_once_in_a_process_and_never_for_a_command_or_a_query(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(open_store(store.url), registry=shop())
    calls = calls_of(app.store, monkeypatch)
    for _ in range(2):
        app.execute("Place", {"order_id": "o-1"})
        app.ask("Read", {"order_id": "o-1"})
    assert [call for call in calls if "Describe" in call or "e#" in call] == []
    for _ in range(3):
        app.consume(first(app.store))
        app.letters.list("Orders")
    asked = [call for call in calls if "Describe" in call or "e#" in call or "'events'" in call]
    assert asked == [
        "DescribeTable events",
        "GetItem views {'pk': {'S': 'e#'}, 'sk': {'S': '-'}}",
        "GetItem log {'pk': {'S': 'events'}, 'n': {'N': '0'}}",
    ]


def test_tables_that_a_template_made_are_marked_by_the_first_function_that_works_with_them(url: str) -> None:
    store: Any = open_store(url)
    create_tables(store._calls, store.prefix)
    App(store, registry=shop()).letters.list("Orders")
    noted = store.get("views", "e#", "-", Cost())
    described = store.client.describe_table(TableName=f"{store.prefix}-events")["Table"]
    assert (noted or {}).get("of") == described.get("TableId")


def test_a_function_that_may_not_look_says_so_once_and_goes_on(
    store: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(open_store(store.url), registry=shop())
    call = app.store._calls.call  # type: ignore[attr-defined]

    def refusing(operation: str, *given: Any, **options: Any) -> Any:
        if operation == "DescribeTable":
            raise Refused("AccessDeniedException", {})
        return call(operation, *given, **options)

    monkeypatch.setattr(app.store._calls, "call", refusing)  # type: ignore[attr-defined]
    app.execute("Place", {"order_id": "o-1"})
    for _ in range(2):
        assert app.consume(first(app.store)) == []
    told = [record.getMessage() for record in caplog.records if "cannot be told" in record.getMessage()]
    assert len(told) == 2, "of the views and of the log"
    assert all("Allow this function dynamodb:DescribeTable" in text for text in told)


def test_an_events_table_alone_gets_a_new_log_and_new_views(url: str) -> None:
    store: Any = open_store(url)
    store.create_tables()
    store.client.delete_table(TableName=f"{store.prefix}-log")
    store.client.delete_table(TableName=f"{store.prefix}-views")

    store.create_tables()
