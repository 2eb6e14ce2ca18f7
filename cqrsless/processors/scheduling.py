"""Commands for later: when they are due, what is kept of them until then, and what happens at that time.

A command with `due=` has the source `scheduler` whether it runs at once or waits, so that its id is the same command
either way. Cancelling one leaves a tombstone, which is looked for when it is scheduled and before it runs: an id that
was cancelled stays so, for as long as anything is likely to schedule it again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple, Protocol

from .. import codec, tracing
from ..messages import Cost, Message
from ..store import ConditionFailed, Delete, Equals, Item, Put, Store
from .identities import identity

__all__ = ["DETAIL_TYPE", "RETRY", "Retry", "Scheduler", "Scheduling", "due_time", "event_of", "message_of", "wire_of"]

log = logging.getLogger("cqrsless")
#: What EventBridge Scheduler brings is marked as ours by this; see `message_of`.
DETAIL_TYPE: Final = "Scheduled Command"
#: The command that no application handles: a parked aggregate's turn to be retried.
RETRY: Final = "cqrsless.retry"
#: How long a tombstone is kept: past any redelivery, and most letters.
TOMBSTONE: Final = timedelta(days=90)
#: The longest id: what is scheduled comes back as a message, whose id is no longer.
LONGEST_ID: Final = 256
_LISTED: Final = "k#"


class Scheduler(Protocol):
    """Where commands wait for their time."""

    def schedule(self, id: str, when: datetime, wire: Mapping[str, Any]) -> None:
        """Keep a command until its time; one of that id that waits already stays as it is."""
        ...

    def cancel(self, id: str) -> None:
        """Drop a command that waits, if there is one."""
        ...


class Retry(NamedTuple):
    """A parked aggregate to be retried: whose, in which run, and at which commit it was parked."""

    consumer: str
    run: int
    key: str
    commit: int

    @property
    def id(self) -> str:
        return f"retry-{identity('retry', self.consumer, str(self.run), self.key, str(self.commit))}"


class Scheduling:
    """Commands with `due=`, from event handlers and from `execute` alike."""

    def __init__(
        self,
        scheduler: Scheduler,
        store: Store,
        now: Callable[[], datetime],
        dispatch: Callable[[Message], Any],
        retry: Callable[[Retry], Any],
        check: Callable[[Message], None] | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.now = now
        self._tombstones = Tombstones(store, now)
        self._dispatch = dispatch
        self._retry = retry
        self._check = check

    def at(self, message: Message, due: datetime | timedelta) -> Any:
        """Run a command at its time: now, giving what it gave, where that is past; else `None`.

        A timedelta counts from the message's own time, which for a command from an event is the event's. What is wrong
        with the payload is raised at once, where it was made, and not when nobody is there any more.
        """
        when = due_time(due, message.time, message.name)
        if tracing.on():
            message = tracing.carrying(message)
        wire = wire_of(message)
        waiting = message_of(wire, when)
        if when <= self.now():
            return self.fire(waiting)
        if self._check is not None:
            self._check(waiting)  # the copy that will run: what is kept is what was sent
        self.scheduler.schedule(message.id, when, wire)
        # Behind that, since a cancellation puts its tombstone before it looks for what waits: one of the two sees the
        # other, and a tombstone need not wait for the due time of what comes after it.
        if self._tombstones.has(message.id):
            log.warning(
                "%s is not scheduled: its id %r was cancelled before, and an id that was cancelled stays so; give what "
                "is scheduled anew an id of its own",
                message.name,
                message.id,
            )
            self.scheduler.cancel(message.id)
        return None

    def retry(self, retry: Retry, when: datetime, attempt: int) -> None:
        """Have a parked aggregate retried at a time."""
        wire = {"retry": {"consumer": retry.consumer, "run": retry.run, "key": retry.key, "commit": retry.commit}}
        self.scheduler.schedule(f"{retry.id}~{attempt}", when, wire)

    def cancel(self, id: str) -> None:
        """Cancel a scheduled command, or one that will be scheduled, by its id."""
        check_id(id, "what is cancelled")
        self._tombstones.put(id)
        self.scheduler.cancel(id)

    def sweep(self) -> None:
        """Remove the tombstones that have expired, on an embedded store."""
        self._tombstones.sweep()

    def fire(self, message: Message) -> Any:
        """Run what is due, unless it was cancelled; give what it gave, `None` where it was."""
        if message.name == RETRY:
            return self._retry(Retry(**message.payload))
        if self._tombstones.has(message.id):
            log.info("%s %s was cancelled: not run", message.name, message.id)
            return None
        return self._dispatch(message)


class Tombstones:
    """The ids that were cancelled, in the views table, where they expire by `ttl` (seconds since 1970).

    DynamoDB removes them then. On an embedded store `sweep` does, for which each is listed by that time.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._listed = not store.url.startswith("dynamodb:")

    def has(self, id: str) -> bool:
        return self._store.get("views", f"k#{id}", "-", Cost()) is not None

    def put(self, id: str) -> None:
        ttl = int((self._now() + TOMBSTONE).timestamp())
        stone: Item = {"pk": f"k#{id}", "sk": "-", "id": id, "ttl": ttl}
        if self._listed:
            self._store.write([Put("views", stone), Put("views", _listing(stone))], Cost())
        else:
            self._store.put("views", stone, Cost())

    def sweep(self) -> None:
        """Remove what has expired."""
        until = f"{int(self._now().timestamp()):015d}#"
        while items := self._store.query("views", _LISTED, Cost(), last=until, limit=50).items:
            for listing in items:
                gone: list[Delete] = [Delete("views", _LISTED, listing["sk"])]
                stone = self._store.get("views", f"k#{listing['id']}", "-", Cost())
                if stone is not None and _listing(stone)["sk"] == listing["sk"]:  # it was not put anew since
                    gone.append(Delete("views", stone["pk"], "-", Equals("ttl", stone["ttl"])))
                with suppress(ConditionFailed):  # it is put anew this moment, and looked at again
                    self._store.write(gone, Cost())


def _listing(stone: Item) -> Item:
    return {"pk": _LISTED, "sk": f"{stone['ttl']:015d}#{identity('tombstone', stone['id'])}", "id": stone["id"]}


def due_time(due: datetime | timedelta, since: datetime, name: str) -> datetime:
    """Give the moment that `due=` means.

    >>> due_time(timedelta(minutes=20), datetime(2026, 11, 23, 12, tzinfo=timezone.utc), "ExpireOrder")
    datetime.datetime(2026, 11, 23, 12, 20, tzinfo=datetime.timezone.utc)
    """
    if isinstance(due, timedelta):
        try:
            return since + due
        except OverflowError as error:
            raise ValueError(f"due={due!r} of {name} is behind the last date there is, in the year 9999") from error
    if not isinstance(due, datetime):
        raise TypeError(
            f"due={due!r} of {name} is no time: give an aware datetime, or a timedelta, as in timedelta(days=3), "
            "counted from the message's time"
        )
    if due.tzinfo is None or due.utcoffset() is None:
        raise ValueError(
            f"due={due!r} of {name} has no time zone: write datetime(..., tzinfo=timezone.utc), or give a timedelta, "
            "counted from the event's time"
        )
    return due.astimezone(timezone.utc)


def check_id(id: str, what: str) -> None:
    """Refuse an id that could not come back as a message's."""
    if not 0 < len(id) <= LONGEST_ID:
        raise ValueError(f"the id of {what} has {len(id)} characters; one that is scheduled has 1 to {LONGEST_ID}")


def wire_of(message: Message) -> dict[str, Any]:
    """Give a command as JSON that keeps the types of its payload; `message_of` reads it."""
    check_id(message.id, message.name)
    wire: dict[str, Any] = {
        "command": message.name,
        "id": message.id,
        "payload": codec.encode(message.payload, f"the payload of {message.name}")[0],
        "correlation_id": message.correlation_id or message.id,
    }
    if message.causation_id is not None:
        wire["causation_id"] = message.causation_id
    if message.metadata:
        wire["metadata"] = codec.encode(dict(message.metadata), f"the metadata of {message.name}")[0]
    if message.expected_version is not None:
        wire["expected_version"] = message.expected_version
    if message.on_rejected is not None:
        wire["on_rejected"] = message.on_rejected
    return wire


def message_of(wire: Mapping[str, Any], due: datetime, attempt: int = 1) -> Message:
    """Make the message of what was scheduled. Its time is when it was due, however late it runs."""
    if "retry" in wire:
        retry = Retry(**wire["retry"])
        return Message(retry.id, RETRY, "command", retry._asdict(), due, "scheduler", sent=due, attempt=attempt)
    return Message(
        wire["id"],
        wire["command"],
        "command",
        codec.decode(wire["payload"]),
        due,
        "scheduler",
        correlation_id=wire["correlation_id"],
        causation_id=wire.get("causation_id"),
        metadata=codec.decode(wire["metadata"]) if "metadata" in wire else {},
        expected_version=wire.get("expected_version"),
        on_rejected=wire.get("on_rejected"),
        sent=due,
        attempt=attempt,
    )


def event_of(wire: Mapping[str, Any], when: datetime) -> str:
    """Give what EventBridge Scheduler sends to the function: an event of EventBridge's shape, as JSON."""
    return json.dumps(
        {
            "version": "0",
            "id": str(wire.get("id", RETRY)),
            "detail-type": DETAIL_TYPE,
            "source": "aws.scheduler",
            "time": when.isoformat(),
            "detail": dict(wire),
        },
        separators=(",", ":"),
    )
