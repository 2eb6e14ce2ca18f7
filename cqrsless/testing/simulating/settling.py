"""Letting everything settle: what was paused goes on, what was broken is mended, and nothing is disturbed any more."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from ...aggregates.commits import microseconds
from ...delivery.runs import KEPT_FOR
from ...log import control
from ...messages import Cost
from ...reacting.members import INDEXER
from ...store import Table
from .acting import Actor
from .checking import left_behind
from .errands import Arrival
from .streams import Stream
from .watching import Poison
from .world import QUEUE_OF, Feed, World

__all__ = ["Settling", "Unsettled"]

#: How often everything is done again before that counts as endless.
ROUNDS: Final = 60
#: How many batches one function is given in a row before that counts as endless.
DELIVERIES: Final = 500
#: How often an external event is received before its queue moves it to its dead letters.
RECEIVED: Final = 3
#: Records that are delivered at once.
_BATCH: Final = 10


class Unsettled(AssertionError):
    """Something still goes on, or goes wrong, when nothing disturbs it any more."""


def _holds_others_up(world: World, poison: Poison) -> bool:
    """Say whether a failure may hold up what else is in the stream: where nobody parks before Lambda gives up."""
    if poison.function.startswith(QUEUE_OF):
        return True
    name = poison.function.partition("/")[0]
    view = world.model.views.get(name)
    record = world.model.processors.get(name if view is None else view.processor or "")
    return record is not None and (record.on_failure == "stop" or not record.ordered)


class Settling:
    """Settles a world that a script was acted out in. What is due later than `horizon` from then on is left alone."""

    def __init__(self, actor: Actor, horizon: timedelta) -> None:
        self.actor = actor
        self.world, self.errands = actor.world, actor.errands
        self._horizon = horizon
        self._tried: set[tuple[str, str, int]] = set()
        self._received: Counter[Arrival] = Counter()
        self._lost: Counter[tuple[str | None, Table]] = Counter()

    def run(self) -> None:
        world = self.world
        world.tell("-- from here on nothing is disturbed")
        for container in world.busy():
            world.tell(f"{container.name} goes on ({container.task.name if container.task else ''})")
            container.resume()
        world.refresh()
        self._go_past_failures()
        while world.poisons:
            self.actor.mend(0)
        if world.deployed:
            world.restart()
            world.container(0)  # comes to work with what was deployed last
        until = world.now() + self._horizon
        for _ in range(ROUNDS):
            world.pass_time(timedelta(minutes=2))  # every claim of a dead worker expires
            if not self._round(until):
                self._remove_old_runs()
                return
        raise Unsettled(f"it does not come to rest: after {ROUNDS} rounds there is still something to do")

    def _go_past_failures(self) -> None:
        """Deliver everything while handlers still fail: what does not concern them goes on."""
        world = self.world
        if not world.poisons or any(_holds_others_up(world, poison) for poison in world.poisons):
            return
        world.pass_time(timedelta(minutes=2))
        for _ in range(ROUNDS):
            for (function, _table), feed in world.streams.items():
                self._deliver_all(function, feed)
            world.refresh()
            if not any(feed.look() for feed in world.streams.values()):
                break
        for what in left_behind(world, self.errands, self.parked(), world.poisons):
            raise Unsettled(f"{what}, while only others failed")

    def _round(self, until: datetime) -> bool:
        """Do everything that there is to do once; say whether there was anything."""
        world, errands = self.world, self.errands
        before = len(world.story)
        for arrival in [one for one in errands.commands if not one.known]:
            errands.send(arrival, world.container(0))
        for arrival in [one for one in errands.events if not one.known]:
            if self._received[arrival] < RECEIVED:
                self._received[arrival] += 1
                errands.receive(arrival, world.container(0))
        for (function, _), stream in world.streams.items():
            self._deliver_all(function, stream)
        self._make_good_losses()
        self._finish_replays()
        self._retry_letters()
        return len(world.story) > before or self._fire_next(until)

    def _remove_old_runs(self) -> None:
        """In some schedules, see that runs that were live once are removed, a little with each batch."""
        world = self.world
        if world.ledger.at % 8 or not world.keys():
            return
        world.pass_time(timedelta(hours=1))
        left = [""]
        for _ in range(ROUNDS):
            # One that began meanwhile, as other code was quiet for so long, has a former run of its own.
            switched = microseconds(world.now()) - KEPT_FOR
            left = [
                name
                for name, item in world.guard.controls.items()
                if "old" in item and item["switched"] < switched and world.is_fed(name)
            ]
            if not left:
                return
            for (function, table), stream in world.streams.items():
                repeat = stream.repeat()
                if table == "events" and repeat:
                    self.errands.deliver(world.container_of(function), stream, repeat)
        raise Unsettled(f"the former run of {left[0]} is still there, an hour and {ROUNDS} batches later")

    def _deliver_all(self, function: str | None, stream: Feed) -> None:
        world = self.world
        before: list[int] = []
        stuck = 0
        for _ in range(DELIVERIES):
            world.refresh()
            pending = list(stream.look())
            if not pending:
                return
            stuck = stuck + 1 if pending == before else 0
            if stuck > ROUNDS:
                named = stream.named(pending[:5])
                raise Unsettled(f"{function or 'the function'} is given the same records again and again: {named}")
            before = pending
            self.errands.deliver(world.container_of(function), stream, stream.take(_BATCH, 0, 0))
        raise Unsettled(f"it does not come to rest: {stream.named(before[:5])} follows after {DELIVERIES} deliveries")

    def _make_good_losses(self) -> None:
        """Do what operators do when a stream has lost records: rebuild the log where that is asked for, replay views.

        Where no indexer came to work while it was far behind, its alarm calls them.
        """
        world, container = self.world, self.world.container(0)
        found = control.read(world.ledger, Cost())
        wanted = found.asked > 0
        for (function, table), feed in world.streams.items():
            if not isinstance(feed, Stream) or len(feed.lost) <= self._lost[function, table]:
                continue
            self._lost[function, table] = len(feed.lost)
            world.note("a stream loses records")
            if table == "log":  # the next page wakes its readers
                self.errands.deliver(world.container_of(function), feed, feed.newest())
                continue
            if function in (None, INDEXER) and not wanted and world.warned <= world.guard.rebuilding:
                wanted = True
                if found.fills is not None:  # it began before that
                    self.errands.rebuild(container)
            for view in world.views_of(feed):
                self.errands.replay(container, view)
        if wanted:
            self.errands.rebuild(container)

    def _finish_replays(self) -> None:
        world = self.world
        for consumer, item in list(world.guard.controls.items()):
            if item.get("next") is None:
                continue
            if item["owner"] == "" and world.is_fed(consumer):  # whoever began it comes to it with its next batch
                function, feed = world.feed_of(consumer)
                self.errands.deliver(world.container_of(function), feed, feed.repeat())
            else:
                self.errands.replay(world.container(0), consumer)
        if control.read(world.ledger, Cost()).fills is not None:
            self.errands.rebuild(world.container(0))

    def _retry_letters(self) -> None:
        """Retry every letter once for each commit that it may be about: what was mended goes on."""
        world = self.world
        letters = world.container(0).app.letters
        for member in world.members(world.container(0)):
            found = {(member, letter.key, letter.commit) for letter in letters.list(member)}
            if found - self._tried:
                self._tried |= found
                self.errands.retry(world.container(0), member)

    def _fire_next(self, until: datetime) -> bool:
        world = self.world
        scheduler: Any = world.container(0).app.compiled.reactions.scheduling.scheduler
        due = scheduler.next_due(until)
        if due is None:
            return False
        world.pass_time(max(due - world.now(), timedelta(0)))
        self.errands.fire_due(world.container(0))
        return True

    def dead(self) -> list[Arrival]:
        """Give the external events that nobody could handle."""
        return [arrival for arrival in self.errands.events if not arrival.known]

    def parked(self) -> dict[str, list[Any]]:
        """Give the letters that are left of each consumer."""
        world = self.world
        letters = world.container(0).app.letters
        found = {member: letters.list(member) for member in world.members(world.container(0))}
        return {member: some for member, some in found.items() if some}
