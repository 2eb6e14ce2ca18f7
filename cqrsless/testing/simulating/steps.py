"""A script: who does what, how far it gets, and what happens to it there. Plain data, so that it can be shrunk.

Numbers in a step choose among what there is by then, counted round and round: every script can be acted out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ... import codec
from ...errors import CqrslessError
from ...messages import Command
from .lines import ENDINGS, Ending

__all__ = ["BROKEN", "KINDS", "Script", "Step"]

#: In place of a container's number: one of the function whose handler was made to fail last.
BROKEN: Final = -2
#: What a step may do. `x`, `y` and `z` mean:
KINDS: Final = {
    "command": "x: what is drawn from; a client sends a new command",
    "again": "x: which; a client sends a command again",
    "deliver": "x: how many records; y: how many are left for later before them; z: disorder and repeats",
    "pages": "the same, of the log",
    "event": "x: what is drawn from; an external event arrives",
    "event again": "x: which; an external event arrives again",
    "due": "what is due is run",
    "retry": "x: whose letters are retried, of those who have some",
    "drop": "x: of whose letters, y: which; its failing commit is given up",
    "replay": "x: which processor or view is replayed",
    "rebuild": "x: in how many segments; the log is rebuilt",
    "restore": "as the first step, the past is an events table out of a backup: log and views are made anew for it; "
    "y: whether it is first put beside those of before",
    "read": "x: of which view, y: which row is read",
    "give up": "x: how many records Lambda gives up on; y: how many are left for later before them",
    # These take no container.
    "expire": "the invocation under way times out: its batch is delivered again, and it may still go on",
    "clock": "x: how much time passes",
    "break": "x: which handler; y: for which aggregate; z: how: it fails from here on",
    "mend": "x: which of them is mended",
    "start": "every container that does nothing is replaced",
    "deploy": "x: which view; y: the version of its projectors that containers begin with from here on",
}


class Step(NamedTuple):
    """One step. A container that is in the midst of something goes on with that instead."""

    do: str
    at: int = 0
    x: Any = 0
    y: int = 0
    z: int = 0
    calls: int = 0
    ending: Ending = ""


@dataclass(frozen=True, slots=True)
class Script:
    """Steps, in the deployment `layout`.

    0 is one function for everything, 1 a function for each consumer, and 2 as well, with a FIFO queue before each
    subscribing one and a function that fans out to these. `past` are the
    commands that were executed before anything reacted.
    """

    layout: int
    past: tuple[Any, ...]
    steps: tuple[Step, ...]

    def text(self) -> str:
        """Give it as JSON, for `simulate(..., script=...)`."""
        steps = [
            _trimmed([step.do, step.at, _plain(step.x), step.y, step.z, step.calls, step.ending]) for step in self.steps
        ]
        return json.dumps([self.layout, [*map(_plain, self.past)], *steps], separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Script:
        try:
            layout, past, *steps = json.loads(text)
            return cls(layout, tuple(map(_command, past)), tuple(map(_step, steps)))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise CqrslessError(f"this is no script of a simulation: {text[:80]!r} ({error})") from None


def _step(given: Sequence[Any]) -> Step:
    step = Step(*given)
    if step.do not in KINDS or step.ending not in ENDINGS:
        raise ValueError(f"no step is {list(given)}")
    return step._replace(x=_command(step.x))


def _trimmed(values: list[Any]) -> list[Any]:
    while len(values) > 1 and values[-1] in (0, ""):
        values.pop()
    return values


def _plain(x: Any) -> Any:
    if not isinstance(x, Command):
        return x
    return {"name": x.name, "payload": codec.encode(x.payload, f"the payload of {x.name}")[0], "id": x.id}


def _command(x: Any) -> Any:
    if not isinstance(x, dict):
        return x
    return Command(x["name"], codec.decode(x["payload"]), x["id"])
