"""The driver: mappings, each with a stream and a function, and whose turn it is."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from random import Random
from typing import Any, Final, Literal

from .answers import Verdict, judge
from .checkpoints import Checkpoints, MemoryCheckpoints
from .context import LambdaContext, request_id
from .disorder import Arrivals, InOrder
from .failures import RETRIES_EXHAUSTED, TOO_OLD, Destination, GivenUp
from .feeds import Feed
from .lanes import Lane, NotInvoked, Part
from .mappings import EventSourceMapping
from .shards import OpenShard, Subscription

log: Final = logging.getLogger("cqrsless.driver")

Function = Callable[[Any, Any], Any]
#: "You can design for up to two Lambda functions to read from the same DynamoDB Streams shard at the same time."
_READERS: Final = 2


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the driver did: an invocation and its outcome, or a wait for records held back on their way.

    `delivered` are the sequence numbers that the function was given, `failed` those that it named, `given_up` those
    that the mapping discarded.
    """

    mapping: str
    shard: str
    outcome: Literal["success", "partial", "failure", "not invoked", "given up", "held back"]
    delivered: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Mapped:
    subscription: Subscription
    function: Function
    destination: Destination | None
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Turn:
    """A lane whose turn it is."""

    mapped: _Mapped
    shard: OpenShard
    lane: Lane
    part: Part = field(repr=False)


def backoff(failures: int) -> float:
    """Give the seconds before the next attempt. AWS documents that there is a wait, not how long."""
    return min(60.0, 0.25 * 2.0 ** min(failures, 10))


class Driver:
    """Feeds functions from streams by event source mappings, one invocation a step.

    With the same `seed`, the same feeds and functions that answer alike, the same steps come again: clock, sleeping
    and chance are given to it. A function may call `step` itself, in the midst of an invocation: another lane then has
    its turn, as if two invocations ran side by side.

    >>> from cqrsless.driver import StoreFeed
    >>> from cqrsless.messages import Cost
    >>> from cqrsless.stores import open_store
    >>> store = open_store("memory://")
    >>> store.put("events", {"pk": "Order#o-1", "c": 1}, Cost())
    >>> driver = Driver()
    >>> driver.map(EventSourceMapping("print"), StoreFeed(store, "events"), lambda event, context: None)
    >>> [step.outcome for step in driver.run()]
    ['success']
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], object] = time.sleep,
        backoff: Callable[[int], float] = backoff,
        checkpoints: Checkpoints | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.random = Random(seed)
        self.clock = clock or _now
        self._sleep = sleep
        self._backoff = backoff
        self._checkpoints: Checkpoints = checkpoints if checkpoints is not None else MemoryCheckpoints()
        self._arrivals: Arrivals = arrivals if arrivals is not None else InOrder()
        self._mapped: dict[str, _Mapped] = {}

    def map(
        self,
        mapping: EventSourceMapping,
        feed: Feed,
        function: Function,
        *,
        destination: Destination | None = None,
        seconds: float = 60,
    ) -> None:
        """Feed a function, whose timeout is `seconds`, from a stream. What is given up goes to the destination."""
        if mapping.name in self._mapped:
            raise ValueError(f"there is a mapping {mapping.name!r} already: give each a name of its own")
        if mapping.filters and ":kinesis:" in feed.arn:
            raise ValueError(
                f"the mapping {mapping.name!r} filters a Kinesis stream, which this driver does not act on"
            )
        readers = sum(mapped.subscription.feed.arn == feed.arn for mapped in self._mapped.values()) + 1
        if readers > _READERS:
            log.warning(
                "%s is the reader number %s of %s: on AWS more than two on one stream are throttled",
                mapping.name, readers, feed.arn,
            )  # fmt: skip
        subscription = Subscription(mapping, feed, self._checkpoints, self._arrivals, self.random, self._backoff)
        self._mapped[mapping.name] = _Mapped(subscription, function, destination, mapping.name, seconds)

    def subscription(self, mapping: str) -> Subscription:
        """Give a mapping's reading of its stream, to look at or to rewind."""
        return self._mapped[mapping].subscription

    def run(self) -> list[Step]:
        """Deliver until nothing is left, sleeping where a window or a retry has to be waited for."""
        steps: list[Step] = []
        while True:
            step = self.step()
            if step is not None:
                steps.append(step)
                continue
            wakes = self.wakes()
            if wakes is None:
                return steps
            self._sleep(max(0.0, wakes - self._time()))

    def step(self) -> Step | None:
        """Do one invocation, chosen by chance among those whose turn it is; `None` where there is none now."""
        now = self._time()
        turns: list[tuple[_Mapped, OpenShard, Lane]] = []
        held: tuple[_Mapped, OpenShard] | None = None
        for mapped in list(self._mapped.values()):
            mapped.subscription.poll(now)
            for shard in mapped.subscription.open.values():
                turns += [(mapped, shard, lane) for lane in shard.lanes if lane.ready(now)]
                held = (mapped, shard) if shard.arriving else held
        if not turns:
            return None if held is None else Step(held[0].name, held[1].id, "held back")
        mapped, shard, lane = turns[0] if len(turns) == 1 else self.random.choice(turns)
        return self._deliver(_Turn(mapped, shard, lane, lane.part()))

    def wakes(self) -> float | None:
        """Give when (in seconds since 1970) something will be due; `None` where nothing is left."""
        times = [lane.wakes() for lane in self.lanes() if not lane.busy]
        return min((time for time in times if time is not None), default=None)

    def pending(self) -> bool:
        """Say whether anything was read and is not done."""
        return any(mapped.subscription.pending() for mapped in self._mapped.values())

    def lanes(self) -> list[Lane]:
        """Give the lanes of all open shards."""
        return [
            lane
            for mapped in self._mapped.values()
            for shard in mapped.subscription.open.values()
            for lane in shard.lanes
        ]

    def _deliver(self, turn: _Turn) -> Step:
        given_up = self._give_up_on_old(turn)
        if not turn.part.entries:
            turn.lane.finish(turn.part, self._time())
            turn.mapped.subscription.save(turn.shard)
            return Step(turn.mapped.name, turn.shard.id, "given up", given_up=given_up, why=TOO_OLD)
        delivered = tuple(turn.part.names())
        turn.lane.busy = True
        try:
            verdict = self._invoke(turn, delivered)
        finally:
            turn.lane.busy = False
        exhausted = turn.lane.settle(turn.part, verdict, self._time())
        if exhausted is not None:
            given_up += tuple(exhausted.names())
            self._give_up(turn, exhausted, RETRIES_EXHAUSTED)
        turn.mapped.subscription.save(turn.shard)
        failed = tuple(sorted(verdict.failed, key=int))
        return Step(turn.mapped.name, turn.shard.id, verdict.kind, delivered, failed, given_up, verdict.why)

    def _invoke(self, turn: _Turn, delivered: Sequence[str]) -> Verdict:
        mapped, part = turn.mapped, turn.part
        part.request = request_id(self.random)
        context = LambdaContext(mapped.name, part.request, clock=self.clock, seconds=mapped.seconds)
        event = _copy({"Records": [entry.record for entry in part.entries]})
        try:
            answer = _copy(mapped.function(event, context))
        except NotInvoked as error:
            return Verdict("not invoked", why=str(error))
        except Exception as error:
            log.info("%s failed on %s records: %s: %s", mapped.name, len(delivered), type(error).__name__, error)
            return Verdict("failure", why=f"{type(error).__name__}: {error}")
        return judge(answer, delivered, mapped.subscription.mapping.report_failures)

    def _give_up_on_old(self, turn: _Turn) -> tuple[str, ...]:
        """Discard what is older than the mapping allows, or has expired in the stream."""
        bounds = [turn.mapped.subscription.mapping.record_age, turn.mapped.subscription.feed.retention]
        ages = [age for age in bounds if age is not None and age >= 0]
        old = turn.lane.too_old(turn.part, min(ages), self._time()) if ages else None
        if old is None:
            return ()
        self._give_up(turn, old, TOO_OLD)
        return tuple(old.names())

    def _give_up(self, turn: _Turn, part: Part, condition: str) -> None:
        mapped = turn.mapped
        names = part.names()
        log.warning("%s gives up on %s records from %s: %s", mapped.name, len(names), names[0], condition)
        if mapped.destination is None:
            return
        request = part.request or request_id(self.random)
        mapped.destination.send(
            GivenUp(
                mapping=mapped.name,
                shard=turn.shard.id,
                stream=mapped.subscription.feed.arn,
                condition=condition,
                records=[entry.record for entry in part.entries],
                invocations=part.invocations,
                error=part.error,
                request=request,
                function=LambdaContext(mapped.name, request).invoked_function_arn,
                time=self.clock(),
            )
        )

    def _time(self) -> float:
        return self.clock().timestamp()


def _copy(value: Any) -> Any:
    """Pass a value through JSON, as Lambda does: what a function does to its event stays with it."""
    return json.loads(json.dumps(value))


def _now() -> datetime:
    return datetime.now(timezone.utc)
