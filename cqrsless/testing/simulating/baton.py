"""Threads of which only one runs at a time, and which stop where they are told to.

A task that is paused in the midst of a call needs a stack of its own. Nothing here depends on how the operating system
schedules threads: whoever does not hold the baton waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread
from typing import Final

__all__ = ["Strand", "Strands", "Stuck"]

#: Seconds after which a task that neither ends nor calls the store counts as stuck.
PATIENCE: Final = 120.0


class Stuck(RuntimeError):
    """A task waits for something that no other task will give: a lock that a paused one holds, say."""


class Strand:
    """A thread that works while whoever drives it waits, and the other way round."""

    def __init__(self, name: str) -> None:
        self._go, self._back = Lock(), Lock()
        self._go.acquire()
        self._back.acquire()
        self._work: Callable[[], None] | None = None
        self._done = True
        self._thread = Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def start(self, work: Callable[[], None]) -> bool:
        """Run something that raises nothing; say whether it has ended, or has paused."""
        assert self._done, "this strand has work"
        self._work, self._done = work, False
        return self.resume()

    def resume(self) -> bool:
        """Go on where it paused; say whether it has ended."""
        self._go.release()
        if not self._back.acquire(timeout=PATIENCE):
            raise Stuck(
                f"{self._thread.name} has neither ended nor called the store for {PATIENCE:.0f} seconds: does a "
                "handler wait for a lock that another container's handler holds?"
            )
        return self._done

    def pause(self) -> None:
        """Give the baton back; called by the work itself."""
        self._back.release()
        self._go.acquire()

    def end(self) -> None:
        """Let the thread end; it has no work."""
        self._work = None
        self._go.release()
        self._thread.join(timeout=PATIENCE)

    def _live(self) -> None:
        while True:
            self._go.acquire()
            work = self._work
            if work is None:
                return
            try:
                work()
            finally:
                self._done = True
                self._back.release()


class Strands:
    """Strands that are used again: starting a thread takes longer than what most tasks do."""

    def __init__(self) -> None:
        self._idle: list[Strand] = []
        self._made = 0

    def take(self) -> Strand:
        if self._idle:
            return self._idle.pop()
        self._made += 1
        return Strand(f"simulated-{self._made}")

    def give(self, strand: Strand) -> None:
        self._idle.append(strand)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()
