"""Where records come from: a stream in shards, each read on its own; and the change feed of an embedded store as one.

DynamoDB keeps order within a shard, and promises it per item. A shard that is split is closed, and its children take
what is written from then on ("Change data capture for DynamoDB Streams": process a parent before its children).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from hashlib import blake2b
from itertools import pairwise
from typing import Final, Literal, NamedTuple, Protocol

from ..store import Change, Store, Table
from .positions import LATEST, TRIM_HORIZON
from .records import Record, stream_record

#: DynamoDB's sequence numbers have about this many digits, and no two of a stream differ in length here.
_FIRST: Final = 10**20
#: Changes asked for at once when only some of them may be of this shard.
_PAGE: Final = 1_000
_HASHES: Final = 2**32


class Shard(NamedTuple):
    id: str
    parent: str | None = None


class Reader(Protocol):
    """Reads one shard forwards."""

    #: The last place read.
    position: str
    #: Whether the shard is closed and was read to its end.
    ended: bool

    def read(self, limit: int) -> list[Record]:
        """Give the next records, or none where there are none for now."""
        ...


class Feed(Protocol):
    """A stream."""

    #: The stream's ARN.
    arn: str
    #: Seconds after which records expire; `None` where they never do.
    retention: float | None

    def shards(self) -> Sequence[Shard]:
        """List the shards there are by now, closed ones too."""
        ...

    def reader(self, shard: str, position: str) -> Reader:
        """Read a shard from behind a sequence number, from TRIM_HORIZON or from LATEST."""
        ...


class _Range(NamedTuple):
    """What a shard of a store's feed takes: hashes from `low` to below `high`, positions behind `start` to `end`."""

    id: str
    parent: str | None
    low: int
    high: int
    start: int
    end: int | None


class StoreFeed:
    """The change feed of an embedded store, as a DynamoDB stream.

    Records fall to `shards` shards by the hash of their partition key, or with `spread="item"` of all their keys (as
    on DynamoDB, where a large item collection may lie on two shards). `retention` is endless by default: a laptop may
    sleep for a week.

    >>> from cqrsless.messages import Cost
    >>> from cqrsless.stores import open_store
    >>> store = open_store("memory://")
    >>> store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    >>> feed = StoreFeed(store, "events")
    >>> [record["eventName"] for record in feed.reader(feed.shards()[0].id, TRIM_HORIZON).read(10)]
    ['INSERT']
    """

    def __init__(
        self,
        store: Store,
        table: Table,
        *,
        shards: int = 1,
        spread: Literal["partition", "item"] = "partition",
        prefix: str = "local",
        region: str = "local",
        retention: float | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.arn = f"arn:aws:dynamodb:{region}:000000000000:table/{prefix}-{table}/stream/1970-01-01T00:00:00.000"
        self.retention = retention
        self.store = store
        self.table: Table = table
        self.region = region
        self.spread = spread
        self._clock = clock or _now
        self._end = 0
        cuts = [_HASHES * at // shards for at in range(shards + 1)]
        self._shards: dict[str, _Range] = {}
        for low, high in pairwise(cuts):
            self._add(None, low, high, 0)

    def shards(self) -> Sequence[Shard]:
        return [Shard(shard.id, shard.parent) for shard in self._shards.values()]

    def reader(self, shard: str, position: str) -> Reader:
        found = self._shards[shard]
        if position == LATEST:
            start = self.end()
        elif position == TRIM_HORIZON:
            start = found.start
        else:
            start = int(position) - _FIRST
        return _StoreReader(self, shard, start, position)

    def split(self, shard: str) -> tuple[str, str]:
        """Close a shard where it is now; two children take what its hashes get from here on."""
        old = self._shards[shard]
        end = self.end()
        if old.end is not None or old.high - old.low < 2:
            raise ValueError(f"{shard} is closed already, or too small to be split")
        self._shards[shard] = old._replace(end=end)
        middle = (old.low + old.high) // 2
        return self._add(shard, old.low, middle, end), self._add(shard, middle, old.high, end)

    def position_of(self, place: str) -> int:
        """Give the position in the store's feed that a sequence number stands for; 0 for one before all of it."""
        return int(place) - _FIRST if place.isdigit() else 0

    def end(self) -> int:
        """Give the position of the newest change."""
        while changes := self.store.changes(self.table, self._end, _PAGE):
            self._end = changes[-1].position
        return self._end

    def range_of(self, shard: str) -> _Range:
        return self._shards[shard]

    def takes(self, shard: _Range, change: Change) -> bool:
        if shard.high - shard.low == _HASHES:
            return True
        text = change.pk if self.spread == "partition" else f"{change.pk} {change.sk}"
        return shard.low <= int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") < shard.high

    def record(self, change: Change) -> Record:
        assert change.item is not None, "an embedded store's feed tells of what stands in a table now"
        time = change.item.get("time")
        seconds = time // 1_000_000 if type(time) is int else int(self._clock().timestamp())
        return stream_record(
            self.table, change.item, str(_FIRST + change.position), self.arn, self.region, float(seconds)
        )

    def _add(self, parent: str | None, low: int, high: int, start: int) -> str:
        name = f"shardId-{len(self._shards) + 1:020d}"
        self._shards[name] = _Range(name, parent, low, high, start, None)
        return name


class _StoreReader:
    def __init__(self, feed: StoreFeed, shard: str, start: int, position: str) -> None:
        self.position = position
        self.ended = False
        self._feed = feed
        self._shard = shard
        self._read = start

    def read(self, limit: int) -> list[Record]:
        feed = self._feed
        shard = feed.range_of(self._shard)
        found: list[Record] = []
        while len(found) < limit and not self.ended:
            whole = shard.high - shard.low == _HASHES
            changes = feed.store.changes(feed.table, self._read, limit if whole else max(limit, _PAGE))
            if not changes:
                self.ended = shard.end is not None
                break
            for change in changes:
                if shard.end is not None and change.position > shard.end:
                    self.ended = True
                    break
                self._read = change.position
                if feed.takes(shard, change):
                    found.append(feed.record(change))
                    if len(found) == limit:
                        break
        if found:
            self.position = found[-1]["dynamodb"]["SequenceNumber"]
        return found


def _now() -> datetime:
    return datetime.now(timezone.utc)
