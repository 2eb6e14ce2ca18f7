"""Each rule of "one command, one write", taken away: a name, and a patch that does without it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from cqrsless import codec, dispatcher, states
from cqrsless.aggregates import commits, deciding, duplicates, executing, loaded, memory, reading
from cqrsless.aggregates.executing import Execution
from cqrsless.aggregates.kind import Kind
from cqrsless.aggregates.loaded import Loaded
from cqrsless.store import item_size, sized

Patch = Callable[[pytest.MonkeyPatch], None]


def replacing(target: Any, name: str, value: Any) -> Patch:
    return lambda patch: patch.setattr(target, name, value)


def all_of(*patches: Patch) -> Patch:
    def apply(patch: pytest.MonkeyPatch) -> None:
        for each in patches:
            each(patch)

    return apply


def write_without_condition(self: Execution, item: Any) -> None:
    self.store.put("events", item, self.cost)


def look_for_duplicates_after_creation(patch: pytest.MonkeyPatch) -> None:
    duplicate = Execution.duplicate

    def later(self: Execution, known: Loaded) -> Any:
        deciding.check(self.kind, self.creation, self.message, known)
        return duplicate(self, known)

    patch.setattr(Execution, "duplicate", later)


def share_states(patch: pytest.MonkeyPatch) -> None:
    shared: dict[int, tuple[Loaded, Any]] = {}
    private = Loaded.private

    def once(self: Loaded, kind: Kind) -> Any:
        if id(self) not in shared:
            shared[id(self)] = (self, private(self, kind))
        return shared[id(self)][1]

    patch.setattr(Loaded, "private", once)


class Everything(frozenset[int]):
    def __contains__(self, version: object) -> bool:
        return version is not None


def take_any_snapshot(patch: pytest.MonkeyPatch) -> None:
    made = Kind.__init__

    def reads_everything(self: Kind, *args: Any) -> None:
        made(self, *args)
        self._reads = Everything()

    patch.setattr(Kind, "__init__", reads_everything)


def snapshot_that_has_to_fit(self: Execution, item: Any, text: str) -> Any:
    full = {**item, "state": text, "sv": self.kind.state_version}
    return sized(full, commits.fit(full))


def always_load(self: Execution) -> tuple[Loaded, bool]:
    return reading.load(self.store, self.kind, self.pk, self.cost), True


def never_read_again(self: Execution, known: Loaded, item: Any) -> tuple[Loaded, bool]:
    self.conflicts += 1
    return self.forward(known, item), False


def take_what_is_not_stored_for_what_is(self: Loaded) -> bool:
    return self.number > 0 and not self.void


def read_up_to_the_tip_forwards(store: Any, kind: Kind, pk: str, known: Loaded, cost: Any) -> Loaded:
    return loaded.fold(kind, known, store.query("events", pk, cost, first=known.number + 1, limit=kind.every).items)


def create_nothing_void(*args: Any, **kwargs: Any) -> Any:
    return refuse(*args, **kwargs)._replace(void=False)


refuse = deciding.refuse


def without_upcasters(self: states.PayloadCodec, stored: Any, version: int) -> Any:
    return stored


def check_all_but_versions(kind: Any, creation: Any, message: Any, known: Loaded) -> None:
    check(kind, creation, message._replace(expected_version=None), known)


check = deciding.check


def encode_anything(self: Kind, name: str, payload: Any) -> Any:
    how = self.payload_codec(name)
    text, copy = how.encode(payload)
    return commits.Encoded(how.name, copy, f"{how.opening}{text}{how.closing}")


def share_payloads(self: Kind, name: str, payload: Any) -> Any:
    return encode(self, name, payload)._replace(payload=payload)


encode = Kind.encode


NONE: Any = lambda *args, **kwargs: None  # noqa: E731
YES: Any = lambda *args, **kwargs: True  # noqa: E731
NO: Any = lambda *args, **kwargs: False  # noqa: E731

#: A rule, and how to do without it. The names stand in `test_mutations.CAUGHT_BY`.
MUTATIONS: dict[str, Patch] = {
    "a write has a condition": replacing(Execution, "write", write_without_condition),
    "what was decided on what is remembered is verified": replacing(
        Execution, "verify", lambda self, known, fresh: known
    ),
    "a catch-up reads up to the tip": replacing(reading, "catch_up", read_up_to_the_tip_forwards),
    "the returned commit is folded": replacing(Execution, "forward", lambda self, known, item: known),
    "a second miss reads": replacing(Execution, "lost", never_read_again),
    "commands on one aggregate take turns": all_of(
        replacing(memory.Turns, "take", NONE), replacing(memory.Turns, "give", NONE)
    ),
    "a creation reads nothing": replacing(Execution, "start", always_load),
    "what was used last is kept": replacing(memory.Cache, "get", NONE),
    "duplicates are looked for": replacing(Execution, "duplicate", NONE),
    "duplicates are looked for before creation is checked": look_for_duplicates_after_creation,
    "commands are remembered": replacing(duplicates, "remember", lambda recent, entry, time, keep: b""),
    "so many commands are remembered": replacing(
        duplicates, "remember", lambda recent, entry, time, keep: entry + b"\0\0\0\0"
    ),
    "a hit is compared": replacing(executing, "made_by", YES),
    "payloads are compared": replacing(Execution, "same_payload", YES),
    "old messages are searched for": replacing(Execution, "old_duplicate", NONE),
    "a search ends where the message was sent": replacing(duplicates, "covers", NO),
    "a lost answer is recognised": replacing(Execution, "recognise", NONE),
    "a lost answer is told from another attempt": replacing(
        Execution, "recognise", lambda self, found, put: self.repeated(found)
    ),
    "states are private copies": share_states,
    "payloads are private copies": replacing(Execution, "payload", lambda self: self._payload),
    "a caller's payload is copied": replacing(
        dispatcher.Plan,
        "payload",
        lambda self, message: self.validated(message.payload) if self.validated else message.payload,
    ),
    "an evolver's payload is a private copy": replacing(Kind, "encode", share_payloads),
    "a snapshot is taken by its state_version": take_any_snapshot,
    "a snapshot that does not fit is left out": replacing(Execution, "with_snapshot", snapshot_that_has_to_fit),
    "a snapshot is taken when it is due": replacing(executing, "is_due", NO),
    "a snapshot is taken only when it is due": replacing(executing, "is_due", YES),
    "events are brought up to date": replacing(states.PayloadCodec, "decode", without_upcasters),
    "an unknown event is not recorded": replacing(Kind, "encode", encode_anything),
    "an unknown event is not folded": replacing(Kind, "knows", YES),
    "time never goes back": replacing(
        Execution, "time_after", lambda self, known: commits.microseconds(self.executor.clock())
    ),
    "an event's time is its commit's": replacing(
        Execution, "time_after", lambda self, known: commits.microseconds(self.message.time)
    ),
    "the last commit of each name moves on": all_of(
        replacing(executing, "advance_last", lambda last, names, number: {**dict.fromkeys(names, number), **last}),
        replacing(loaded, "advance_last", lambda last, names, number: {**dict.fromkeys(names, number), **last}),
    ),
    "the names that are kept are bounded": replacing(commits, "NAMES_KEPT", 10_000),
    "a commit has a map of its names": all_of(
        replacing(executing, "usual", NONE), replacing(executing, "names_map", lambda events: {})
    ),
    "a body is compressed where that saves": replacing(codec, "compress", lambda text: text.encode()),
    "inflating is bounded": replacing(
        codec, "inflate", lambda body: body if isinstance(body, str) else zlib.decompress(body).decode()
    ),
    "what does not fit is refused": replacing(executing, "fit", item_size),
    "what is deleted is gone": replacing(Loaded, "exists", property(take_what_is_not_stored_for_what_is)),
    "a refusal recorded on nothing creates nothing": replacing(executing, "refuse", create_nothing_void),
    "an expected version is checked": replacing(deciding, "check", check_all_but_versions),
}  # fmt: skip
