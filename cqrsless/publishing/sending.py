"""Sending public events: in batches that fit, and again where a part of one was not taken.

All three services answer 200 to a batch of which they took a part, and say entry by entry what they did not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ..clock import jitter
from ..errors import CqrslessError
from .cloudevents import Envelope

__all__ = ["BATCH_BYTES", "BATCH_ENTRIES", "Batches", "NotPublished", "Refusal", "Sender", "Service"]

#: PutEvents, PublishBatch and SendMessageBatch take 10 entries.
BATCH_ENTRIES: Final = 10
#: SNS takes 256 KB in all; EventBridge and SQS took no more until 2025, and some regions may not yet. One entry that
#: is larger goes alone, and the service says whether it takes it.
BATCH_BYTES: Final = 256 * 1024
#: How often an entry is sent before its commit fails; and the pauses between, in seconds.
ATTEMPTS: Final = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class NotPublished(CqrslessError):
    """A public event was not taken by its target."""

    status = 503


class Sender(Protocol):
    """Whoever public events are given to."""

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        """Send, and give for each why it was not taken, or `None`."""
        ...


class Refusal(NamedTuple):
    """Why one entry of a batch was not taken, and whether the same one may be taken a moment later."""

    why: str
    passing: bool


class Service(Protocol):
    """One target of one service."""

    @property
    def label(self) -> str: ...
    def group(self, envelope: Envelope) -> str | None:
        """Give the message group, where the target keeps the order of each group."""
        ...

    def entry(self, envelope: Envelope, at: int) -> Mapping[str, Any]: ...
    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Refusal]:
        """Send a batch, and say which of its entries were not taken."""
        ...


class Batches:
    """Sends to one target, the events of each aggregate in their order, and none behind one that was not taken.

    A target that keeps order gets one event of a group in a request. Any other may take a later event of the request
    in which it refuses an earlier one: the later one counts as not taken, and is sent again behind that.
    """

    def __init__(self, service: Service, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._service = service
        self._sleep = sleep

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        outcomes: list[Exception | None] = [None] * len(envelopes)
        stuck: set[str] = set()
        waiting = list(range(len(envelopes)))
        while waiting:
            batch, waiting = self._next(envelopes, waiting)
            going = [at for at in batch if envelopes[at].aggregate not in stuck]
            for at, error in self._deliver(envelopes, going).items():
                outcomes[at] = error
            for at in batch:
                aggregate = envelopes[at].aggregate
                if aggregate in stuck and outcomes[at] is None:
                    text = f"{self._service.label} did not take an earlier event of {aggregate}"
                    outcomes[at] = NotPublished(f"{text}: {envelopes[at].event.name} {envelopes[at].id} waits for that")
                elif outcomes[at] is not None:
                    stuck.add(aggregate)
        return outcomes

    def _next(self, envelopes: Sequence[Envelope], waiting: list[int]) -> tuple[list[int], list[int]]:
        """Take as many as fit into one request, in order; behind one that is left, no other of its aggregate."""
        batch: list[int] = []
        left: list[int] = []
        groups: set[str] = set()
        held: set[str] = set()
        size = 0
        for at in waiting:
            envelope = envelopes[at]
            group = self._service.group(envelope)
            takes = _size(envelope)
            full = len(batch) == BATCH_ENTRIES or (batch and size + takes > BATCH_BYTES)
            if full or envelope.aggregate in held or (group is not None and group in groups):
                left.append(at)
                held.add(envelope.aggregate)
            else:
                batch.append(at)
                size += takes
                if group is not None:
                    groups.add(group)
        return batch, left

    def _deliver(self, envelopes: Sequence[Envelope], going: list[int]) -> dict[int, Exception]:
        """Send one request, and again what may yet be taken of it; give what was not taken, and why."""
        failures: dict[int, Exception] = {}
        for attempt in range(1, ATTEMPTS + 1):
            if not going:
                break
            if attempt > 1:
                self._sleep(jitter(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 2))))
            entries = [self._service.entry(envelopes[at], position) for position, at in enumerate(going)]
            try:
                refused = self._service.request(entries)
            except NotPublished as error:
                refused = dict.fromkeys(range(len(going)), Refusal(str(error), False))
            again: list[int] = []
            lost: set[str] = set()
            for position, at in enumerate(going):
                refusal = refused.get(position)
                if refusal is None:
                    failures.pop(at, None)
                    continue
                failures[at] = self._failure(envelopes[at], refusal, attempt)
                if not refusal.passing:
                    lost.add(envelopes[at].aggregate)
                elif envelopes[at].aggregate not in lost:
                    again.append(at)
            going = again
        return failures

    def _failure(self, envelope: Envelope, refusal: Refusal, attempt: int) -> NotPublished:
        times = "" if attempt == 1 else f" in {attempt} attempts"
        return NotPublished(
            f"{self._service.label} did not take {envelope.event.name} {envelope.id}{times}: {refusal.why}"
        )


def _size(envelope: Envelope) -> int:
    """Count an entry's bytes, with what the services add for attributes and time."""
    document = envelope.document
    return len(envelope.body) + 2 * (len(str(document["source"]).encode()) + len(envelope.event.name.encode())) + 100
