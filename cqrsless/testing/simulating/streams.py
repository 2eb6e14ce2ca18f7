"""What one function is given of a table's stream: in any order, more than once, and again after a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from ...aggregates.commits import moment
from ...delivery.batches import Delivery
from ...store import Change, Table

if TYPE_CHECKING:
    from ...app import App

__all__ = ["GAVE_UP", "Stream"]

#: How long a stream keeps a record.
_KEPT: Final = timedelta(hours=24)
#: What is said of what Lambda gave up on.
GAVE_UP: Final = "simulated: Lambda gave up"


class Stream:
    """One function's reading of a stream.

    A stream promises order per item, and two commits are two items. So any order will do; what was given once may be
    given again at any time; and what follows the lowest failed record of a batch is given again. If it `loses`,
    what waits for longer than a day is gone.
    """

    def __init__(
        self, table: Table, records: list[Change], arrived: list[datetime], now: Callable[[], datetime], *, loses: bool
    ) -> None:
        self.table = table
        self._records = records
        self._arrived = arrived
        self._now = now
        self._loses = loses
        self._read = 0
        #: What left the stream before it was acknowledged.
        self.lost: set[int] = set()
        #: What has yet to be delivered, and is not on its way.
        self.pending: list[int] = []
        #: What was given to a container.
        self.given: set[int] = set()
        #: What has been acknowledged, and when.
        self.done: dict[int, int] = {}

    def look(self) -> list[int]:
        """Give what is pending, by its place in the stream."""
        if self._read < len(self._records):
            self.pending.extend(range(self._read, len(self._records)))
            self._read = len(self._records)
        old = [at for at in self.pending if self._loses and self._now() - self._arrived[at] >= _KEPT]
        if old:
            self.lost.update(old)
            self.pending[:] = [at for at in self.pending if at not in self.lost]
        return self.pending

    def skip(self) -> None:
        """Begin behind what there is by now."""
        self._read = len(self._records)

    def take(self, count: int, skip: int, disorder: int) -> list[int]:
        """Take a batch: records behind some that are left for later; with `disorder`, mixed with each other and with
        repeats of whatever was delivered, or is being delivered."""
        pending = self.look()
        first = skip % len(pending) if pending else 0
        batch = pending[first : first + count]
        del pending[first : first + count]
        if disorder:
            random = Random(disorder)
            if random.random() < 0.7:
                random.shuffle(batch)
            while self._read and random.random() < 0.5:
                again = self._read - 1 - min(int(random.expovariate(0.2)), self._read - 1)
                batch.insert(random.randint(0, len(batch)), again)
        return batch

    def hand(self, app: App, batch: Sequence[int]) -> list[str]:
        """Give a batch to an application; give the records that failed."""
        return app.wake(self._deliveries(batch)) if self.table == "log" else app.consume(self._deliveries(batch))

    def give_up(self, app: App, batch: Sequence[int]) -> list[str]:
        """Give an application what Lambda gave up on; give the records that failed."""
        return app.park_given_up(self._deliveries(batch), GAVE_UP)

    def _deliveries(self, batch: Sequence[int]) -> list[Delivery]:
        return [Delivery(str(at), self._records[at].item or {}) for at in dict.fromkeys(batch)]

    def lag(self, batch: Sequence[int]) -> timedelta:
        """Give the age of the oldest commit of a batch."""
        return max(self._now() - moment((self._records[at].item or {})["time"]) for at in batch)

    def named(self, batch: Sequence[int]) -> str:
        return ", ".join(f"{self._records[at].pk}@{self._records[at].sk}" for at in dict.fromkeys(batch)) or "nothing"

    def answered(self, batch: Sequence[int], failed: Sequence[str], now: int) -> None:
        """Acknowledge what comes before the lowest failed record; the rest comes again."""
        names = set(failed)
        for index, at in enumerate(batch):
            if str(at) in names:
                self.again(batch[index:])
                return
            self.done.setdefault(at, now)
        # An unknown identifier fails the whole batch.
        if not names <= {str(at) for at in batch}:
            self.again(batch)

    def acknowledged(self, before: int) -> list[tuple[str, int]]:
        """Give the keys of what had been acknowledged by a moment."""
        return self._keys(at for at, when in self.done.items() if when < before)

    def left(self) -> list[tuple[str, int]]:
        """Give the keys of what is lost."""
        return self._keys(self.lost)

    def repeat(self) -> list[int]:
        """Give a record that may be given once more, if there is one."""
        return sorted(self.given - self.lost)[:1]

    def newest(self) -> list[int]:
        """Give the newest record alone."""
        return [len(self._records) - 1]

    def _keys(self, some: Iterable[int]) -> list[tuple[str, int]]:
        return [(self._records[at].pk, int(self._records[at].sk)) for at in some]

    def again(self, batch: Sequence[int]) -> None:
        """Have a batch delivered again; what was acknowledged before stays so."""
        for at in batch:
            if at not in self.done and at not in self.pending:
                self.pending.append(at)
        self.pending.sort()
