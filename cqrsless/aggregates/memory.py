"""What a container keeps between commands: recently used aggregates, and whose turn it is."""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock, get_ident
from typing import Final

from .loaded import Loaded

#: Bytes bound the cache first, as what they cost is known; the count only keeps it from holding crumbs without end.
CACHE_COUNT: Final = 100_000
CACHE_BYTES: Final = 64 * 1024 * 1024


class Cache:
    """The aggregates used last, bounded by their number and their bytes."""

    def __init__(self, count: int = CACHE_COUNT, size: int = CACHE_BYTES) -> None:
        self._count, self._size = count, size
        self._held: OrderedDict[str, tuple[Loaded, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, pk: str) -> Loaded | None:
        found = self._held.get(pk)
        if found is None:
            return None
        try:  # noqa: SIM105  # of each command: a context manager would cost more than the look-up
            self._held.move_to_end(pk)
        except KeyError:  # another thread has just pushed it out; what was found is no less true
            pass
        return found[0]

    def put(self, pk: str, loaded: Loaded) -> None:
        weight = loaded.weight
        if weight > self._size:  # it alone has no place, and not all others because of it
            self.drop(pk)
            return
        held = self._held
        with self._lock:
            before = held.get(pk)
            held[pk] = (loaded, weight)  # where it was before, it keeps its place: to look it up has moved it
            self._bytes += weight if before is None else weight - before[1]
            if self._bytes > self._size or len(held) > self._count:
                self._shrink()

    def _shrink(self) -> None:
        held = self._held
        while self._bytes > self._size or len(held) > self._count:
            self._bytes -= held.popitem(last=False)[1][1]

    def drop(self, pk: str) -> None:
        with self._lock:
            before = self._held.pop(pk, None)
            if before is not None:
                self._bytes -= before[1]

    def clear(self) -> None:
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)


class Turns:
    """One command at a time on each aggregate of this process, in the order of asking.

    An application so never races itself, and no thread starves.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside: dict[int, str] = {}
        #: Who waits for an aggregate that somebody has: `None` where nobody ever did.
        self._waiting: dict[str, deque[Lock] | None] = {}

    def take(self, pk: str) -> None:
        me = get_ident()
        with self._lock:
            outer = self._inside.get(me)
            if outer is not None:
                # On another aggregate too: two threads that do so crosswise would wait for each other for ever.
                raise RuntimeError(
                    f"a command on {pk} was executed from inside a command on {outer}: a handler that decides only "
                    "returns what is to change; dispatch follow-up commands from an event handler, or from a command "
                    "handler without an aggregate"
                )
            self._inside[me] = pk
            if pk not in self._waiting:
                self._waiting[pk] = None
                return
            turn = Lock()
            turn.acquire()
            waiting = self._waiting[pk]
            if waiting is None:
                waiting = self._waiting[pk] = deque()
            waiting.append(turn)
        try:
            turn.acquire()
        except BaseException:  # interrupted: whoever is behind must not wait for this thread
            with self._lock:
                del self._inside[me]
                if turn in waiting:
                    waiting.remove(turn)
                else:
                    self._hand_on(pk)
            raise

    def give(self, pk: str) -> None:
        with self._lock:
            del self._inside[get_ident()]
            if self._waiting[pk]:
                self._hand_on(pk)
            else:
                del self._waiting[pk]

    def _hand_on(self, pk: str) -> None:
        waiting = self._waiting[pk]
        if waiting:
            waiting.popleft().release()
        else:
            del self._waiting[pk]
