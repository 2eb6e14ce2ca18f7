"""How records arrive from a shard: as they were read, or in the ways in which a stream may disturb them."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Final, Protocol

from .lanes import Entry

#: How far back a repeat may reach, in records.
_MEMORY: Final = 500


class Arrivals(Protocol):
    """Decides which of the records that were read arrive now, in which order, and how often."""

    def release(self, arriving: list[Entry], random: Random) -> list[Entry]:
        """Take what arrives now out of `arriving` and give it. What stays is asked for again at the next step."""
        ...


class InOrder:
    """Everything arrives as it was read."""

    def release(self, arriving: list[Entry], random: Random) -> list[Entry]:
        taken, arriving[:] = list(arriving), []
        return taken


class Mischief:
    """Delays, repeats and reorders records, each with a probability; the first arrivals of one item stay in order.

    A stream promises no more than that: at least once, in order per item. Repeats may come long after the record.

    >>> from cqrsless.driver.records import stream_record
    >>> def entry(name, at):
    ...     return Entry(stream_record("events", {"pk": name, "c": at}, str(100 + at), "arn", "local", 0.0), "0")
    >>> released = Mischief(repeat=1.0).release([entry("A", 1)], Random(7))
    >>> [one.name for one in released]
    ['101', '101']
    """

    def __init__(self, *, delay: float = 0.0, repeat: float = 0.0, reorder: float = 0.0) -> None:
        self.delay = delay
        self.repeat = repeat
        self.reorder = reorder
        self._past: deque[Entry] = deque(maxlen=_MEMORY)

    def release(self, arriving: list[Entry], random: Random) -> list[Entry]:
        held: set[str] = set()
        taken: list[Entry] = []
        stays: list[Entry] = []
        for entry in arriving:
            if entry.item in held or random.random() < self.delay:
                held.add(entry.item)
                stays.append(entry)
            else:
                taken.append(entry)
        arriving[:] = stays
        if len(taken) > 1 and random.random() < self.reorder:
            taken = _mixed(taken, random)
        self._past.extend(taken)
        for _ in range(len(taken)):
            if self._past and random.random() < self.repeat:
                again = random.choice(self._past)
                first = taken.index(again) + 1 if again in taken else 0
                taken.insert(random.randint(first, len(taken)), again)
        return taken


def _mixed(entries: list[Entry], random: Random) -> list[Entry]:
    """Shuffle entries, those of one item keeping their order."""
    places = [entry.item for entry in entries]
    random.shuffle(places)
    lines: dict[str, deque[Entry]] = {}
    for entry in entries:
        lines.setdefault(entry.item, deque()).append(entry)
    return [lines[place].popleft() for place in places]
