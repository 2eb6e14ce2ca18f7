"""A FIFO queue that commits are fanned out to, and its dead-letter queue, as one function is fed from both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...sources import sqs

if TYPE_CHECKING:
    from ...app import App

__all__ = ["FifoQueue"]

#: How long a queue drops what has a deduplication id that it was sent before (SQS, "Exactly-once processing").
_REMEMBERS: Final = timedelta(minutes=5)
#: Messages that one batch has at most.
_BATCH: Final = 10


class _Sent(NamedTuple):
    key: str
    number: int
    group: str
    body: str


class FifoQueue:
    """A queue, as whoever fans out sends to it, and as its function is fed from it.

    While messages of a group are on their way, nothing else of it is given.
    A message that came `receives` times, and was not handled, is moved to the dead-letter queue.
    """

    def __init__(self, name: str, receives: int, now: Callable[[], datetime]) -> None:
        self.name = name
        self.table: Final = "events"
        self._receives = receives
        self._now = now
        self._sent: list[_Sent] = []
        self._known: dict[str, datetime] = {}
        self._received: list[int] = []
        #: Messages that may be given, and those that are in the dead-letter queue.
        self.pending: list[int] = []
        self.dead: set[int] = set()
        #: Groups, in the order in which their turn comes.
        self._turns: dict[str, None] = {}
        self.given: set[int] = set()
        self.done: dict[int, int] = {}
        #: What is wrong with how messages are grouped.
        self.violations: list[str] = []

    # -- whoever sends

    def send(self, entries: Sequence[Mapping[str, Any]], refuses: Callable[[str], Iterator[bool]]) -> dict[int, str]:
        """Take messages; give those that are refused. `refuses` says so of a key, and whether it is taken as well."""
        refused: dict[int, str] = {}
        for entry in entries:
            commit = json.loads(entry["MessageBody"])["commit"]
            taken = True
            for is_taken in refuses(commit["key"]):
                refused[int(entry["Id"])] = "simulated: the queue did not take it"
                taken = taken and is_taken
            if taken:
                self._take_in(entry, commit)
        return refused

    def _take_in(self, entry: Mapping[str, Any], commit: Mapping[str, Any]) -> None:
        before, now = self._known.get(entry["MessageDeduplicationId"]), self._now()
        if before is not None and now - before < _REMEMBERS:
            return
        self._known[entry["MessageDeduplicationId"]] = now
        one = _Sent(commit["key"], commit["number"], entry["MessageGroupId"], entry["MessageBody"])
        other = next((sent for sent in self._sent if (sent.key == one.key) != (sent.group == one.group)), None)
        if other is not None:
            self.violations.append(
                f"the queue of {self.name} has {other.key} in the group {other.group}, and {one.key} in {one.group}"
            )
        self.pending.append(len(self._sent))
        self._sent.append(one)
        self._received.append(0)
        self._turns.setdefault(one.group)

    # -- whoever is fed, as from a stream

    def look(self) -> list[int]:
        """Give what may be given, by its place in the queue."""
        return self.pending

    def take(self, count: int, skip: int, disorder: int) -> list[int]:
        """Take a batch out of one of the two queues: whole groups, one after the other."""
        groups = list(self._turns)
        if disorder:
            Random(disorder).shuffle(groups)
        elif groups:
            groups = groups[skip % len(groups) :] + groups[: skip % len(groups)]
        found = [at for group in groups for at in self._free(group)]
        is_dead = bool(found) and found[0] in self.dead
        batch = [at for at in found if (at in self.dead) == is_dead][: min(count, _BATCH)]
        for at in batch:
            self.pending.remove(at)
            self._received[at] += 1
        return batch

    def _free(self, group: str) -> list[int]:
        """Give the messages of a group that nothing holds back, in their order, of both queues."""
        mine = [at for at, one in enumerate(self._sent) if one.group == group and at not in self.done]
        held = {at in self.dead for at in mine if at not in self.pending}
        return [at for at in mine if (at in self.dead) not in held]

    def hand(self, app: App, batch: Sequence[int]) -> list[str]:
        """Give a batch to an application as Lambda does; give the messages that failed."""
        return _failed(sqs.handle({"Records": [self._record(at) for at in batch]}, None, app))

    def give_up(self, app: App, batch: Sequence[int]) -> list[str]:
        """Move messages to the dead-letter queue, and give an application those; give the messages that failed."""
        self.dead.update(batch)
        return self.hand(app, batch)

    def _record(self, at: int) -> dict[str, Any]:
        one = self._sent[at]
        source = f"arn:aws:sqs:eu-west-1:123456789012:{self.name}.fifo"
        attributes = {"MessageGroupId": one.group, "ApproximateReceiveCount": str(self._received[at])}
        if at in self.dead:
            attributes["DeadLetterQueueSourceArn"] = source
        return {
            "messageId": str(at),
            "eventSource": "aws:sqs",
            "eventSourceARN": source if at not in self.dead else f"{source.removesuffix('.fifo')}-dead.fifo",
            "body": one.body,
            "attributes": attributes,
        }

    def named(self, batch: Sequence[int]) -> str:
        return ", ".join(f"{self._sent[at].key}@{self._sent[at].number}" for at in batch) or "nothing"

    def answered(self, batch: Sequence[int], failed: Sequence[str], now: int) -> None:
        """Delete what was handled; what failed comes again."""
        names = set(failed)
        for at in batch:
            if str(at) not in names:
                self.done.setdefault(at, now)
        self.again(batch)

    def again(self, batch: Sequence[int]) -> None:
        """Let messages be given again that were not handled; their groups wait for their turn."""
        for at in batch:
            if at not in self.done and at not in self.pending:
                self.pending.append(at)
                if self._received[at] >= self._receives:
                    self.dead.add(at)
                group = self._sent[at].group
                self._turns.pop(group, None)
                self._turns[group] = None
        self.pending.sort()

    def repeat(self) -> list[int]:
        """Give a message that may be given once more, if there is one."""
        return sorted(self.given - self.dead)[:1]

    def acknowledged(self, before: int) -> list[tuple[str, int]]:
        """Give the commits whose messages had been handled by a moment."""
        return [(self._sent[at].key, self._sent[at].number) for at, when in self.done.items() if when < before]


def _failed(answer: Mapping[str, Any]) -> list[str]:
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]
