"""One line of batches out of a shard: gathered, retried, split and given up, in order.

A shard has as many lanes as its mapping's ParallelizationFactor; the records of one item stay in one lane, so order
is kept per item, and only that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from .answers import Verdict
from .mappings import EventSourceMapping
from .positions import is_further
from .records import Record, created, item_key, longest_payload, payload_size, sequence_of

#: "The payload size reaches 6 MB. You cannot modify this limit."
PAYLOAD_LIMIT: Final = 6 * 1024 * 1024


class NotInvoked(Exception):
    """The function could not be invoked: throttled, say. Raised in its place, it uses up none of the retries."""


class Entry:
    """A record on its way, and the place in its shard right before it."""

    __slots__ = ("before", "bound", "item", "name", "record", "sequence")

    def __init__(self, record: Record, before: str) -> None:
        self.record = record
        self.before = before
        self.name = sequence_of(record)
        self.sequence = int(self.name)
        self.item = item_key(record)
        #: Of its size in JSON.
        self.bound = longest_payload(record)

    def __repr__(self) -> str:
        return f"<Entry {self.name} of {self.item}>"


class Part:
    """A batch, or what is left of one: its records, and how often it was retried and invoked."""

    __slots__ = ("entries", "error", "failures", "invocations", "named", "request", "retries")

    def __init__(self, entries: list[Entry], retries: int = 0, invocations: int = 0) -> None:
        self.entries = entries
        #: Failed invocations that count against the retries.
        self.retries = retries
        self.invocations = invocations
        #: Failed invocations in a row since it has its present records.
        self.failures = 0
        #: What the last answer named as failed; empty where all of it failed.
        self.named: frozenset[str] = frozenset()
        self.request = ""
        self.error = False

    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]


class Lane:
    """Batches of one mapping from one shard, or from a share of its items.

    Whoever drives it asks `ready`, takes the part to deliver from `part`, and tells the outcome to `settle`.
    """

    def __init__(self, mapping: EventSourceMapping, backoff: Callable[[int], float], now: float) -> None:
        self.mapping = mapping
        self.queue: deque[Entry] = deque()
        #: Parts of the batch under way, the one to deliver first; more than one after a split.
        self.parts: deque[Part] = deque()
        #: Parts that were laid aside: not done, and not waited for.
        self.aside: list[Part] = []
        self.busy = False
        self._bound = 0  # of the queue's size in JSON
        self._backoff = backoff
        self._not_before = now
        self._window_began = now

    def add(self, entry: Entry) -> None:
        self.queue.append(entry)
        self._bound += entry.bound

    def skip(self, position: str) -> None:
        """Leave out what waits in the queue up to a place."""
        self.queue = deque(entry for entry in self.queue if is_further(entry.name, position))
        self._measure()

    def unfinished(self) -> list[Entry]:
        """Give every record that is here and not done."""
        return [entry for part in (*self.parts, *self.aside) for entry in part.entries] + list(self.queue)

    def ready(self, now: float) -> bool:
        wakes = self.wakes()
        return not self.busy and wakes is not None and wakes <= now

    def wakes(self) -> float | None:
        """Give when there will be a part to deliver if nothing more arrives; `None` where there is nothing."""
        if self.parts:
            return self._not_before
        if not self.queue:
            return None
        if self.mapping.batching_window == 0 or self._gather() is not None:
            return self._not_before
        return max(self._not_before, self._window_began + self.mapping.batching_window)

    def idle(self, now: float) -> None:
        """Let batching windows pass in which no record arrived: the next one begins where the last one ended."""
        window = self.mapping.batching_window
        if window and not self.queue and not self.parts and now >= self._window_began + window:
            self._window_began += (now - self._window_began) // window * window

    def part(self) -> Part:
        """Give the part to deliver now: what is to be retried, else a batch gathered from the queue."""
        if not self.parts:
            full = self._gather()
            count = len(self.queue) if full is None else full
            entries = [self.queue.popleft() for _ in range(count)]
            self._measure()
            self.parts.append(Part(entries))
        return self.parts[0]

    def too_old(self, part: Part, age: float, now: float) -> Part | None:
        """Take out of a part what is older than an age; `None` where nothing is."""
        old = [entry for entry in part.entries if now - created(entry.record) > age]
        if not old:
            return None
        part.entries = [entry for entry in part.entries if now - created(entry.record) <= age]
        taken = Part(old, part.retries, part.invocations)
        taken.request, taken.error = part.request, part.error
        return taken

    def settle(self, part: Part, verdict: Verdict, now: float) -> Part | None:
        """Act on the outcome of an invocation; give the part whose retries are used up, if any."""
        if verdict.kind == "not invoked":
            part.failures += 1
            self._wait(part, now)
            return None
        part.invocations += 1
        part.error = verdict.kind == "failure"
        if verdict.kind == "success":
            self.finish(part, now)
            return None
        part.failures += 1
        part.named = verdict.failed
        if self._split(part, verdict):
            self._wait(part, now)
            return None
        part.retries += 1
        if 0 <= self.mapping.retries < part.retries:
            self.finish(part, now)
            return part
        self._wait(part, now)
        return None

    def finish(self, part: Part, now: float) -> None:
        """Be done with a part, delivered or given up."""
        self.parts.remove(part)
        self._not_before = now
        self._window_began = now  # "the next batching window begins as soon as the previous invocation completes"

    def lay_aside(self, now: float) -> None:
        """Stop waiting for what keeps failing in the part under way; the rest of it is done, and what follows goes on.

        Lambda does no such thing. What was laid aside counts as unfinished.
        """
        part = self.parts[0]
        self.finish(part, now)
        if part.named:
            part.entries = [entry for entry in part.entries if entry.name in part.named]
        self.aside.append(part)

    def _split(self, part: Part, verdict: Verdict) -> bool:
        """Make a part smaller; say whether that spared it a retry ("splitting doesn't consume the retry quota")."""
        if verdict.lowest is not None:
            # "Lambda then retries all records starting from that checkpoint", and with bisection on "the batch is
            # bisected at the returned sequence number, and Lambda retries only the remaining records".
            left = [entry for entry in part.entries if entry.sequence >= verdict.lowest]
            smaller = len(left) < len(part.entries)
            part.entries = left
            if smaller:
                part.failures = 1
            return smaller and self.mapping.bisect
        if not self.mapping.bisect or len(part.entries) < 2:
            return False
        middle = (len(part.entries) + 1) // 2
        second = Part(part.entries[middle:], part.retries, part.invocations)
        second.request, second.error = part.request, part.error
        part.entries = part.entries[:middle]
        part.failures = 0
        self.parts.insert(1, second)
        return True

    def _measure(self) -> None:
        self._bound = sum(entry.bound for entry in self.queue)

    def _wait(self, part: Part, now: float) -> None:
        self._not_before = now + self._backoff(max(part.failures, 1))

    def _gather(self) -> int | None:
        """Count the records of a full batch: by number, or by the payload's limit; `None` where it is not full yet."""
        if self._bound > PAYLOAD_LIMIT:
            size = 0
            for count, entry in enumerate(self.queue):
                size += payload_size(entry.record)
                if count and size > PAYLOAD_LIMIT - 100:
                    return min(count, self.mapping.batch_size)
        return self.mapping.batch_size if len(self.queue) >= self.mapping.batch_size else None
