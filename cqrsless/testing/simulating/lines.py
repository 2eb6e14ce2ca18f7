"""A container's line to the shared store: where a task is paused, throttled, killed, or loses an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, Protocol, TypeVar

from ...errors import StoreUnavailable
from ...messages import Cost
from ...store import Change, Condition, ConditionFailed, Item, Page, Put, SortKey, Table, Write
from .ledger import Ledger

__all__ = ["ENDINGS", "Crashed", "Ending", "Line", "Owner"]

T = TypeVar("T")
#: Items that one read gives at most, as if they were large: whoever wants more has to ask again.
PAGE: Final = 5
#: What may happen to a task at a call of the store. `pause`: it sleeps before the call. `hold`: the same, where only
#: writes are counted: others act between what it has read and what it makes of that. `throttle`: the store refuses
#: the call; `refuse`: the same, where only writes are counted. `crash`: the process dies before it. The rest happens at
#: the first write from there on. `crash after`: the process dies once it is applied. `lose`: it is applied, and tried
#: again when the task is resumed. `fail`: it is applied, and the caller is told that it was not.
Ending = Literal["", "pause", "hold", "throttle", "refuse", "crash", "crash after", "lose", "fail"]
ENDINGS: Final[tuple[Ending, ...]] = ("", "pause", "hold", "throttle", "refuse", "crash", "crash after", "lose", "fail")
#: How a campaign tells what happened.
TOLD: Final[Mapping[Ending, str]] = {
    "pause": "sleeps before a call",
    "hold": "sleeps before a write",
    "throttle": "is throttled",
    "refuse": "is throttled at a write",
    "crash": "dies before a call",
    "crash after": "dies after a write",
    "lose": "an answer comes late, and the write is tried again",
    "fail": "a write is applied, and counts as failed",
}
_COUNT_WRITES: Final = frozenset({"hold", "refuse"})
_AT_WRITES: Final = frozenset({"crash after", "lose", "fail"})


class Crashed(BaseException):
    """The process is gone: nothing that a dead process would still do, in a `finally` or elsewhere, is done."""


class Owner(Protocol):
    """The container that a line belongs to."""

    @property
    def number(self) -> int: ...
    def tick(self) -> int:
        """Let a moment pass for a call of the store, and give the call's number."""
        ...

    def pause(self) -> None:
        """Sleep until the script goes on here."""
        ...

    def tell(self, what: str) -> None:
        """Note what happened, for the story."""
        ...

    def note(self, what: str) -> None:
        """Count what happened."""
        ...


class Line:
    """The store, as one container reaches it."""

    def __init__(self, store: Ledger, owner: Owner) -> None:
        self.url = store.url
        self._store = store
        self._owner = owner
        self._origins = store.tables.origins()
        self._dead = False
        self._left: int | None = None
        self._ending: Ending = ""

    def plan(self, calls: int, ending: Ending) -> None:
        """Let something happen after so many calls; nothing, with an empty ending."""
        self._left = calls if ending else None
        self._ending = ending

    # -- the store

    def get(self, table: Table, pk: str, sk: SortKey, cost: Cost) -> Item | None:
        return self._read(f"get {pk} {sk}", lambda: self._store.get(table, pk, sk, cost))

    def query(self, table: Table, pk: str, cost: Cost, **options: Any) -> Page:
        options["limit"] = min(options.get("limit") or PAGE, PAGE)
        return self._read(f"query {pk}", lambda: self._store.query(table, pk, cost, **options))

    def scan(
        self, table: Table, cost: Cost, *, after: tuple[str, SortKey] | None = None, limit: int | None = None
    ) -> Page:
        some = min(limit or PAGE, PAGE)
        return self._read(f"scan {table}", lambda: self._store.scan(table, cost, after=after, limit=some))

    def changes(self, table: Table, after: int, limit: int) -> list[Change]:
        return self._store.changes(table, after, limit)

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        self._write(
            lambda: f"put {_named(table, item)}",
            lambda: self._store.put(table, item, cost, condition=condition),
            again=True,
        )

    def write(self, writes: Sequence[Write], cost: Cost) -> None:
        # The answer to a transaction may be lost, too, and a token keeps its repeat from being applied.
        self._write(
            lambda: f"write {', '.join(_told(one) for one in writes)}",
            lambda: self._store.write(writes, cost),
            again=False,
        )

    def send(self, what: str, call: Callable[[], T]) -> T:
        """Send something to a queue: what happens at a write of the store may happen there."""
        given: list[T] = []
        self._write(lambda: what, lambda: given.append(call()), again=True)
        return given[-1]

    def create_tables(self) -> None:
        self._origins = self._store.tables.origins()
        self._origins.mark("log")
        self._origins.mark("views")

    def check_origin(self, table: Table) -> None:
        self._origins.check(table)

    def close(self) -> None:
        self._store.close()

    # -- what happens

    def _read(self, what: str, call: Callable[[], T]) -> T:
        self._arrive(lambda: what, is_write=False)
        return self._do(call)

    def _write(self, what: Callable[[], str], call: Callable[[], None], *, again: bool) -> None:
        ending = self._arrive(what, is_write=True)
        if not ending:
            self._do(call)
            return
        self._left, self._ending = None, ""
        if ending == "crash after":
            with suppress(ConditionFailed):
                self._do(call)
            self._owner.note(TOLD[ending])
            self._die(f"dies after: {what()}")
        self._do(call)
        self._owner.note(TOLD[ending])
        if ending == "fail":
            self._owner.tell(f"is told of a failure, but it was applied: {what()}")
            raise StoreUnavailable("simulated: the answer was lost for good")
        self._owner.tell(f"waits for the answer, which is lost, to: {what()}")
        self._owner.pause()
        if self._dead:
            raise Crashed
        if again:
            self._do(call)

    def _arrive(self, what: Callable[[], str], *, is_write: bool) -> Ending:
        """Let happen what is planned for this call; give what is left to happen if it is a write."""
        if self._dead:
            raise Crashed
        while self._left == 0:
            ending = self._ending
            if ending in _AT_WRITES or (ending in _COUNT_WRITES and not is_write):
                return ending
            self._left, self._ending = None, ""
            self._owner.note(TOLD[ending])
            if ending in ("pause", "hold"):
                self._owner.tell(f"sleeps before: {what()}")
                self._owner.pause()
                if self._dead:
                    raise Crashed
            elif ending in ("throttle", "refuse"):
                self._owner.tell(f"is throttled: {what()}")
                raise StoreUnavailable("simulated: the store is throttled")
            elif ending == "crash":
                self._die(f"dies before: {what()}")
        if self._left is not None and (is_write or self._ending not in _COUNT_WRITES):
            self._left -= 1
        return ""

    def _do(self, call: Callable[[], T]) -> T:
        self._store.at = self._owner.tick()
        self._store.who = self._owner.number
        return call()

    def _die(self, how: str) -> None:
        self._owner.tell(how)
        self._dead = True
        raise Crashed

    def kill(self) -> None:
        """Let nothing more reach the store from here."""
        self._dead = True


def _named(table: Table, item: Item) -> str:
    return f"{item['pk']} {item['c' if table == 'events' else 'n' if table == 'log' else 'sk']}"


def _told(write: Write) -> str:
    name = _named(write.table, write.item) if isinstance(write, Put) else f"{write.pk} {write.sk}"
    return f"{type(write).__name__.lower()} {name}"
