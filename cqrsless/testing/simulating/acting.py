"""Acting out a script, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from ...store import Table
from .containers import Container
from .errands import Errands
from .queues import FifoQueue
from .steps import BROKEN, Step
from .streams import Stream
from .watching import BUS, Poison
from .world import FAN_OUT, QUEUE_OF, Feed, World

__all__ = ["Actor"]

#: Seconds that a step of the clock passes: less than a reader's memory, a claim's half, past a claim, past an old run;
#: and, in scenes of their own, until a mapping is far behind, and until its stream has lost what it did not read.
CLOCK: Final = (1, 30, 61, 1000, 7200, 21 * 3600, 4 * 3600)
#: How long before there are handlers the past is.
_BEFORE: Final = timedelta(hours=6)
#: How often a restore is tried.
_RESTORES: Final = 5


class Actor:
    """Acts in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.errands = Errands(world)
        self._is_restoring = False
        self._steps: dict[str, Callable[[Step], None]] = {
            "command": self._command,
            "again": self._again,
            "deliver": self._deliver,
            "pages": self._pages,
            "event": self._event,
            "event again": self._event_again,
            "due": self._due,
            "retry": self._retry,
            "drop": self._drop,
            "read": self._read,
            "replay": self._replay,
            "rebuild": self._rebuild,
            "give up": self._give_up,
        }

    # -- the script

    def past(self, given: Sequence[Any], *, restored: bool) -> None:
        """Execute commands before anything reacts, and let hours pass; where they were restored, no stream has them."""
        if not given:
            return
        container = self.world.bare()
        for one in given:
            for arrival in self.errands.draw_commands(one):
                if arrival.due is None:
                    self.errands.send(arrival, container)
        self.world.pass_time(_BEFORE)
        self.world.refresh()
        self._is_restoring = restored
        if restored:
            self.world.tell("hours pass, and what there is of events is restored, under a new prefix")
            for stream in self.world.streams.values():
                if isinstance(stream, Stream):
                    stream.skip()
        else:
            self.world.tell("hours pass, and from here on there are handlers")

    def act(self, step: Step) -> None:
        told = len(self.world.story)
        is_going_on = self._act(step)
        if len(self.world.story) > told:
            self.world.note("go on" if is_going_on else step.do)
        self.world.refresh()

    def _act(self, step: Step) -> bool:
        """Act out a step; say whether somebody went on with what was begun before, instead."""
        world = self.world
        if step.at == BROKEN:
            step = step._replace(at=world.broken())
        if step.do == "clock":
            seconds = CLOCK[step.x % len(CLOCK)]
            world.tell(f"{seconds} seconds pass")
            world.pass_time(timedelta(seconds=seconds))
        elif step.do == "break":
            self._break(step)
        elif step.do == "mend":
            self.mend(step.x)
        elif step.do == "deploy":
            world.deploy(step.x, step.y)
        elif step.do == "start":
            world.restart()
        elif step.do == "restore":
            self._restore(step)
        elif step.do == "expire":
            busy = world.busy()
            if busy:
                self.errands.expire(busy[step.x % len(busy)])
        else:
            container = world.container(step.at)
            if container.task is not None:
                world.tell(f"{container.name} goes on ({container.task.name})")
                container.resume(step.calls, step.ending)
                return True
            self._steps[step.do](step)
        return False

    def _command(self, step: Step) -> None:
        for arrival in self.errands.draw_commands(step.x):
            self.errands.send(arrival, self.world.container(step.at), step.calls, step.ending)
            if self.world.container(step.at).task is not None:
                return

    def _again(self, step: Step) -> None:
        if self.errands.commands:
            arrival = self.errands.commands[step.x % len(self.errands.commands)]
            self.errands.send(arrival, self.world.container(step.at), step.calls, step.ending)

    def _event(self, step: Step) -> None:
        for arrival in self.errands.draw_events(step.x):
            self.errands.receive(arrival, self.world.container(step.at), step.calls, step.ending)
            if self.world.container(step.at).task is not None:
                return

    def _event_again(self, step: Step) -> None:
        if self.errands.events:
            arrival = self.errands.events[step.x % len(self.errands.events)]
            self.errands.receive(arrival, self.world.container(step.at), step.calls, step.ending)

    def _stream(self, container: Container, table: Table) -> Feed | None:
        streams = self.world.streams
        function = self.world.function_of(container)
        other: Table = "log" if table == "events" else "events"
        return streams.get((function, table)) or streams.get((function, other))

    def _batch(self, step: Step, table: Table) -> tuple[Container, Feed, list[int]] | None:
        container = self.world.container(step.at)
        stream = self._stream(container, table)
        if isinstance(stream, FifoQueue) and not stream.look() and step.do != "give up":
            # Its queue is empty: it is filled instead, if anybody is there who can.
            idle = [one for one in self.world.containers_of(FAN_OUT) if one.task is None]
            if idle:
                container, stream = idle[0], self.world.streams[FAN_OUT, "events"]
        batch = [] if stream is None else stream.take(1 + step.x, step.y, step.z)
        return (container, stream, batch) if stream is not None and batch else None

    def _deliver(self, step: Step) -> None:
        found = self._batch(step, "events")
        if found is not None:
            self.errands.deliver(*found, step.calls, step.ending)

    def _pages(self, step: Step) -> None:
        found = self._batch(step, "log")
        if found is not None:
            self.errands.deliver(*found, step.calls, step.ending)

    def _give_up(self, step: Step) -> None:
        if self.world.function_of(self.world.container(step.at)) == FAN_OUT:
            return  # it has as many attempts as it needs
        found = self._batch(step._replace(z=0), "events")
        if found is not None:
            self.errands.give_up(*found, step.calls, step.ending)

    def _due(self, step: Step) -> None:
        self.errands.fire_due(self.world.container(step.at), step.calls, step.ending)

    def _retry(self, step: Step) -> None:
        container = self.world.container(step.at)
        names = self.world.parked() or self.world.members(container)
        if names:
            self.errands.retry(container, names[step.x % len(names)], step.calls, step.ending)

    def _drop(self, step: Step) -> None:
        container = self.world.container(step.at)
        names = self.world.parked()
        if names:
            name = names[step.x % len(names)]
            keys = self.world.parked_keys(name)
            self.errands.drop(container, name, keys[step.y % len(keys)], step.calls, step.ending)

    def _read(self, step: Step) -> None:
        container = self.world.container(step.at)
        members = self.world.members(container)  # counted as for a replay: a scene may read what it replays
        turned = [members[(step.x + at) % len(members)] for at in range(len(members))]
        name = next((name for name in turned if name in self.world.model.views), None)
        if name is not None:
            rows = self.world.rows(name)
            if rows:
                self.errands.read(container, name, rows[step.y % len(rows)], step.calls, step.ending)

    def _replay(self, step: Step) -> None:
        container = self.world.container(step.at)
        names = self.world.members(container)
        if names:
            self.errands.replay(container, names[step.x % len(names)], step.calls, step.ending)

    def _restore(self, step: Step) -> None:
        """Restore, again where whoever did so is gone; nothing is fed before that has come to an end."""
        world = self.world
        if not self._is_restoring:
            return
        self._is_restoring = False
        if step.y % 2:  # at first beside the log and the views of before
            world.ledger.tables.restore_events()
            self.errands.restore(world.container(step.at))
            assert not world.is_restored, "an events table was taken with a log and views that another one made"
            world.ledger.tables.start_anew()
        self.errands.restore(world.container(step.at), step.calls, step.ending)
        for container in map(world.container, range(step.at + 1, step.at + 1 + _RESTORES)):
            if not world.is_restored and container.task is None:
                world.pass_time(timedelta(minutes=2))  # every claim of a dead worker expires
                self.errands.restore(container)
        assert world.is_restored, "log and views could not be made for the events table that was restored"

    def _rebuild(self, step: Step) -> None:
        self.errands.rebuild(self.world.container(step.at), step.calls, step.ending, segments=1 + step.x % 2)

    def _break(self, step: Step) -> None:
        world = self.world
        keys = world.keys()
        if keys and world.registry.functions:
            functions = [*world.registry.functions, *([BUS, BUS] if world.model.publishers else [])]
            functions += [f"{QUEUE_OF}{name}" for name in world.queued]
            poison = Poison(functions[step.x % len(functions)], keys[step.y % len(keys)], step.z)
            world.poisons.append(poison)
            world.tell(f"from here on {poison.function} {poison.how} for {poison.key}")

    def mend(self, at: int) -> None:
        if self.world.poisons:
            poison = self.world.poisons.pop(at % len(self.world.poisons))
            self.world.tell(f"{poison.function} is mended for {poison.key}")
