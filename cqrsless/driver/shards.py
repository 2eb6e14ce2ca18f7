"""A mapping's reading of its stream: shards, parents before children, each with its lanes and its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from zlib import crc32

from .checkpoints import Checkpoints
from .disorder import Arrivals
from .feeds import Feed, Reader
from .filters import compile_filters
from .lanes import Entry, Lane
from .mappings import EventSourceMapping
from .positions import END, LATEST, TRIM_HORIZON, is_further


class OpenShard:
    """One shard as one mapping reads it."""

    def __init__(self, id: str, reader: Reader, lanes: list[Lane], saved: str | None) -> None:
        self.id = id
        self.reader = reader
        self.lanes = lanes
        #: Read, and not arrived yet.
        self.arriving: list[Entry] = []
        self.saved = saved
        #: Reads that gave something and found nothing behind it.
        self.caught_up = 0
        #: Records read, those that were filtered out included.
        self.read = 0

    def lane_of(self, entry: Entry) -> Lane:
        if len(self.lanes) == 1:
            return self.lanes[0]
        return self.lanes[crc32(entry.item.encode()) % len(self.lanes)]

    def unfinished(self) -> Iterator[Entry]:
        yield from self.arriving
        for lane in self.lanes:
            yield from lane.unfinished()

    def done_to(self) -> str:
        """Give the place up to which everything is done; what was filtered out counts as done."""
        first = min(self.unfinished(), key=lambda entry: entry.sequence, default=None)
        return self.reader.position if first is None else first.before


class Subscription:
    """One mapping on one stream."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        feed: Feed,
        checkpoints: Checkpoints,
        arrivals: Arrivals,
        random: Random,
        backoff: Callable[[int], float],
    ) -> None:
        self.mapping = mapping
        self.feed = feed
        self.open: dict[str, OpenShard] = {}
        self._passes = compile_filters(mapping.filters)
        self._checkpoints = checkpoints
        self._arrivals = arrivals
        self._random = random
        self._backoff = backoff
        self._done: set[str] = set()
        self._first: frozenset[str] | None = None

    def poll(self, now: float) -> None:
        """Open the shards whose turn it is, and read what their lanes have room for."""
        if not self.pending():
            self._discover(now)
        while self._poll_all(now):
            self._discover(now)  # a shard ended: its children may begin

    def pending(self) -> bool:
        """Say whether anything is read and not done."""
        return any(True for shard in self.open.values() for _ in shard.unfinished())

    def save(self, shard: OpenShard) -> None:
        """Write a shard's checkpoint down, if it moved; skip what another process has done in the meantime."""
        position = shard.done_to()
        if position in (TRIM_HORIZON, LATEST) or not is_further(position, shard.saved):
            return
        shard.saved = self._checkpoints.save(self.mapping.name, shard.id, position)
        if is_further(shard.saved, position):
            self._skip(shard, shard.saved)

    def rewind(self, shard: str, position: str = TRIM_HORIZON) -> None:
        """Read an open shard from an earlier place again, as a stream's reader that lost its checkpoint does."""
        opened = self.open[shard]
        opened.reader = self.feed.reader(shard, position)

    def _discover(self, now: float) -> None:
        shards = self.feed.shards()
        listed = frozenset(shard.id for shard in shards)
        if self._first is None:
            self._first = listed
        for shard in shards:
            if shard.id in self.open or shard.id in self._done:
                continue
            saved = self._checkpoints.load(self.mapping.name, shard.id)
            if saved == END:
                self._done.add(shard.id)
                continue
            if shard.parent in listed and shard.parent not in self._done:
                continue
            start = self.mapping.start if shard.id in self._first else TRIM_HORIZON
            lanes = [Lane(self.mapping, self._backoff, now) for _ in range(self.mapping.parallel)]
            self.open[shard.id] = OpenShard(shard.id, self.feed.reader(shard.id, saved or start), lanes, saved)

    def _skip(self, shard: OpenShard, position: str) -> None:
        """Leave out what another process has done; what is under way here goes on, and is a repeat."""
        shard.arriving = [entry for entry in shard.arriving if is_further(entry.name, position)]
        for lane in shard.lanes:
            lane.skip(position)
        if is_further(position, shard.reader.position) and position != END:
            shard.reader = self.feed.reader(shard.id, position)

    def _poll_all(self, now: float) -> bool:
        ended = [self._poll(shard, now) for shard in list(self.open.values())]
        return any(ended)

    def _poll(self, shard: OpenShard, now: float) -> bool:
        """Read a shard; say whether it is done for good."""
        while not shard.reader.ended and not self._is_held_up(shard) and self._read(shard):
            pass  # what was filtered out leaves room for more
        for lane in shard.lanes:
            lane.idle(now)
        if shard.arriving:
            for entry in self._arrivals.release(shard.arriving, self._random):
                shard.lane_of(entry).add(entry)
        if shard.reader.ended and not any(True for _ in shard.unfinished()):
            self._checkpoints.save(self.mapping.name, shard.id, END)
            self._done.add(shard.id)
            del self.open[shard.id]
            return True
        if not any(True for _ in shard.unfinished()):
            self.save(shard)  # all that was read was filtered out
        return False

    def _read(self, shard: OpenShard) -> bool:
        """Read what the lanes have room for; say whether there was anything."""
        wanted = max(self.mapping.batch_size - len(lane.queue) for lane in shard.lanes) - len(shard.arriving)
        before = shard.reader.position
        found = shard.reader.read(wanted)
        shard.read += len(found)
        shard.caught_up += 0 < len(found) < wanted
        for record in found:
            entry = Entry(record, before)
            before = entry.name
            if self._passes(record):
                shard.arriving.append(entry)
        return bool(found)

    def _is_held_up(self, shard: OpenShard) -> bool:
        """Say whether reading on is of no use now: every lane has a batch under way, or enough is waiting."""
        full = self.mapping.batch_size
        room = any(not lane.parts and len(lane.queue) + len(shard.arriving) < full for lane in shard.lanes)
        return not room
