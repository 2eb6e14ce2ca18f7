"""Sending: in batches that fit, again where a part was not taken, and in order where a target keeps one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cqrsless import Event
from cqrsless.publishing.cloudevents import Envelope
from cqrsless.publishing.sending import ATTEMPTS, BATCH_BYTES, Batches, NotPublished, Refusal


def envelope(id: str, subject: str = "o-1", size: int = 0) -> Envelope:
    document = {"id": id, "source": "/shop", "type": "Sent", "subject": subject, "data": "x" * size}
    document["causationid"] = f"Order#{subject}@1"
    return Envelope("sqs://q", Event("Sent"), document)


class Target:
    """Notes each request, and refuses what it is told to: an id as often as it stands in `refuses`."""

    label = "sqs://q"

    def __init__(self, *refuses: str, passing: bool = True, ordered: bool = False, broken: bool = False) -> None:
        self.refuses = list(refuses)
        self.passing = passing
        self.ordered = ordered
        self.broken = broken
        self.requests: list[list[str]] = []
        self.took: list[str] = []
        self.sizes: list[int] = []

    def group(self, envelope: Envelope) -> str | None:
        return str(envelope.document["subject"]) if self.ordered else None

    def entry(self, envelope: Envelope, at: int) -> Mapping[str, Any]:
        return {"Id": str(at), "id": envelope.id, "size": len(envelope.body)}

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Refusal]:
        self.requests.append([entry["id"] for entry in entries])
        self.sizes.append(sum(entry["size"] for entry in entries))
        assert [entry["Id"] for entry in entries] == [str(at) for at in range(len(entries))]
        if self.broken:
            raise NotPublished("sqs://q does not exist")
        refused: dict[int, Refusal] = {}
        for at, entry in enumerate(entries):
            if entry["id"] in self.refuses:
                self.refuses.remove(entry["id"])
                refused[at] = Refusal("Throttled: slow down", self.passing)
            else:
                self.took.append(entry["id"])
        return refused


def send(target: Target, envelopes: Sequence[Envelope]) -> list[str | None]:
    outcomes = Batches(target, sleep=lambda seconds: None).send(envelopes)
    return [None if outcome is None else str(outcome) for outcome in outcomes]


def test_ten_go_into_a_request() -> None:
    target = Target()
    assert send(target, [envelope(str(at)) for at in range(23)]) == [None] * 23
    assert [len(request) for request in target.requests] == [10, 10, 3]
    assert target.took == [str(at) for at in range(23)]


def test_a_request_holds_no_more_bytes_than_are_taken() -> None:
    target = Target()
    send(target, [envelope(str(at), size=100_000) for at in range(6)])
    assert [len(request) for request in target.requests] == [2, 2, 2]
    assert max(target.sizes) <= BATCH_BYTES


def test_an_event_larger_than_a_batch_goes_alone() -> None:
    target = Target()
    send(target, [envelope("a"), envelope("b", size=BATCH_BYTES), envelope("c", "o-2")])
    assert target.requests == [["a", "c"], ["b"]]


def test_no_event_overtakes_an_earlier_one_of_its_aggregate_that_did_not_fit() -> None:
    target = Target()
    send(target, [envelope("a"), envelope("b", size=BATCH_BYTES), envelope("c")])
    assert target.requests == [["a"], ["b"], ["c"]]


def test_what_was_not_taken_is_sent_again_alone() -> None:
    target = Target("b", "b", "c")
    assert send(target, [envelope(id) for id in "abcd"]) == [None] * 4
    assert target.requests == [["a", "b", "c", "d"], ["b", "c"], ["b"]]


def test_what_is_never_taken_fails_and_no_other_with_it() -> None:
    target = Target(*["b"] * 99)
    assert send(target, [envelope(id, id) for id in "abc"]) == [
        None,
        f"sqs://q did not take Sent b in {ATTEMPTS} attempts: Throttled: slow down",
        None,
    ]
    assert len(target.requests) == ATTEMPTS


def test_what_is_wrong_in_itself_is_not_sent_again() -> None:
    target = Target("b", passing=False)
    assert send(target, [envelope(id) for id in "ab"]) == [None, "sqs://q did not take Sent b: Throttled: slow down"]
    assert len(target.requests) == 1


def test_a_request_that_fails_as_a_whole_fails_for_all_that_it_held() -> None:
    target = Target(broken=True)
    said = send(target, [envelope(id) for id in "ab"])
    assert all("sqs://q does not exist" in str(one) for one in said)
    assert len(target.requests) == 1  # what may pass, botocore has tried again


def test_the_pauses_grow_and_are_bounded() -> None:
    pauses: list[float] = []
    Batches(Target(*["a"] * 99), sleep=pauses.append).send([envelope("a")])
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= 1 for pause in pauses)


def test_a_target_that_keeps_order_gets_one_event_of_a_group_in_a_request() -> None:
    target = Target(ordered=True)
    send(target, [envelope(f"{group}{at}", group) for at in range(3) for group in "ab"])
    assert target.requests == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]


def test_behind_a_failure_nothing_of_its_group_is_sent() -> None:
    target = Target(*["a1"] * 99, ordered=True)
    said = send(target, [envelope(f"{group}{at}", group) for at in range(3) for group in "ab"])
    assert target.took == ["a0", "b0", "b1", "b2"]
    assert said[4] == "sqs://q did not take an earlier event of Order#a: Sent a2 waits for that"


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90_000)), max_size=30),
    st.booleans(),
    st.lists(st.integers(0, 29), max_size=40),
)
def test_everything_is_sent_once_taken_or_said_and_groups_keep_their_order(
    events: list[tuple[str, int]], ordered: bool, refused: list[int]
) -> None:
    target = Target(*map(str, refused), ordered=ordered)
    envelopes = [envelope(str(at), group, size) for at, (group, size) in enumerate(events)]
    said = send(target, envelopes)
    assert len(set(target.took)) == len(target.took)
    assert {str(at) for at, one in enumerate(said) if one is None} <= set(target.took)
    assert all(len(request) <= 10 for request in target.requests)
    for group in "abc":
        failed = [at for at, one in enumerate(said) if one is not None and events[at][0] == group]
        first = min(failed, default=len(events))
        assert failed == [at for at, (one, _) in enumerate(events) if one == group and at >= first]
        asked = [[int(id) for id in request if events[int(id)][0] == group] for request in target.requests]
        assert max((at for at, ids in enumerate(asked) if first in ids), default=len(asked)) >= max(
            (at for at, ids in enumerate(asked) if any(id > first for id in ids)), default=0
        ), "behind the last attempt at what failed, nothing of its aggregate is sent"
        if ordered:
            mine = [int(id) for id in target.took if events[int(id)][0] == group]
            assert mine == sorted(mine)
            assert all(at < first for at in mine)
