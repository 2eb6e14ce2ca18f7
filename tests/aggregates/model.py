"""What boxes should do, in plain Python: a list of commits each, and what a command answers on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cqrsless import AlreadyExists, DuplicateMismatch, NotFound, Rejected, VersionMismatch
from tests.aggregates.box import Failure, KindOfBox

#: Commits whose command is remembered.
REMEMBERED = 16
CREATION = {"Open": "always", "Ensure": "if_missing", "PutBelow": "if_missing", "Refuse": "if_missing"}
CREATION |= {"Leave": "if_missing", "Break": "if_missing", "Note": "if_missing"}


@dataclass(frozen=True)
class Step:
    """A command as somebody sends it. `timed`: through a source that sends it again, with its own time."""

    name: str
    box: str
    id: str
    payload: dict[str, Any] = field(default_factory=dict)
    timed: bool = False
    expected: int | None = None
    on_rejected: bool = False

    @property
    def identity(self) -> tuple[bool, str, str]:
        return self.timed, self.name, self.id

    @property
    def full_payload(self) -> dict[str, Any]:
        return {"id": self.box, **self.payload}


@dataclass(frozen=True)
class Commit:
    step: Step
    events: tuple[tuple[str, Any], ...]
    numbers: tuple[int, ...]
    gone: bool = False
    void: bool = False
    state_version: int = 1


@dataclass(frozen=True)
class Answer:
    """What comes back: an error's class, or the version, the events, and whether it had been done before."""

    error: type[Exception] | None = None
    version: int = 0
    events: tuple[tuple[str, Any], ...] = ()
    duplicate: bool = False


class Box:
    """One box: its commits, oldest first."""

    def __init__(self, kind: KindOfBox) -> None:
        self.kind = kind
        self.commits: list[Commit] = []

    @property
    def exists(self) -> bool:
        return bool(self.commits) and not self.commits[-1].gone and not self.commits[-1].void

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.commits[-1].numbers if self.commits else ()

    def found(self, step: Step, reach: int | None) -> Answer | None:
        """Look for a command among the last commits (`None`: among all), the newest first."""
        oldest = 0 if reach is None else max(0, len(self.commits) - reach)
        for at in range(len(self.commits) - 1, oldest - 1, -1):
            commit = self.commits[at]
            if commit.step.identity == step.identity:
                if commit.step.payload != step.payload:
                    return Answer(DuplicateMismatch)
                return Answer(None, at + 1, commit.events, duplicate=True)
        return None

    def answers(self, step: Step) -> list[Answer]:
        """Give the answers that are right: the first if the command is decided, others if it was done long ago."""
        # A container that is far behind may remember what the newest commit does not.
        same = [commit for commit in self.commits if commit.step.identity == step.identity]
        long_ago = [Answer(DuplicateMismatch)] if any(commit.step.payload != step.payload for commit in same) else []
        long_ago += [
            Answer(None, at, commit.events, duplicate=True)
            for at, commit in enumerate(self.commits, 1)
            if commit.step.identity == step.identity and commit.step.payload == step.payload
        ]
        again = self.found(step, None if step.timed else REMEMBERED)
        if again is not None:
            return [again, *long_ago]  # done more than once, as what is not remembered is: any of these was it
        decided = self.decide(step)
        answer = decided if isinstance(decided, Answer) else Answer(None, len(self.commits) + 1, decided.events)
        return [answer, *long_ago]

    def decide(self, step: Step) -> Commit | Answer:
        """Decide a command that was not done before: what to commit, or the answer where there is nothing."""
        creation = CREATION.get(step.name, "never")
        payload, numbers = step.payload, self.numbers
        refusal: str | None = None
        if self.commits and self.commits[-1].gone:
            if not step.on_rejected:
                return Answer(AlreadyExists if creation == "always" else NotFound)
            why = f", and an id is not used twice: {step.name} needs a new one" if creation == "always" else ""
            event = ("Refused", {**step.full_payload, "reason": f"Box {step.box} was deleted{why}"})
            return Commit(step, (event,), numbers, gone=True)
        if self.exists and creation == "always":
            if not step.on_rejected:
                return Answer(AlreadyExists)
            refusal = f"Box {step.box} exists already, and Open creates one"
        elif not self.exists and creation == "never":
            return Answer(NotFound)
        elif step.expected not in (None, len(self.commits)):
            return Answer(VersionMismatch)
        elif step.name == "Refuse":
            refusal = "the box says no"
        elif step.name == "PutBelow" and len(numbers) >= payload["most"]:
            refusal = f"there are {len(numbers)} already"
        elif step.name == "Break":
            return Answer(Failure)
        if refusal is not None:
            if not step.on_rejected:
                return Answer(Rejected)
            event = ("Refused", {**step.full_payload, "reason": refusal})
            return Commit(step, (event,), numbers, void=not self.exists)
        return self.change(step)

    def change(self, step: Step) -> Commit | Answer:
        """Do what an accepted command does."""
        payload, numbers = step.payload, self.numbers
        nothing = Answer(None, len(self.commits))
        if step.name == "Open":
            return Commit(step, (("Opened", {"n": payload["n"]}),), (payload["n"],))
        if step.name == "PutMany":
            events = tuple(("Put", {"n": n}) for n in payload["ns"])
            return Commit(step, events, (*numbers, *payload["ns"])) if events else nothing
        if step.name == "Close":
            return Commit(step, (("Closed", {}),), numbers, gone=True)
        if step.name == "Swap" and payload["n"] in numbers:
            return nothing
        if step.name == "Leave":  # a stored state is there once it is returned, events or not
            return Commit(step, (), ()) if self.kind == "stored" and not self.exists else nothing
        return Commit(step, (("Put", {"n": payload["n"]}),), (*numbers, payload["n"]))
