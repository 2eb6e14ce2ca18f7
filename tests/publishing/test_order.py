"""Order per aggregate where a target refuses a part of a batch: on each service, as their answers tell of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cqrsless import Registry
from cqrsless.publishing.sending import ATTEMPTS
from cqrsless.publishing.targets import Targets
from tests.processors.harness import Bench, registry

from .test_publishers import Container, public

TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders"
TARGETS = {
    "eventbridge": "eventbridge://orders",
    "sns": f"sns://{TOPIC}",
    "sqs": "sqs://https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
    "sns fifo": f"sns://{TOPIC}.fifo",
    "sqs fifo": "sqs://https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo",
}
Public = tuple[str, int]


class Service:
    """EventBridge, SNS and SQS, as far as their answers to a batch go: each refuses what it is told to."""

    def __init__(self) -> None:
        self.refuses: dict[Public, int] = {}
        self.fault = False
        self.requests: list[list[Public]] = []
        self.took: list[Public] = []

    def put_events(self, Entries: list[Mapping[str, Any]]) -> Any:
        refused = self._take([entry["Detail"] for entry in Entries])
        code = "MalformedDetail" if self.fault else "InternalFailure"
        told = [{"ErrorCode": code} if at in refused else {"EventId": "e"} for at in range(len(Entries))]
        return {"FailedEntryCount": len(refused), "Entries": told}

    def publish_batch(self, TopicArn: str, PublishBatchRequestEntries: list[Mapping[str, Any]]) -> Any:
        return self._batch(PublishBatchRequestEntries, "Message")

    def send_message_batch(self, QueueUrl: str, Entries: list[Mapping[str, Any]]) -> Any:
        return self._batch(Entries, "MessageBody")

    def _batch(self, entries: list[Mapping[str, Any]], body: str) -> Any:
        refused = self._take([entry[body] for entry in entries])
        failed = [{"Id": entries[at]["Id"], "Code": "Internal", "SenderFault": self.fault} for at in refused]
        return {"Failed": failed}

    def _take(self, bodies: list[str]) -> list[int]:
        found = [json.loads(body) for body in bodies]
        events = [(one["subject"], one["data"]["version"]) for one in found]
        self.requests.append(events)
        refused = [at for at, event in enumerate(events) if self.refuses.get(event, 0) > 0]
        for at, event in enumerate(events):
            if at in refused:
                self.refuses[event] -= 1
            else:
                self.took.append(event)
        return refused


class Shop(Bench):
    """A bench whose publisher's target keeps order, or not."""

    def __init__(self, made: Registry, *, ordered: bool) -> None:
        super().__init__(made)
        self.ordered = ordered


@pytest.fixture(params=list(TARGETS))
def bench(request: pytest.FixtureRequest) -> Shop:
    made = registry()
    made.publisher("Placed", to=TARGETS[request.param])(public)
    return Shop(made, ordered="fifo" in request.param)


def container(bench: Shop, service: Service) -> Container:
    return Container(bench, Targets(lambda name, region: service, sleep=lambda seconds: None))


def commits(bench: Shop, count: int) -> list[Any]:
    return [bench.commit(f"Order#{name}", "Placed") for _ in range(count) for name in "ab"]


@pytest.mark.parametrize("fault", [False, True])
def test_behind_a_refused_event_nothing_of_its_aggregate_counts_as_sent_or_is_sent(bench: Shop, fault: bool) -> None:
    items, service = commits(bench, 8), Service()
    service.refuses, service.fault = {("a", 2): ATTEMPTS}, fault
    sender = container(bench, service)
    assert sender.batch(*items) == [f"Order#a@{n}" for n in range(2, 9)], "they come again, the refused one first"
    refused = max(at for at, request in enumerate(service.requests) if ("a", 2) in request)
    behind = [event for request in service.requests[refused + 1 :] for event in request if event[0] == "a"]
    assert behind == []
    assert [n for name, n in service.took if name == "b"] == list(range(1, 9)), "other aggregates go on"
    if bench.ordered:
        assert [n for name, n in service.took if name == "a"] == [1]

    service.refuses.clear()
    service.took.clear()
    assert sender.batch(*(item for item in items if item["pk"] == "Order#a" and item["c"] > 1)) == []
    assert service.took == [("a", n) for n in range(2, 9)], "all of them again, in order"


def test_what_may_yet_be_taken_is_not_tried_behind_what_never_will_be(bench: Shop) -> None:
    items, service = commits(bench, 3), Service()
    service.refuses, service.fault = {("a", 1): 9, ("a", 2): 9}, True
    assert container(bench, service).batch(*items) == ["Order#a@1", "Order#a@2", "Order#a@3"]
    assert sum(("a", 2) in request for request in service.requests) <= 1


def test_parked_by_what_is_refused_an_aggregate_sends_nothing_until_its_retry(bench: Shop) -> None:
    items, service = commits(bench, 4), Service()
    service.refuses = {("a", 2): 1000}
    sender = container(bench, service)
    sender.deliver(*items)
    (letter,) = sender.letters.list("publisher")
    assert (letter.key, letter.commit, letter.seen) == ("Order#a", 2, 4)
    before = len(service.requests)
    assert sender.batch(bench.commit("Order#a", "Placed")) == []
    assert len(service.requests) == before
    service.refuses.clear()
    service.took.clear()
    assert sender.letters.retry("publisher") == []
    assert service.took == [("a", n) for n in range(2, 6)]


def test_without_a_refusal_ten_go_into_a_request(bench: Shop) -> None:
    items, service = commits(bench, 8), Service()
    assert container(bench, service).batch(*items) == []
    assert len(service.requests) == (8 if bench.ordered else 2)
