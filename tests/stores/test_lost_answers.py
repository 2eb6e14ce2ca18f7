"""Writes that were applied and whose answers were lost: over HTTP through microburst, and below botocore on moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cqrsless.errors import StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.store import ConditionFailed, Delete, Item, Put
from cqrsless.stores.dynamodb import DynamoDBStore, make_client
from tests.engines import Microburst, lose_every_other_answer

server = pytest.mark.server


def commit(number: int) -> Item:
    return {"pk": "Order#o-1", "c": number, "by": f"writer/{number}"}


def append(store: DynamoDBStore, item: Item) -> Cost:
    """Put as the layer above does: what stands in the way may be what this very call has put."""
    cost = Cost()
    try:
        store.put("events", item, cost, condition="absent")
    except ConditionFailed as failed:
        assert failed.item == item
    return cost


def written(store: DynamoDBStore) -> list[int]:
    return [item["c"] for item in store.query("events", "Order#o-1", Cost()).items]


@pytest.fixture
def lossy(microburst: Microburst, ministack_endpoint: str, table_prefix: str) -> Iterator[DynamoDBStore]:
    direct = DynamoDBStore(table_prefix, endpoint=ministack_endpoint)
    direct.create_tables()
    direct.close()
    store = DynamoDBStore(table_prefix, endpoint=microburst.endpoint)
    yield store
    store.close()


@server
def test_every_answer_lost_once_makes_no_error_and_no_second_item(lossy: DynamoDBStore, microburst: Microburst) -> None:
    microburst.drop_every_other_answer("PutItem")
    for number in range(1, 51):  # botocore's own quota ends after some 35
        assert append(lossy, commit(number)).requests == 2
    assert written(lossy) == list(range(1, 51))


def test_every_answer_lost_once_below_botocore(moto_aws: None, table_prefix: str) -> None:
    client = make_client()
    store = DynamoDBStore(table_prefix, client=client)
    store.create_tables()
    lose_every_other_answer(client, "PutItem")
    for number in range(1, 51):
        assert append(store, commit(number)).requests == 2
    assert written(store) == list(range(1, 51))


@server
def test_several_answers_lost_in_a_row(lossy: DynamoDBStore, microburst: Microburst) -> None:
    microburst.drop_answers("PutItem", times=4)
    assert append(lossy, commit(1)).requests == 5
    assert written(lossy) == [1]


@server
def test_a_transaction_is_applied_once_whatever_is_lost(lossy: DynamoDBStore, microburst: Microburst) -> None:
    lossy.put("events", commit(9), Cost())
    microburst.drop_answers("TransactWriteItems", times=2)
    cost = Cost()
    lossy.write([Put("events", commit(1), "absent"), Delete("events", "Order#o-1", 9)], cost)
    assert (cost.requests, cost.write_units) == (3, 4)
    assert written(lossy) == [1]


@server
def test_a_read_whose_answer_was_lost_is_read_again(lossy: DynamoDBStore, microburst: Microburst) -> None:
    append(lossy, commit(1))
    for operation in ("GetItem", "Query", "Scan"):
        microburst.drop_answers(operation)
    cost = Cost()
    assert lossy.get("events", "Order#o-1", 1, cost) == commit(1)
    assert lossy.query("events", "Order#o-1", cost).items == [commit(1)]
    assert lossy.scan("events", cost).items == [commit(1)]
    assert cost.requests == 6


@server
@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_throttling_and_failures_of_the_server_are_waited_for(
    lossy: DynamoDBStore, microburst: Microburst, code: str
) -> None:
    microburst.refuse("PutItem", code, times=2)
    assert append(lossy, commit(1)).requests == 3
    assert written(lossy) == [1]


@server
def test_answers_lost_for_longer_than_patience_make_the_store_unavailable(
    microburst: Microburst, lossy: DynamoDBStore
) -> None:
    store = DynamoDBStore(lossy.prefix, client=lossy.client, patience=0.2)
    microburst.drop_answers("PutItem", times=1000)
    with pytest.raises(
        StoreUnavailable, match=r"DynamoDB did not do PutItem on .*-events in \d+ attempts over 0\.[012] "
    ):
        append(store, commit(1))
    microburst.reset()
    assert written(lossy) == [1]
