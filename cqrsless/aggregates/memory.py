"""What a container keeps between commands: recently used aggregates, and whose turn it is."""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock, get_ident
from typing import Final

from .loaded import Loaded

CACHE_COUNT: Final = 1000
CACHE_BYTES: Final = 64 * 1024 * 1024


class Cache:
    """The aggregates used last, bounded by their number and their bytes."""

    def __init__(self, count: int = CACHE_COUNT, size: int = CACHE_BYTES) -> None:
        self._count, self._size = count, size
        self._held: OrderedDict[str, tuple[Loaded, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, pk: str) -> Loaded | None:
        with self._lock:
            found = self._held.get(pk)
            if found is None:
                return None
            self._held.move_to_end(pk)
            return found[0]

    def put(self, pk: str, loaded: Loaded) -> None:
        weight = loaded.weight
        with self._lock:
            before = self._held.pop(pk, None)
            if before is not None:
                self._bytes -= before[1]
            if weight > self._size or not self._count:
                return
            self._held[pk] = (loaded, weight)
            self._bytes += weight
            while self._bytes > self._size or len(self._held) > self._count:
                self._bytes -= self._held.popitem(last=False)[1][1]

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
        self._owners: dict[str, int] = {}
        self._waiting: dict[str, deque[tuple[int, Lock]]] = {}

    def take(self, pk: str) -> None:
        me = get_ident()
        with self._lock:
            owner = self._owners.setdefault(pk, me)
            if owner == me and pk not in self._waiting:
                self._waiting[pk] = deque()
                return
            if owner == me:
                raise RuntimeError(
                    f"a command on {pk} was executed from inside another command on {pk}: a handler that decides "
                    "only returns what is to change; dispatch follow-up commands from an event handler"
                )
            turn = Lock()
            turn.acquire()
            self._waiting[pk].append((me, turn))
        turn.acquire()

    def give(self, pk: str) -> None:
        with self._lock:
            waiting = self._waiting[pk]
            if waiting:
                self._owners[pk], turn = waiting.popleft()
                turn.release()
            else:
                del self._owners[pk], self._waiting[pk]
