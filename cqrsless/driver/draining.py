"""Delivering everything that is pending in an embedded store, and what that causes, until nothing is left."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ..errors import CqrslessError
from ..store import Store, Table
from .checkpoints import Checkpoints, StoreCheckpoints
from .feeds import StoreFeed
from .mappings import EventSourceMapping
from .polling import Driver, Function
from .shards import Subscription

log: Final = logging.getLogger("cqrsless.driver")

#: How an embedded store's two streams are mapped; the names are those of the checkpoints.
MAPPINGS: Final[Mapping[Table, EventSourceMapping]] = {
    "events": EventSourceMapping("drain.events", report_failures=True),
    "log": EventSourceMapping("drain.log", report_failures=True),
}
#: How often events may cause events that cause events before that counts as endless.
ROUNDS: Final = 1_000
#: How often a record is delivered in a row without getting anywhere before it is left: more than the retries of any
#: processor, which parks what keeps failing.
TRIES: Final = 50
#: Commits that deliveries may cause, beyond a hundred for each that was pending.
_CAUSED: Final = 100_000
_REMEMBERED: Final = 200


class Endless(CqrslessError):
    """Events keep causing events, so delivering them would never end."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain did: how many records it delivered in how many invocations, and the commits and pages (by key)
    that still fail and stay pending."""

    delivered: int
    invocations: int
    left: tuple[tuple[str, int], ...] = ()


def drain(
    function: Function,
    store: Store,
    *,
    mappings: Mapping[Table, EventSourceMapping] = MAPPINGS,
    checkpoints: Checkpoints | None = None,
    clock: Callable[[], datetime] | None = None,
    seed: int = 0,
    rounds: int = ROUNDS,
    tries: int = TRIES,
    first: Callable[[], object] | None = None,
) -> Drained:
    """Deliver all that is pending in a store to a function, in stream records, and what handlers cause meanwhile.

    How far it got is kept in the store, so another process goes on from there. Nothing is waited for: a record is
    delivered again at once, and after `tries` in a row it is left pending, for a later drain, while what is behind it
    goes on. `first` is called before anything is delivered. Raises `Endless` where events still cause events after
    `rounds` rounds. Called by a handler in the midst of a drain of this store it does nothing: what is pending comes
    when that handler has returned.

    >>> from cqrsless.messages import Cost
    >>> from cqrsless.stores import open_store
    >>> store = open_store("memory://")
    >>> store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    >>> drain(lambda event, context: None, store).delivered, drain(lambda event, context: None, store).delivered
    (1, 0)
    """
    if any(store is other for other in _draining.stores):
        return Drained(0, 0)
    _draining.stores.append(store)
    try:
        driver = Driver(
            seed=seed, clock=clock, backoff=lambda failures: 0.0, checkpoints=checkpoints or StoreCheckpoints(store)
        )
        if first is not None:
            first()
        return _drain(driver, function, store, mappings, rounds, tries)
    finally:
        _draining.stores.remove(store)


class _Draining(threading.local):
    """The stores that this thread is draining."""

    def __init__(self) -> None:
        self.stores: list[Store] = []


_draining: Final = _Draining()


def _drain(
    driver: Driver,
    function: Function,
    store: Store,
    mappings: Mapping[Table, EventSourceMapping],
    rounds: int,
    tries: int,
) -> Drained:
    recent: deque[tuple[str, tuple[str, ...]]] = deque(maxlen=_REMEMBERED)

    def noting(event: Any, context: Any) -> Any:
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            if "names" in image:
                recent.append((image["pk"]["S"], tuple(image["names"]["M"])))
        return function(event, context)

    for table, mapping in mappings.items():
        at_once = replace(mapping, batching_window=0)  # a drain ends; it does not wait for what may come
        driver.map(at_once, StoreFeed(store, table, clock=driver.clock), noting)
    subscriptions = [driver.subscription(mapping.name) for mapping in mappings.values()]
    delivered: set[tuple[str, str]] = set()
    invocations = 0
    pending: int | None = None
    while (step := driver.step()) is not None:
        invocations += 1
        if step.outcome in ("success", "partial"):
            delivered.update((step.mapping, name) for name in step.delivered if name not in step.failed)
        for lane in driver.lanes():
            if lane.parts and lane.parts[0].failures >= tries:
                lane.lay_aside(driver.clock().timestamp())
        caught_up, read = _progress(subscriptions)
        if pending is None and caught_up:
            pending = read
        if caught_up > rounds or (pending is not None and read > _CAUSED + 100 * pending):
            raise Endless(_endless(recent, caught_up))
    left = tuple(
        (entry.record["dynamodb"]["Keys"]["pk"]["S"], _number(entry.record["dynamodb"]["Keys"]))
        for lane in driver.lanes()
        for entry in lane.unfinished()
    )
    if left:
        names = ", ".join(f"{pk}@{number}" for pk, number in left[:10])
        log.warning("%s records still fail after %s deliveries and stay pending: %s", len(left), tries, names)
    return Drained(len(delivered), invocations, left)


def _number(keys: Mapping[str, Mapping[str, str]]) -> int:
    return int(next(typed["N"] for name, typed in keys.items() if name != "pk"))


def _progress(subscriptions: list[Subscription]) -> tuple[int, int]:
    """Count how often a stream was read to its end of that moment, and the records that were read in all."""
    shards = [shard for subscription in subscriptions for shard in subscription.open.values()]
    return max(shard.caught_up for shard in shards), sum(shard.read for shard in shards)


def _endless(recent: deque[tuple[str, tuple[str, ...]]], rounds: int) -> str:
    counts = Counter(name for _, names in recent for name in names)
    names = ", ".join(sorted(counts, key=lambda name: (-counts[name], name))[:8]) or "without a name"
    places = ", ".join(dict.fromkeys(pk for pk, _ in reversed(recent)))
    places = places if len(places) <= 200 else places[:200] + "..."
    return (
        f"delivering does not end: after {rounds} rounds handlers still cause new events. The last ones are {names} "
        f"(of {places}). Some handler of these dispatches a command that raises them again: let it stop at some state, "
        "or give its command a due time"
    )
