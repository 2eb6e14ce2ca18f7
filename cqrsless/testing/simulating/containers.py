"""Containers: each has an application of its own, with its own memory, on a line to the one store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from ...app import App
from .baton import Strand, Strands
from .ledger import Ledger
from .lines import Crashed, Ending, Line

__all__ = ["Container", "Host", "Outcome", "Task"]

_NEEDS_A_STRAND: Final = frozenset({"pause", "hold", "lose"})


class Outcome(NamedTuple):
    """How a task ended: with a value, an error, or not at all (`crashed`)."""

    value: Any = None
    error: Exception | None = None
    crashed: bool = False


class Task:
    """Something that a container does. `done` is told how it ended."""

    def __init__(self, number: int, name: str, work: Callable[[], Any], done: Callable[[Outcome], None]) -> None:
        self.number, self.name = number, name
        self._work = work
        self.done = done
        self.outcome = Outcome(crashed=True)
        self.bug: BaseException | None = None

    def run(self) -> None:
        try:
            self.outcome = Outcome(self._work())
        except Crashed:
            self.outcome = Outcome(crashed=True)
        except Exception as error:
            self.outcome = Outcome(error=error)
        except BaseException as error:  # the test was interrupted, or the simulator is wrong
            self.bug = error


class Host(Protocol):
    """The world that containers are in."""

    strands: Strands
    ledger: Ledger
    running: Container | None

    def tick(self) -> int: ...
    def tell(self, what: str) -> None: ...
    def note(self, what: str) -> None: ...


class Container:
    """A process that does one thing at a time, and may die."""

    def __init__(self, number: int, name: str, host: Host, make: Callable[[Line], App]) -> None:
        self.number, self.name = number, name
        self.task: Task | None = None
        self._host = host
        self._strand: Strand | None = None
        self.line = Line(host.ledger, self)
        host.running = self
        self.app = make(self.line)
        host.running = None

    def start(self, task: Task, calls: int, ending: Ending) -> None:
        """Begin a task; it goes on until it ends, or pauses."""
        assert self.task is None
        self.task = task
        self.line.plan(calls, ending)
        self._host.running = self
        if ending in _NEEDS_A_STRAND:
            self._strand = self._host.strands.take()
            ended = self._strand.start(task.run)
        else:
            task.run()
            ended = True
        self._after(ended)

    def resume(self, calls: int = 0, ending: Ending = "") -> None:
        """Let a paused task go on."""
        assert self._strand is not None
        self.line.plan(calls, ending)
        self._host.running = self
        self._after(self._strand.resume())

    def _after(self, ended: bool) -> None:
        self._host.running = None
        if not ended:
            return
        self.line.plan(0, "")  # it ended before that could happen
        if self._strand is not None:
            self._host.strands.give(self._strand)
            self._strand = None
        task, self.task = self.task, None
        assert task is not None
        if task.bug is not None:
            raise task.bug
        task.done(task.outcome)

    # -- what its line asks

    def tick(self) -> int:
        return self._host.tick()

    def pause(self) -> None:
        assert self._strand is not None
        self._strand.pause()

    def tell(self, what: str) -> None:
        self._host.tell(f"{self.name} {what}")

    def note(self, what: str) -> None:
        self._host.note(what)
