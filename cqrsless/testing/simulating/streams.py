"""What one function is given of a table's stream: in any order, more than once, and again after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...delivery.batches import Delivery
from ...store import Change, Table

__all__ = ["Stream"]


class Stream:
    """One function's reading of a stream.

    A stream promises order per item, and two commits are two items. So any order will do; what was given once may be
    given again at any time; and what follows the lowest failed record of a batch is given again.
    """

    def __init__(self, table: Table, records: list[Change]) -> None:
        self.table = table
        self._records = records
        self._read = 0
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
        return self.pending

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

    def deliveries(self, batch: Sequence[int]) -> list[Delivery]:
        return [Delivery(str(at), self._records[at].item or {}) for at in dict.fromkeys(batch)]

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

    def again(self, batch: Sequence[int]) -> None:
        """Have a batch delivered again; what was acknowledged before stays so."""
        for at in batch:
            if at not in self.done and at not in self.pending:
                self.pending.append(at)
        self.pending.sort()
