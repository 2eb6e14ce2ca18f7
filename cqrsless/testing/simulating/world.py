"""The world that a script is acted out in: containers, what is on its way to them, and a clock that only it moves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeAlias

from ...app import App
from ...log.indexer import Indexer
from ...messages import Message
from ...publishing.published import Published
from ...reacting.members import INDEXER
from ...reacting.reactions import BEHIND
from ...registry import Model, Registry
from ...store import Change, Item, Table
from .baton import Strands
from .containers import Container
from .guard import Guard
from .ledger import Ledger
from .lines import Line
from .queues import FifoQueue
from .setup import Setup
from .streams import Stream
from .watching import BUS, Call, Execution, Poison, Poisoned, Watched

__all__ = ["FAN_OUT", "QUEUE_OF", "Feed", "World"]

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
_MOMENT: Final = timedelta(milliseconds=1)
#: Containers of each function, and of one that does everything.
SLOTS: Final = 2
TOGETHER: Final = 3
#: How many versions of a view's projectors there are.
_VERSIONS: Final = 3
#: Commands that a commit remembers: few, so that older ones have to be looked for.
_REMEMBERED: Final = 3
_EMPTY: Final = Registry("simulated")
#: What a function is fed from.
Feed: TypeAlias = "Stream | FifoQueue"
#: The function that fans out, and what stands for a processor's queue among what may fail.
FAN_OUT: Final = "fan-out"
QUEUE_OF: Final = "the queue of "
#: How often a message comes, beyond its processor's attempts, before it is a dead letter.
_SPARE: Final = 2


class World:
    """One run of the application."""

    def __init__(self, setup: Setup, layout: int, strands: Strands) -> None:
        self.setup = setup
        self.strands = strands
        self.story: list[str] = []
        #: How often each thing happened.
        self.happened: Counter[str] = Counter()
        self.guard = Guard(self.now)
        self.ledger = Ledger(self.guard.note)
        self.running: Container | None = None
        self.registry = Watched(setup.registry, setup.model, self)
        self.model: Model = self.registry.freeze(setup.resources)
        #: The version of each view's projectors that containers begin with from here on, and all that there were.
        self.versions: dict[str, int] = {}
        self.deployed: dict[str, list[int]] = {}
        self._reacting: Any = self.registry
        #: The same, with nothing watched.
        self.plain: Model = setup.model
        self.calls: list[Call] = []
        self.executions: list[Execution] = []
        self.poisons: list[Poison] = []
        #: Public events: when they were sent, to where, and as which CloudEvent.
        self.published: list[tuple[int, str, Mapping[str, Any]]] = []
        self._time = NOON
        #: When each call of the store was.
        self.times: list[datetime] = [NOON]
        self._made = 0
        self._records: dict[Table, list[Change]] = {"events": [], "log": []}
        self._arrived: dict[Table, list[datetime]] = {"events": [], "log": []}
        #: The processors that are fed from queues.
        self.queued: list[str] = self._subscribing() if layout > 1 else []
        functions = self._functions() if layout else [None]
        self.streams: dict[tuple[str | None, Table], Feed] = {
            (name, table): self._feed(name, table) for name in functions for table in self._tables_of(name)
        }
        #: When an indexer that was 20 hours behind last began with a batch that it then answered for.
        self.warned = -1
        #: Whether log and views have been made for an events table that was restored.
        self.is_restored = False
        self.slots: list[tuple[str | None, Container | None]] = [
            (name, None) for name in functions for _ in range(TOGETHER if name is None else SLOTS)
        ]

    # -- what containers need

    def now(self) -> datetime:
        return self._time

    def pass_time(self, by: timedelta) -> None:
        self._time += by

    def tick(self) -> int:
        self._time += _MOMENT
        self.ledger.at += 1
        self.times.append(self._time)
        return self.ledger.at

    def tell(self, what: str) -> None:
        self.story.append(what)

    def note(self, what: str) -> None:
        self.happened[what] += 1

    # -- what happens to functions of the application

    def began(self, function: str, kind: str, message: Message) -> Call:
        who = self.running
        call = Call(function, kind, message, self.ledger.at, 0 if who is None else who.number, self._task())
        self.calls.append(call)
        if who is not None and not call.replaying:
            for poison in self.poisons:
                if (poison.function, poison.key) == (function, call.key):
                    self.note("a handler fails")
                    poison.take()
        return call

    def ended(self, call: Call) -> None:
        call.ended = self.ledger.at

    def executes(self, message: Message) -> Execution:
        execution = Execution(message, self.ledger.at, self._task())
        self.executions.append(execution)
        return execution

    def _task(self) -> int:
        return 0 if self.running is None or self.running.task is None else self.running.task.number

    # -- containers

    def _subscribing(self) -> list[str]:
        """Name the processors that are fed from the events table's stream, or by a queue."""
        model = self.model
        groups = dict.fromkeys(record.processor for record in model.event_handlers if record.source is None)
        projected = {projector.view for projector in model.projectors}
        groups.update(
            dict.fromkeys(view.processor or "views" for view in model.views.values() if view.name in projected)
        )
        return [name for name in [*groups, *(["publisher"] if model.publishers else [])] if not self._tracks(name)]

    def _tracks(self, processor: str) -> bool:
        record = self.model.processors.get(processor)
        return record is not None and record.mode == "tracking"

    def _functions(self) -> list[str | None]:
        """Name the functions of a deployment with one for each consumer; the indexer is the last."""
        tracking = [name for name in self.model.processors if self._tracks(name)]
        return [*([FAN_OUT] if self.queued else []), *self._subscribing(), *tracking, INDEXER]

    def _tables_of(self, function: str | None) -> list[Table]:
        if function is None:
            return ["events", "log"] if any(map(self._tracks, self.model.processors)) else ["events"]
        return ["log"] if self._tracks(function) else ["events"]

    def _feed(self, function: str | None, table: Table) -> Feed:
        if function is None or function not in self.queued:
            now = self.now
            return Stream(table, self._records[table], self._arrived[table], now, loses=self.setup.losses)
        record = self.model.processors.get(function)
        return FifoQueue(function, (5 if record is None else record.retries) + 1 + _SPARE, self.now)

    def source_of(self, processor: str) -> Stream:
        """Give the stream that a processor is fed from, through a queue or the log as well."""
        through = INDEXER if self._tracks(processor) else FAN_OUT if processor in self.queued else processor
        found = self.streams.get((through, "events")) or self.streams[None, "events"]
        assert isinstance(found, Stream)
        return found

    def views_of(self, stream: Stream) -> list[str]:
        """Name the views that are fed from a stream."""
        projected = {projector.view for projector in self.model.projectors}
        views = [view for view in self.model.views.values() if view.name in projected]
        return [view.name for view in views if self.source_of(view.processor or "views") is stream]

    def is_late(self, container: Container, feed: Feed, batch: Sequence[int]) -> bool:
        """Say whether an indexer is so far behind with a batch that it has to ask for a rebuild."""
        if not isinstance(feed, Stream) or feed.table == "log" or self.function_of(container) not in (None, INDEXER):
            return False
        return feed.lag(batch) >= BEHIND

    def container(self, at: int) -> Container:
        """Give the container of a slot, a new one where there is none."""
        slot = at % len(self.slots)
        function, found = self.slots[slot]
        if found is None:
            self._made += 1
            name = f"{function or 'container'} {self._made}"
            found = Container(self._made, name, self, lambda line: self._app(line, function))
            self.slots[slot] = function, found
        return found

    def broken(self) -> int:
        """Give the slot of the function of what was made to fail last."""
        name = self.poisons[-1].function.partition("/")[0] if self.poisons else ""
        whose = "publisher" if name == BUS else FAN_OUT if name.startswith(QUEUE_OF) else self._group(name)
        return next((slot for slot, (function, _) in enumerate(self.slots) if function == whose), 0)

    def bare(self) -> Container:
        """Give a container of an application that reacts to nothing."""
        registry: Any = Watched(self.setup.registry, self.setup.model, self, reacts=False)
        self._made += 1
        return Container(self._made, f"container {self._made}", self, lambda line: self._make(line, registry, None))

    def _app(self, line: Line, function: str | None) -> App:
        names = ("CQRSLESS_PROCESSOR", "CQRSLESS_FANOUT")
        before = {name: os.environ.pop(name) for name in names if name in os.environ}
        try:
            if function == FAN_OUT:
                os.environ["CQRSLESS_FANOUT"] = ",".join(f"{name}={name}.fifo" for name in self.queued)
            elif function is not None:
                os.environ["CQRSLESS_PROCESSOR"] = function
            return self._make(line, self._reacting, function)
        finally:
            for name in names:
                os.environ.pop(name, None)
            os.environ.update(before)

    def _make(self, line: Line, registry: Any, function: str | None) -> App:
        app = App(line, registry=_EMPTY, resources=self.setup.resources, clock=self.now)
        app.registry = registry  # an application takes nothing that only stands for a registry
        executor = app.compiled.dispatcher.executor
        executor.sleep, executor.remembered = _no_sleep, _REMEMBERED
        self._watch_published(app.published)
        if app.compiled.reacts:
            reactions = app.compiled.reactions
            reactions.note_views()  # as its first batch would
            reactions.expires = True
            reactions.indexer = Indexer(line) if function in (None, INDEXER) else None
            if reactions.fan_out is not None:
                reactions.fan_out.queues = {name: _Way(self, line, name) for name in self.queued}
        return app

    def _watch_published(self, published: Published) -> None:
        def send(envelopes: Sequence[Any]) -> list[Exception | None]:
            return [self._send(envelope) for envelope in envelopes]

        published.send = send  # type: ignore[method-assign]  # the simulated bus, in place of the list

    def _send(self, envelope: Any) -> Exception | None:
        """Take a public event, or not, or take it and say that it was not taken."""
        key = str(envelope.document["causationid"]).rpartition("@")[0]
        refusal = next((one for one in self.poisons if (one.function, one.key) == (BUS, key)), None)
        if refusal is None or refusal.how == Poison.HOWS[-1]:
            self.published.append((self.ledger.at, envelope.to, envelope.document))
        if refusal is None:
            return None
        self.note("a public event is not taken")
        return Poisoned(f"simulated: the bus did not take what happened to {key}")

    def deploy(self, at: int, version: int) -> None:
        """Let containers begin with another version of a view's projectors, newer or older."""
        views = sorted({projector.view for projector in self.model.projectors})
        if views:
            view, number = views[at % len(views)], version % _VERSIONS
            self.tell(f"containers begin with version {number} of the projectors of {view} from here on")
            self.versions = {**self.versions, view: number}
            self.deployed.setdefault(view, [0]).append(number)
            self._reacting = Watched(self.setup.registry, self.setup.model, self, self.versions)

    def function_of(self, container: Container) -> str | None:
        return next(function for function, found in self.slots if found is container)

    def discard(self, container: Container) -> None:
        """Be done with a container; the next one in its place is a new one."""
        for slot, (function, found) in enumerate(self.slots):
            if found is container:
                self.slots[slot] = function, None

    def restart(self) -> None:
        self.tell("new containers take the place of those that do nothing")
        for container in self.idle():
            self.discard(container)

    def busy(self) -> list[Container]:
        return [found for _, found in self.slots if found is not None and found.task is not None]

    def idle(self) -> list[Container]:
        return [found for _, found in self.slots if found is not None and found.task is None]

    def containers_of(self, function: str | None) -> list[Container]:
        """Give the containers of a function, new ones where there are none."""
        return [self.container(slot) for slot, (name, _) in enumerate(self.slots) if name == function]

    def container_of(self, function: str | None) -> Container:
        """Give a container of a function that does nothing now."""
        return next(found for found in self.containers_of(function) if found.task is None)

    # -- what there is

    def members(self, container: Container) -> list[str]:
        """Name the processors and views, and the publishers."""
        return list(container.app.compiled.reactions.members)

    def tracks(self, view: str) -> bool:
        """Say whether a view is fed from the log."""
        return self._tracks(self.model.views[view].processor or "")

    def is_fed(self, member: str) -> bool:
        """Say whether commits can be given to whoever has a consumer: from its stream, or from a queue with some."""
        return not self._tracks(self._group(member)) and bool(self.feed_of(member)[1].repeat())

    def feed_of(self, member: str) -> tuple[str | None, Feed]:
        """Give the function that has a consumer of commits, and what that is fed from."""
        group = self._group(member)
        found = self.streams.get((group, "events"))
        return (group, found) if found is not None else (None, self.streams[None, "events"])

    def _group(self, member: str) -> str:
        view = self.model.views.get(member)
        return member if view is None else view.processor or "views"

    def parked(self) -> list[str]:
        """Name the consumers that have letters by now."""
        letters = {pk.split("#", 2)[2] for pk, _ in self.stored() if pk.startswith("d#")}
        return sorted(letters)

    def parked_keys(self, consumer: str) -> list[str]:
        """Name the aggregates that are parked for a consumer, in any run."""
        found = {
            item["key"]: None
            for (pk, _), item in self.stored().items()
            if pk.startswith("d#") and pk.split("#", 2)[2] == consumer
        }
        return list(found)

    def rows(self, view: str) -> list[tuple[str, str]]:
        """Give the keys of a view's rows by now, without what tells their run."""
        found = [
            (pk.split("#", 3)[3], sk) for pk, sk in self.stored() if pk.startswith("v#") and pk.split("#", 3)[2] == view
        ]
        return sorted(set(found))

    def keys(self) -> list[str]:
        """Name the aggregates that there are by now."""
        return list(dict.fromkeys(change.pk for change in self._records["events"]))

    def end(self) -> None:
        """Let nothing go on: what is paused dies."""
        for container in self.busy():
            container.line.kill()
            container.resume()

    def stored(self) -> dict[tuple[str, str], Item]:
        """Give all that stands in the views table."""
        return self.guard.items

    def acknowledged(self, function: str, at: int) -> list[tuple[str, int]]:
        """Give the commits that a consumer's function had acknowledged by a moment."""
        feed = self.streams.get((function, "events")) or self.streams.get((None, "events"))
        return [] if feed is None else feed.acknowledged(at)

    def refresh(self) -> None:
        """Read what was written meanwhile into the streams."""
        for table, records in self._records.items():
            after = records[-1].position if records else 0
            records.extend(self.ledger.changes(table, after, 100_000))
            self._arrived[table] += [self._time] * (len(records) - len(self._arrived[table]))


class _Way:
    """A queue, as one container reaches it."""

    def __init__(self, world: World, line: Line, name: str) -> None:
        self._world, self._line, self._name = world, line, name

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
        queue = self._world.streams[self._name, "events"]
        assert isinstance(queue, FifoQueue)
        return self._line.send(f"send to {QUEUE_OF}{self._name}", lambda: queue.send(entries, self._refusals))

    def _refusals(self, key: str) -> Iterator[bool]:
        """Say, for each way in which the queue refuses a key by now, whether it takes the message nevertheless."""
        for poison in self._world.poisons:
            if (poison.function, poison.key) == (f"{QUEUE_OF}{self._name}", key):
                self._world.note("a queue refuses a message")
                yield poison.how == Poison.HOWS[-1]


def _no_sleep(seconds: float) -> None:
    """Let no time pass: the script decides what happens meanwhile."""
