"""One command, one write: the protocol that turns a decision into a commit.

A successful conditional write proves the state that it was decided on. Everything else, a refusal, nothing to do, an
exception, stands only if it was decided on a state that was just read up to the tip.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from ..clock import jitter
from ..codec import digest
from ..errors import AlreadyExists, CommitTooLarge, ConcurrencyConflict, DuplicateMismatch, NotFound, Rejected
from ..keys import aggregate_key
from ..messages import CommandResult, Cost, Message, RecordedEvent, committed
from ..store import ConditionFailed, Item, SizedItem, Store, sized, value_size
from . import duplicates, reading
from .commits import (
    ONE_UNIT,
    advance_last,
    commit_size,
    events_text,
    fit,
    head_of,
    made_by,
    microseconds,
    names_map,
    read_head,
    usual,
)
from .deciding import Creation, Decision, Plan, decide, refuse
from .kind import Kind
from .loaded import Loaded, fold, nothing
from .memory import Cache, Turns
from .recording import with_command
from .snapshots import is_due

#: How long a command goes on after its first lost race, in seconds and in attempts, before it is a
#: `ConcurrencyConflict`.
PATIENCE: Final = 15.0
ATTEMPTS: Final = 200
#: Long enough that 16 writers who never rest do not take up the whole store with attempts that fail.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 1.0


class Executor:
    """Executes commands on the aggregates of one store; one per application and process."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        *,
        cache: Cache | None = None,
        remembered: int = duplicates.REMEMBERED,
        records: bool = False,
        sleep: Callable[[float], None] = clock.sleep,
    ) -> None:
        self.store = store
        self.cache = cache if cache is not None else Cache()
        self.turns = Turns()
        self.remembered = remembered
        #: Whether commits keep their commands.
        self.records = records
        self.clock = now
        self.sleep = sleep

    def pause(self, misses: int) -> None:
        """Wait a random while, longer after each miss, so that many writers spread out."""
        self.sleep(jitter(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**misses)))


class Execution:
    """One command on its way; used once. `cost` and `conflicts` (lost races) can be read however it ends."""

    conflicts = 0
    _decided = False
    _time = 0
    _searched = 0
    _gives_up = 0.0

    def __init__(
        self, executor: Executor, kind: Kind, message: Message, payload: Any, plan: Plan, creation: Creation
    ) -> None:
        self.executor = executor
        self.store = executor.store
        self.kind = kind
        self.pk = aggregate_key(kind.name, message.aggregate_id or "")
        self.message = message
        self.plan = plan
        self.creation: Creation = creation
        self._payload = payload
        self.cost = Cost()
        self.identity = duplicates.identity(message)
        self.digest = digest(message.payload, f"the payload of {message.name}")

    def run(self) -> CommandResult:
        """Execute the command, in its turn."""
        turns = self.executor.turns
        turns.take(self.pk)
        try:
            return self.commit()
        finally:
            turns.give(self.pk)

    def commit(self) -> CommandResult:
        # What nearly every command takes is written out here and where it leads: a call costs more than what it does.
        executor = self.executor
        loaded, fresh = executor.cache.get(self.pk), False
        if loaded is None:
            loaded, fresh = self.start()
        while True:
            if self.identity in loaded.tip["recent"] or self.message.sent is not None:
                repeated = self.duplicate(loaded)
                if repeated is not None:
                    return self.settle(loaded, repeated)
            self._time = self.time_after(loaded)
            try:
                decision = self.decide(loaded)
                item = None if decision is None else self.item(loaded, decision)
            except Exception:
                known, loaded = loaded, self.verify(loaded, fresh)
                fresh = True
                if loaded is not known:
                    continue
                self.keep(loaded)
                raise
            if decision is None or item is None:
                known, loaded = loaded, self.verify(loaded, fresh)
                fresh = True
                if loaded is not known:
                    continue
                return self.settle(loaded, self.result(loaded.number, ()))
            try:
                self.write(item)
            except ConditionFailed as failed:
                if failed.item is None:  # gone since: nothing of ours deletes commits
                    raise ConcurrencyConflict(
                        f"commit {item['c']} of {self.pk} was deleted while it was written"
                    ) from None
                mine = self.recognise(failed.item, item)
                if mine is not None:
                    return self.settle(self.forward(loaded, failed.item), mine)
                loaded, fresh = self.lost(loaded, failed.item)
                continue
            executor.cache.put(self.pk, self.after(loaded, decision, item))
            return committed(
                self.message.aggregate_id, item["c"], partial(self.kind.recorded, item), self.cost, self.kind.name
            )

    def write(self, item: Item) -> None:
        """Write the commit where nothing stands yet: that it succeeds proves the state it was decided on."""
        self.store.put("events", item, self.cost, condition="absent")

    # -- what is known

    def start(self) -> tuple[Loaded, bool]:
        """Give what to decide on where nothing is known, and whether it was just read up to the tip."""
        if self.creation == "always":  # the condition on commit 1 is the check: a create reads nothing
            return nothing(self.kind), False
        return reading.load(self.store, self.kind, self.pk, self.cost), True

    def verify(self, loaded: Loaded, fresh: bool) -> Loaded:
        """Read up to the tip where that was not just done; the same object if nothing is newer."""
        return loaded if fresh else reading.catch_up(self.store, self.kind, self.pk, loaded, self.cost)

    def forward(self, loaded: Loaded, item: Item) -> Loaded:
        """Fold the commit that stands in the way, which is the next one, as numbers are dense."""
        return fold(self.kind, loaded, (item,))

    def lost(self, loaded: Loaded, item: Item) -> tuple[Loaded, bool]:
        """Go on after a lost race: from the returned commit the first time, from a read after that."""
        self.conflicts += 1
        if self.conflicts == 1:
            self._gives_up = clock.monotonic() + PATIENCE
            return self.forward(loaded, item), False
        if self.conflicts >= ATTEMPTS or clock.monotonic() > self._gives_up:
            raise ConcurrencyConflict(
                f"{self.message.name} lost {self.conflicts} races for {self.kind.name} {self.message.aggregate_id}: "
                "other writers were faster every time; try again, or spread the writes over more aggregates"
            )
        if self.conflicts > 2:  # a second miss tells of a container that was behind as often as of a rush
            self.executor.pause(self.conflicts - 1)
        loaded = self.forward(loaded, item)
        return reading.catch_up(self.store, self.kind, self.pk, loaded, self.cost), True

    # -- deciding

    def decide(self, loaded: Loaded) -> Decision | None:
        again, self._decided = self._decided, True
        payload = self.payload() if again else self._payload
        try:
            return decide(self.kind, self.creation, self.message, payload, loaded, self.plan, self._time)
        except (Rejected, AlreadyExists, NotFound) as refusal:
            # What does not exist may come to; what was deleted will not, and whoever waits for an answer gets one.
            if self.message.on_rejected is None or (isinstance(refusal, NotFound) and not loaded.gone):
                raise
            return refuse(self.kind, self.message, self.payload(), refusal, loaded, self._time)

    def time_after(self, loaded: Loaded) -> int:
        """Give the time of the next commit: now, or the last one's where this clock is behind it."""
        before: int = loaded.tip["time"]
        return max(microseconds(self.executor.clock()), before)

    def payload(self) -> Any:
        """Make the payload anew, after the first time: a handler may have changed the one it was given."""
        return self.plan.payload(self.message)

    def item(self, loaded: Loaded, decision: Decision) -> SizedItem:
        """Make the commit's item, with a snapshot where one is due and fits, and with its command where that does."""
        kind, tip, (events, text, _, gone, void) = self.kind, loaded.tip, decision
        executor, number, time, sequence = self.executor, loaded.number + 1, self._time, tip["seq"] + len(events)
        head = head_of(self.message, self.digest, loaded.last)
        recent = duplicates.remember(tip["recent"], self.identity, time, executor.remembered)
        if text is not None and len(events) == 1 and not void:
            made = usual(self.pk, number, time, sequence, head, recent, events[0], text, kind.state_version)
            if made is not None:
                return with_command(made, self.message) if executor.records else made
        item: Item = {"pk": self.pk, "c": number, "time": time, "seq": sequence, "head": head, "recent": recent}
        if events:
            item["events"] = events_text(events)
            item["names"] = names_map(events)
        if void:
            item["void"] = True
        if gone:
            item["gone"], item["sv"] = True, kind.state_version
        if text is not None and not kind.event_sourced:
            item["state"], item["sv"] = text, kind.state_version
        size, made = commit_size(item), None
        if text is not None and kind.event_sourced:
            full = size + kind.snapshot_overhead + (len(text) if text.isascii() else value_size(text))
            if full <= ONE_UNIT:  # it adds no unit
                item["state"], item["sv"] = text, kind.state_version
                size = full
            elif self.is_due(loaded, size, full):
                made = self.with_snapshot(item, text)
        if made is None:
            made = sized(item, size if size <= ONE_UNIT else fit(item))
        return with_command(made, self.message) if executor.records else made

    def is_due(self, loaded: Loaded, size: int, full: int) -> bool:
        """Say whether a commit of `size` bytes, and with a snapshot of `full` bytes, is to bear one."""
        return is_due(size=size, full=full, gap=loaded.gap + 1, tail=loaded.tail + size, every=self.kind.every)

    def with_snapshot(self, item: Item, text: str) -> SizedItem | None:
        """Give the item with the state, or nothing where that does not fit: a snapshot only saves reading."""
        full = {**item, "state": text, "sv": self.kind.state_version}
        try:
            return sized(full, fit(full))
        except CommitTooLarge:
            return None

    # -- duplicates

    def duplicate(self, loaded: Loaded) -> CommandResult | None:
        """Find this command among the commits before, and give its result again."""
        recent = loaded.tip["recent"]
        if self.identity in recent:
            for ago in duplicates.places(recent, self.identity):
                number = loaded.number - ago
                item = loaded.tip if ago == 0 else self.store.get("events", self.pk, number, self.cost)
                if item is not None:
                    found = self.repeated(item)
                    if found is not None:
                        return found
        return None if self.message.sent is None else self.old_duplicate(loaded, self.message.sent)

    def old_duplicate(self, loaded: Loaded, sent: datetime) -> CommandResult | None:
        """Search the commits since the message was sent, where its source sends again and the digests end sooner."""
        recent = loaded.tip["recent"]
        if duplicates.covers(recent, loaded.number, sent):
            return None
        last, first = loaded.number - len(recent) // duplicates.ENTRY, self._searched + 1
        self._searched = loaded.number  # the newer ones have digests, which were just looked at
        since = microseconds(sent) - duplicates.SKEW * 1_000_000
        while last >= first:
            page = self.store.query("events", self.pk, self.cost, first=first, last=last, descending=True, limit=100)
            for item in page.items:
                if item["time"] < since:
                    return None
                found = self.repeated(item)
                if found is not None:
                    return found
            if not page.items:
                return None
            last = page.items[-1]["c"] - 1
        return None

    def repeated(self, item: Item) -> CommandResult | None:
        """Give the result of a commit if it is this command's; raise if its payload was another."""
        head = read_head(item)
        if not made_by(head, self.message):
            return None
        if not self.same_payload(head):
            raise DuplicateMismatch(
                f"{self.message.name} {self.message.id} was executed before with another payload, as commit "
                f"{item['c']} of {self.kind.name} {self.message.aggregate_id}: give a new command a new id"
            )
        return self.result(item["c"], self.kind.recorded(item), duplicate=True)

    def same_payload(self, head: Mapping[str, Any]) -> bool:
        return bool(head["digest"] == self.digest)

    def recognise(self, found: Item, put: Item) -> CommandResult | None:
        """Tell a lost answer from a lost race: the commit in the way may be this very command."""
        mine = self.repeated(found)
        if mine is None or found != put:
            return mine
        return self.result(mine.version or 0, mine.events)

    # -- the answer

    def after(self, loaded: Loaded, decision: Decision, item: SizedItem) -> Loaded:
        """Make what is known after the commit, without reading it back."""
        gap, tail = (0, 0) if "sv" in item else (loaded.gap + 1, loaded.tail + item.size)
        last = advance_last(loaded.last, item.get("names", ()), item["c"])
        _, text, state, gone, _ = decision
        return Loaded(item, last, gap, tail, gone, state if self.kind.keeps else None, text)

    def result(self, version: int, events: tuple[RecordedEvent, ...], *, duplicate: bool = False) -> CommandResult:
        return CommandResult(self.message.aggregate_id, version, events, None, duplicate, self.cost, self.kind.name)

    def settle(self, loaded: Loaded, result: CommandResult) -> CommandResult:
        self.keep(loaded)
        return result

    def keep(self, loaded: Loaded) -> None:
        if loaded.tip["c"]:
            self.executor.cache.put(self.pk, loaded)
