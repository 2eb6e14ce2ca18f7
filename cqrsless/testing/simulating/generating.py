"""Scripts made by chance: the same seed and number give the same script, on any machine and version of Python."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from random import Random
from typing import Any, Final

from .lines import ENDINGS, Ending
from .steps import BROKEN, Script, Step

__all__ = ["DRAWN", "Draw", "make"]

#: What a command or an external event is made of, where it is made by a function of a `Random`.
DRAWN: Final = 2**16
#: Gives what one new command is made of: a number, or the command itself.
Draw = Callable[[], Any]
#: How often each step occurs among a hundred or so.
_WEIGHTS: Final = {
    "command": 24,
    "deliver": 34,
    "pages": 10,
    "again": 4,
    "due": 3,
    "retry": 4,
    "replay": 5,
    "rebuild": 2,
    "read": 3,
    "give up": 2,
    "clock": 4,
    "expire": 4,
    "break": 3,
    "mend": 2,
    "start": 2,
    "deploy": 1,
}
_EVENTS: Final = {"event": 5, "event again": 3}
_DROPS: Final = {"drop": 1}
_ALONE: Final = frozenset({"clock", "expire", "break", "mend", "start", "deploy"})
_BATCHES: Final = frozenset({"deliver", "pages", "give up"})
_RECORDS: Final = 10
_MANY: Final = 60
#: Of how much time a step may pass, other than in scenes where that is too much.
_TIMES: Final = 5
#: Places of containers; they are counted round and round. The last one is the indexer's, where that has its own.
_SLOTS: Final = 60
_LAST: Final = -1
#: What is often done by a container that sleeps in the midst of it, while another one is given what has been committed
#: since: chance alone seldom lets these meet.
_ASLEEP: Final = ("deliver", "deliver", "pages", "replay", "replay", "rebuild", "due")
#: What may happen while somebody sleeps.
_MEANWHILE: Final[tuple[tuple[Step, ...], ...]] = (
    (),
    (Step("clock", x=2),),
    (Step("expire"),),
    (Step("expire"), Step("clock", x=2)),
    (Step("rebuild", 1),),
)


def make(random: Random, draw: Draw, *, steps: int, past: int, external: bool, drops: bool, losses: bool) -> Script:
    """Make a script of at most `steps` steps, behind at most `past` commands."""
    maker = _Maker(random, draw, external, drops, losses)
    layout = random.randrange(3)
    before = tuple(draw() for _ in range(random.randrange(past + 1))) if past and random.random() < 0.5 else ()
    made = maker.restored() if losses and before and random.random() < 0.3 else []
    for _ in range(random.randint(1, steps)):
        made += maker.scene()
    return Script(layout, before, tuple(made[:steps]))


class _Maker:
    """Makes steps, one after the other."""

    def __init__(self, random: Random, draw: Draw, external: bool, drops: bool, losses: bool) -> None:
        weights = {**_WEIGHTS, **(_EVENTS if external else {}), **(_DROPS if drops else {})}
        self._random, self._draw, self._drops, self._losses = random, draw, drops, losses
        self._kinds = list(weights)
        self._sums = list(accumulate(weights.values()))

    def scene(self) -> list[Step]:
        chance = self._random.random()
        if chance < 0.87:
            return [self._step(self._kinds[bisect(self._sums, self._random.randrange(self._sums[-1]))])]
        if chance < 0.94:
            return self._asleep()
        if chance < 0.965:
            return self._parked()
        if chance < 0.98:
            return self._read_through()
        return self._far_behind() if self._losses and chance > 0.99 else self._late()

    def _step(self, do: str) -> Step:
        random = self._random
        at = 0 if do in _ALONE else random.randrange(_SLOTS)
        calls, ending = (0, ENDINGS[0]) if do in _ALONE else self._happens()
        x = self._draw() if do == "command" else random.randrange(self._among(do))
        y = random.randrange(10) if do in _BATCHES or do in ("break", "drop", "read", "deploy") else 0
        z = 0
        if do == "break":
            z = random.randrange(10)
        elif do in _BATCHES and random.random() < 0.6:
            z = random.randrange(1, DRAWN)
        return Step(do, at, x, y, z, calls, ending)

    def _among(self, do: str) -> int:
        """Give how many a step chooses among: records of a batch, or more consumers and functions than most have."""
        if do in ("event", "clock"):
            return DRAWN if do == "event" else _TIMES
        return _RECORDS if do in _BATCHES else _MANY

    def _calls(self) -> int:
        """Say at which call of the store something happens: most tasks make few."""
        return int(self._random.expovariate(0.12))

    def _happens(self) -> tuple[int, Ending]:
        """Say what happens to a task, and at which call; nothing happens to four in ten."""
        if self._random.random() < 0.4:
            return 0, ENDINGS[0]
        ending = self._random.choice(ENDINGS[1:])
        return self._random.randrange(7) if ending in ("hold", "refuse") else self._calls(), ending

    def _asleep(self) -> list[Step]:
        """Let a container sleep in the midst of something, another one act, and the first one go on."""
        random = self._random
        at = random.randrange(_SLOTS)
        other = at ^ 1 if random.random() < 0.5 else random.randrange(_SLOTS)  # often one of the same function
        pause: Ending = "pause" if random.random() < 0.5 else "hold"
        do = random.choice(_ASLEEP)
        calls = self._calls() if pause == "pause" else random.randrange(7)
        return [
            Step(do, at, random.randrange(self._among(do)), calls=calls, ending=pause),
            Step("command", other, self._draw()),
            *random.choice(_MEANWHILE),
            Step("deliver", other, 9),
            Step("pages", other, 9),
            Step("deliver", at),
        ]

    def restored(self) -> list[Step]:
        """Let what is past have been restored, and something happen to whoever makes the rest of it."""
        calls, ending = self._happens()
        random = self._random
        return [Step("restore", random.randrange(_SLOTS), y=random.randrange(2), calls=calls, ending=ending)]

    def _far_behind(self) -> list[Step]:
        """Let a mapping fall behind: its function comes to work, or not, and then its stream loses what is left."""
        random = self._random
        commands = [Step("command", random.randrange(_SLOTS), self._draw()) for _ in range(3)]
        at = _LAST if random.random() < 0.7 else random.randrange(_SLOTS)
        works = [Step("deliver", at, random.randrange(2), 0, 0, *self._happens()) for _ in range(random.randrange(3))]
        return [*commands, Step("clock", x=5), *works, Step("clock", x=6)]

    def _late(self) -> list[Step]:
        """Let time pass until something may be due, and something happen to whoever runs it."""
        calls, ending = self._happens()
        return [Step("clock", x=4), Step("due", self._random.randrange(_SLOTS), calls=calls, ending=ending)]

    def _read_through(self) -> list[Step]:
        """Let a container read a row, another one build its view anew and begin to remove it, and the first read on."""
        random = self._random
        at, other, x, y = (random.randrange(n) for n in (_SLOTS, _SLOTS, _MANY, 10))
        batches = [Step("deliver", other, 9, z=random.randrange(1, DRAWN)) for _ in range(6)]
        return [Step("read", at, x, y), Step("replay", other, x), *batches, Step("read", at, x, y)]

    def _parked(self) -> list[Step]:
        """Let a handler fail until it is mended, and then something else happen to what is parked."""
        random = self._random
        at, x, y, z = BROKEN, random.randrange(_MANY), random.randrange(10), random.randrange(10)
        attempts = [Step("deliver", at, 9) for _ in range(8)]
        if random.random() < 0.5:
            disturbed = Step("deliver", at, 9, calls=random.randrange(4), ending="refuse")
            if random.random() < 0.5:
                disturbed = Step("deliver", at, 9, 0, 0, *self._happens())
            attempts[random.choice((0, 0, 1, 5, random.randrange(8)))] = disturbed
        commands = [Step("command", random.randrange(_SLOTS), self._draw()) for _ in range(2)]
        broken = [Step("break", x=x, y=y, z=z), *commands, *attempts]
        first, *rest = self._asleep()
        first = first._replace(x=random.randrange(_MANY))
        if self._drops and random.random() < 0.3:
            return [*broken, first._replace(do="drop"), Step("mend"), *rest]
        return [*broken, Step("mend"), first._replace(do="retry"), *rest]
