"""The consumers of an application: each processor, view, and the publishers, in whatever run is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from ..delivery.batches import Taker, feeding
from ..delivery.codes import begun, noticed
from ..delivery.commit import Decoder
from ..delivery.consuming import Consumer, Feeder
from ..delivery.counting import Counts
from ..delivery.letters import Parked, ParkedAggregates
from ..delivery.places import Places
from ..delivery.runs import Control, Runs
from ..errors import StoreUnavailable
from ..messages import Cost
from ..processors.effects import Effects
from ..processors.handlers import Handlers, event_handlers
from ..processors.ordered import ProcessorConsumer
from ..processors.scheduling import Scheduling
from ..processors.unordered import UnorderedProcessor
from ..projections.applying import ViewConsumer
from ..projections.fingerprint import fingerprint
from ..publishing.cloudevents import Envelopes
from ..publishing.publishers import PUBLISHER, Outbox, PublisherTaker, publishers
from ..publishing.sending import Sender
from ..registry import Model, ProcessorRecord, ViewRecord
from ..store import Store
from ..surroundings import Surroundings

log: Final = logging.getLogger("cqrsless")
#: What `CQRSLESS_PROCESSOR` calls the views that name no processor.
VIEWS: Final = "views"
INDEXER: Final = "indexer"
#: Commits that are looked at where a view is new: of some aggregates, which come in no order, all from their first on.
_SAMPLE: Final = 25


@dataclass(frozen=True, slots=True)
class Parts:
    """What consumers are made of."""

    model: Model
    store: Store
    places: Places
    decoder: Decoder
    feeder: Feeder
    #: The same, with places that are read anew for each batch: what a handler did is not undone by a failed condition.
    strict: Feeder
    runs: Runs
    scheduling: Scheduling
    effects: Effects
    surroundings: Surroundings
    sender: Sender
    now: Callable[[], datetime]
    #: Whether a record that keeps failing is taken out of its stream, and parked from there, as Lambda does it.
    given_up: Callable[[], bool]


class Member:
    """One consumer: its takers by run, and what it has parked."""

    def __init__(self, name: str, group: str, processor: ProcessorRecord | None, parts: Parts) -> None:
        self.name = name
        #: The processor that it advances and is deployed with.
        self.group = group
        self.processor = processor
        self.tracking = processor is not None and processor.mode == "tracking"
        self._parts = parts
        #: What its live run did, in this process; a replay counts for nobody.
        self.counts = Counts()
        self._made: dict[tuple[int, int, bool], tuple[Taker, Parked, frozenset[str]]] = {}

    #: Whether readers go over to the run that a replay builds. What has no readers only calls its handlers again.
    switches = False

    @property
    def code(self) -> str:
        """What tells the code that its readers' run is built with."""
        return ""

    @property
    def from_beginning(self) -> bool:
        return self.processor is None or self.processor.start == "beginning"

    def taker(self, run: int, since: int, *, replays: bool = False) -> Taker:
        return self._get(run, since, replays)[0]

    def parked(self, run: int, since: int, *, replays: bool = False) -> Parked:
        return self._get(run, since, replays)[1]

    @property
    def stored_names(self) -> frozenset[str]:
        return self._get(1, 0, False)[2]

    def since(self, control: Control) -> int:
        """Give the moment before which nothing is filled in; 0 is the beginning."""
        return max(control.muted, 0 if self.from_beginning else control.since or 0)

    def _get(self, run: int, since: int, replays: bool) -> tuple[Taker, Parked, frozenset[str]]:
        key = run, since, replays
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(run, since, replays)
        return found

    def _make(self, run: int, since: int, replays: bool) -> tuple[Taker, Parked, frozenset[str]]:
        raise NotImplementedError

    def _fed(self, consumer: Any, feeder: Feeder) -> tuple[Taker, Parked, frozenset[str]]:
        taken: Consumer = consumer
        taker = feeding(lambda commit, cost: feeder.feed(taken, commit, cost), taken.name)
        return taker, ParkedAggregates(feeder, consumer), taken.stored_names


class ViewMember(Member):
    """A view, kept by its projectors."""

    def __init__(self, view: ViewRecord, parts: Parts) -> None:
        processor = None if view.processor is None else parts.model.processors[view.processor]
        super().__init__(view.name, view.processor or VIEWS, processor, parts)
        self.view = view

    switches = True

    @property
    def from_beginning(self) -> bool:
        return True

    @property
    def code(self) -> str:
        return self._code

    @cached_property
    def _code(self) -> str:
        return fingerprint(self.view, self._parts.model.projectors, self._parts.model.events)

    def _make(self, run: int, since: int, replays: bool) -> tuple[Taker, Parked, frozenset[str]]:
        parts = self._parts
        id_fields: Mapping[str, tuple[str, ...]] = {
            name: aggregate.record.id_field for name, aggregate in parts.model.aggregates.items()
        }
        return self._fed(
            ViewConsumer(
                self.view,
                parts.model.projectors,
                id_fields=id_fields,
                decoder=parts.decoder,
                places=parts.places,
                inject=parts.surroundings.injected,
                now=parts.now,
                run=run,
                processor=self.processor,
                replaying=replays,
                counts=None if replays else self.counts,
            ),
            parts.feeder,
        )


class ProcessorMember(Member):
    """A processor's event handlers."""

    def __init__(self, processor: ProcessorRecord, parts: Parts) -> None:
        super().__init__(processor.name, processor.name, processor, parts)
        self._record = processor

    def _make(self, run: int, since: int, replays: bool) -> tuple[Taker, Parked, frozenset[str]]:
        parts, record = self._parts, self._record
        mine = [one for one in parts.model.event_handlers if one.processor == record.name and one.source is None]
        handlers = Handlers(event_handlers(mine, parts.surroundings, parts.effects), parts.decoder)
        if not record.ordered:
            unordered = UnorderedProcessor(
                record, handlers, parts.store, parts.decoder, parts.scheduling, parts.now,
                run=run, since=since, replays=replays, counts=None if replays else self.counts,
                gives_up=lambda: not self.tracking and not parts.given_up(),
            )  # fmt: skip
            return unordered, unordered, handlers.stored_names
        return self._fed(
            ProcessorConsumer(
                record, handlers, parts.strict.places, parts.scheduling, parts.now,
                run=run, since=since, replays=replays, counts=None if replays else self.counts,
            ),
            parts.strict,
        )  # fmt: skip


class PublisherMember(Member):
    """The publishers, which take part in no replay."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(PUBLISHER.name, PUBLISHER.name, PUBLISHER, parts)

    def _make(self, run: int, since: int, replays: bool) -> tuple[Taker, Parked, frozenset[str]]:
        parts = self._parts
        outbox = Outbox(parts.sender)
        made = publishers(parts.model, parts.surroundings, Envelopes(parts.model), outbox)
        handlers = Handlers(made, parts.decoder)
        consumer = ProcessorConsumer(
            PUBLISHER, handlers, parts.places, parts.scheduling, parts.now, run=run, since=since, counts=self.counts
        )
        return (
            PublisherTaker(consumer, parts.feeder, outbox),
            ParkedAggregates(parts.feeder, consumer),
            handlers.stored_names,
        )


def members(parts: Parts) -> Iterator[Member]:
    """Give every consumer of commits of an application."""
    model = parts.model
    handled = {one.processor for one in model.event_handlers if one.source is None}
    for processor in model.processors.values():
        if processor.name in handled:
            yield ProcessorMember(processor, parts)
    projected = {projector.view for projector in model.projectors}
    for view in model.views.values():
        if view.name in projected:
            yield ViewMember(view, parts)
    if model.publishers:
        yield PublisherMember(parts)


def begin(member: Member, runs: Runs, since: int, at: int, cost: Cost) -> Control:
    """Give a member's control item, with what it is to say from now on.

    That is the moment that it starts from, if it has one, and what follows for a view from its code being this one
    (`delivery.codes`). A view that is new, on a store with commits from before `since`, is built from them.
    """

    def change(found: Control) -> Control:
        if not member.from_beginning and found.since is None:
            found = replace(found, since=since)
        if not member.switches:
            return found
        if not found.made and found.next is None:
            old = _is_old(member, runs, since, cost)
            if old is None:
                return found
            if old:
                return begun(found, member.code, at)
        return noticed(found, member.code, at)

    return runs.update(member.name, change, cost)


def _is_old(member: Member, runs: Runs, since: int, cost: Cost) -> bool | None:
    """Say whether a store has commits from before a moment, as far as a few of them tell.

    `None` where they cannot be read: the view goes on meanwhile, and the next batch asks again.
    """
    try:
        items = runs.store.scan("events", cost, limit=_SAMPLE).items
    except StoreUnavailable as error:
        log.error("whether the new view %s is to be built from what is stored cannot be told: %s", member.name, error)
        return None
    times = (item.get("time") for item in items)  # what somebody else wrote there has none, and fails by itself
    return any(type(time) is int and time < since for time in times)
