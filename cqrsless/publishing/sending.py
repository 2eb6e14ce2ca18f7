"""Sending public events: in batches that fit, and again where a part of one was not taken.

All three services answer 200 to a batch of which they took a part, and say entry by entry what they did not.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

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
    """Sends to one target. A target that keeps order gets one event of a group at a time, and none behind a failure."""

    def __init__(self, service: Service, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._service = service
        self._sleep = sleep

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        outcomes: list[Exception | None] = [None] * len(envelopes)
        stuck: set[str] = set()
        waiting = list(range(len(envelopes)))
        while waiting:
            batch, waiting = self._next(envelopes, waiting)
            going = []
            for at in batch:
                group = self._service.group(envelopes[at])
                if group in stuck:
                    outcomes[at] = NotPublished(f"{self._service.label} did not take an earlier event of {group}")
                else:
                    going.append(at)
            for at, error in zip(going, self._deliver([envelopes[at] for at in going]), strict=True):
                outcomes[at] = error
                group = self._service.group(envelopes[at])
                if error is not None and group is not None:
                    stuck.add(group)
        return outcomes

    def _next(self, envelopes: Sequence[Envelope], waiting: list[int]) -> tuple[list[int], list[int]]:
        """Take as many as fit into one request, in order."""
        batch: list[int] = []
        left: list[int] = []
        groups: set[str] = set()
        size = 0
        for at in waiting:
            group = self._service.group(envelopes[at])
            takes = _size(envelopes[at])
            full = len(batch) == BATCH_ENTRIES or (batch and size + takes > BATCH_BYTES)
            if full or (group is not None and group in groups):
                left.append(at)
            else:
                batch.append(at)
                size += takes
            if group is not None:
                groups.add(group)
        return batch, left

    def _deliver(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        outcomes: list[Exception | None] = [None] * len(envelopes)
        going = list(range(len(envelopes)))
        for attempt in range(1, ATTEMPTS + 1):
            if not going:
                break
            entries = [self._service.entry(envelopes[at], position) for position, at in enumerate(going)]
            try:
                refused = self._service.request(entries)
            except NotPublished as error:
                refused = dict.fromkeys(range(len(going)), Refusal(str(error), False))
            again: list[int] = []
            for position, at in enumerate(going):
                refusal = refused.get(position)
                outcomes[at] = None if refusal is None else self._failure(envelopes[at], refusal, attempt)
                if refusal is not None and refusal.passing:
                    again.append(at)
            going = again
            if going and attempt < ATTEMPTS:
                self._sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))))
        return outcomes

    def _failure(self, envelope: Envelope, refusal: Refusal, attempt: int) -> NotPublished:
        times = "" if attempt == 1 else f" in {attempt} attempts"
        return NotPublished(
            f"{self._service.label} did not take {envelope.event.name} {envelope.id}{times}: {refusal.why}"
        )


def _size(envelope: Envelope) -> int:
    """Count an entry's bytes, with what the services add for attributes and time."""
    document = envelope.document
    return len(envelope.body) + 2 * (len(str(document["source"]).encode()) + len(envelope.event.name.encode())) + 100
