"""DynamoDB applies a write and the connection breaks before the answer: below botocore, and over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError

from cqrsless import AlreadyExists, App, Rejected, StoreUnavailable
from cqrsless.store import Store
from cqrsless.stores.dynamodb import DynamoDBStore
from tests.aggregates.around import commits
from tests.aggregates.box import KindOfBox, box, numbers
from tests.engines import Microburst


class Line:
    """What is between botocore and the service. `drops` says of a request whether its answer gets lost."""

    def __init__(self) -> None:
        self.drops: Callable[[str, bytes], bool] = lambda operation, body: False
        self.sent: list[str] = []

    def drop_every_first_answer(self, operation: str) -> None:
        """Lose the answer of each request of one operation once; its repeat is the same, byte by byte."""
        seen: set[bytes] = set()

        def drops(name: str, body: bytes) -> bool:
            first = name == operation and body not in seen
            seen.add(body)
            return first

        self.drops = drops


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()
    get_response = Endpoint._get_response  # type: ignore[attr-defined]  # what botocore itself retries around

    def losing(self: Any, request: Any, operation_model: Any, context: Any) -> Any:
        answer = get_response(self, request, operation_model, context)
        line.sent.append(operation_model.name)
        if line.drops(operation_model.name, request.body):
            return None, ConnectionClosedError(endpoint_url=request.url)
        return answer

    monkeypatch.setattr(Endpoint, "_get_response", losing)
    return line


@pytest.fixture
def moto_store(moto_aws: None, table_prefix: str) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore(table_prefix)
    store.create_tables()
    store._calls.sleep = lambda seconds: None
    yield store
    store.close()


def live(app: App, count: int = 20) -> None:
    """Live through all that a box knows; nothing here may go wrong."""
    results = [app.execute("Open", {"id": "b"}, id="open")]
    for n in range(count):
        results.append(app.execute("Put", {"id": "b", "n": n}, id=f"put-{n}"))
    results.append(app.execute("PutMany", {"id": "b", "ns": [1, 2]}))
    results.append(app.execute("Refuse", {"id": "b"}, on_rejected="Refused"))
    assert [result.version for result in results] == list(range(1, count + 4))
    assert not any(result.duplicate for result in results)
    assert app.execute("Put", {"id": "b", "n": count - 1}, id=f"put-{count - 1}").duplicate
    with pytest.raises(AlreadyExists):
        app.execute("Open", {"id": "b"})
    with pytest.raises(Rejected):
        app.execute("Refuse", {"id": "b"})
    result = app.execute("Close", {"id": "b"})
    assert (result.version, result.duplicate) == (count + 4, False)


def check(store: Store, kind: KindOfBox, count: int = 20) -> None:
    items = commits(store, "Box#b")
    assert [item["c"] for item in items] == list(range(1, count + 5))
    app = App(store, registry=box(kind))
    assert numbers(app.load("Box", "b", count + 3).state) == [0, *range(count), 1, 2]


def test_every_answer_to_a_write_may_get_lost_once(kind: KindOfBox, line: Line, moto_store: DynamoDBStore) -> None:
    line.drop_every_first_answer("PutItem")
    live(App(moto_store, registry=box(kind)))
    assert line.sent.count("PutItem") == 2 * 24
    line.drops = lambda operation, body: False
    check(moto_store, kind)


def test_every_answer_to_a_read_may_get_lost_once(kind: KindOfBox, line: Line, moto_store: DynamoDBStore) -> None:
    line.drop_every_first_answer("Query")
    live(App(moto_store, registry=box(kind)))
    check(moto_store, kind)


def test_a_cold_container_for_each_command_loses_nothing_either(
    kind: KindOfBox, line: Line, moto_store: DynamoDBStore
) -> None:
    line.drop_every_first_answer("PutItem")
    for n in range(10):
        result = App(moto_store, registry=box(kind)).execute("Ensure", {"id": "b", "n": n})
        assert (result.version, result.duplicate, result.cost.requests) == (n + 1, False, 3)
    assert len(commits(moto_store, "Box#b")) == 10


def test_an_answer_that_never_comes_is_an_error_that_a_retry_makes_good(
    kind: KindOfBox, line: Line, moto_store: DynamoDBStore
) -> None:
    app = App(moto_store, registry=box(kind))
    app.execute("Open", {"id": "b"})
    moto_store._calls.patience = -1
    line.drops = lambda operation, body: operation == "PutItem"
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="DynamoDB did not do PutItem on"):
            app.execute("Put", {"id": "b", "n": 1}, id="put-1")
    line.drops = lambda operation, body: False
    for again in (app, App(moto_store, registry=box(kind))):
        result = again.execute("Put", {"id": "b", "n": 1}, id="put-1")
        assert (result.duplicate, result.version) == (True, 2)
    assert numbers(app.load("Box", "b").state) == [0, 1]


@pytest.mark.server
def test_every_answer_to_a_write_may_get_lost_over_http(
    kind: KindOfBox, microburst: Microburst, ministack_endpoint: str, table_prefix: str
) -> None:
    store = DynamoDBStore(table_prefix, endpoint=microburst.endpoint)
    store.create_tables()
    microburst.drop_every_other_answer("PutItem")
    live(App(store, registry=box(kind)))
    microburst.reset()
    check(DynamoDBStore(table_prefix, endpoint=ministack_endpoint), kind)


@pytest.mark.server
def test_many_writers_whose_answers_get_lost_lose_nothing_and_repeat_nothing(
    microburst: Microburst, ministack_endpoint: str, table_prefix: str
) -> None:
    direct = DynamoDBStore(table_prefix, endpoint=ministack_endpoint)
    direct.create_tables()
    microburst.drop_every_other_answer("PutItem")
    errors: list[BaseException] = []

    def put(writer: int) -> None:
        try:
            app = App(DynamoDBStore(table_prefix, endpoint=microburst.endpoint), registry=box("frozen"))
            for n in range(10):
                result = app.execute("Ensure", {"id": "b", "n": writer * 100 + n}, id=f"{writer}-{n}")
                assert not result.duplicate
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [item["c"] for item in commits(direct, "Box#b")] == list(range(1, 41))
    found = numbers(App(direct, registry=box("frozen")).load("Box", "b").state)
    assert sorted(found) == sorted(writer * 100 + n for writer in range(4) for n in range(10))
