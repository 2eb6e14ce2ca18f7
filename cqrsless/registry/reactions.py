"""What reacts, resolved: each event handler in its processor, each projector in its view."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .events import Events
from .injection import Injection
from .names import did_you_mean, likely_typo, wrong
from .places import Place
from .records import (
    EventHandlerRecord,
    ProcessorRecord,
    ProjectorRecord,
    PublisherRecord,
    ViewRecord,
)
from .shelves import Shelves

__all__ = ["Reactions"]

DEFAULT_PROCESSOR: Final = "default"


class Reactions:
    """The reacting half of a model."""

    def __init__(self, registry: str, shelves: Shelves, events: Events, injection: Injection) -> None:
        self._registry = registry
        self._events = events
        self._injection = injection
        self._named = {record.name: record for record in shelves.processors.records()}
        #: What each processor is fed with, and who says so.
        self._fed: dict[str, tuple[str, str, Place]] = {}
        processors = dict(self._named)
        views = {record.name: record for record in shelves.views.records()}
        for view in views.values():
            if view.processor is not None:
                who = f"view {view.name!r}"
                processors[view.processor] = self._processor(who, view.processor, view.place)
                self._feed(processors[view.processor], "commits", who, view.place)
        for view in views.values():
            if view.name in processors:
                other = processors[view.name].place
                raise wrong(
                    view.place,
                    f"the view {view.name!r} has the name of a processor ({other}), and both are replayed and looked "
                    "after by name: rename one of them",
                )
        handlers: list[EventHandlerRecord] = []
        for handler in shelves.event_handlers.records():
            who = _who(handler)
            processors[handler.processor] = self._processor(who, handler.processor, handler.place)
            fed = "commits" if handler.source is None else "external events"
            self._feed(processors[handler.processor], fed, who, handler.place)
            handlers.append(self._handler(handler))
        self.views: Mapping[str, ViewRecord] = MappingProxyType(views)
        self.processors: Mapping[str, ProcessorRecord] = MappingProxyType(processors)
        self.event_handlers = tuple(handlers)
        self.projectors = tuple(self._projector(record, views) for record in shelves.projectors.records())
        self.publishers = tuple(self._publisher(record) for record in shelves.publishers.records())

    def _processor(self, who: str, name: str, place: Place) -> ProcessorRecord:
        found = self._named.get(name)
        if found is not None:
            return found
        hint = likely_typo(name, self._named)
        if not hint or name == DEFAULT_PROCESSOR:  # to name one is to have one, with every setting at its default
            return ProcessorRecord(name, place=place)
        text = f"{who} is of the processor {name!r}, which registry {self._registry!r} does not have{hint}"
        raise wrong(place, f'{text} If it is another, write processor("{name}")')

    def _feed(self, processor: ProcessorRecord, fed: str, who: str, place: Place) -> None:
        former_fed, former_who, former_place = self._fed.setdefault(processor.name, (fed, who, place))
        if former_fed != fed:
            raise wrong(
                place,
                f"{who} takes {fed} into the processor {processor.name!r}, where {former_who} takes {former_fed} "
                f"({former_place}); a processor has either: give one of the two another processor=",
            )
        if fed == "external events" and processor.mode == "tracking":
            raise wrong(
                place,
                f"{who} takes external events, and the processor {processor.name!r} reads the log, which has none "
                f'({processor.place}): give it another processor=, or that one mode="subscribing"',
            )

    def _handler(self, record: EventHandlerRecord) -> EventHandlerRecord:
        who = _who(record)
        self._check_source(who, record)
        # An external event's name is another application's, which ours may once have used for something else.
        names = self._events.current_names(record.names) if record.source is None else record.names
        around = self._injection.into_middleware(f"middleware of {who}", record.middleware)
        return self._injection.into(who, record.replace(names=names, middleware=around), ("message", "views"))

    def _check_source(self, who: str, record: EventHandlerRecord) -> None:
        for name in record.names:
            model = self._events.models.get(name)
            if model is not None and model.source is not None and model.source != record.source:
                taken = "from this application" if record.source is None else f"from {record.source!r}"
                raise wrong(
                    record.place,
                    f"{who} takes it {taken}, and the event type {name!r} is from {model.source!r}: "
                    f'write source="{model.source}"',
                )

    def _projector(self, record: ProjectorRecord, views: Mapping[str, ViewRecord]) -> ProjectorRecord:
        who = f"projector for {_listed(record.names)}"
        if record.view not in views:
            hint = did_you_mean(record.view, views) or f'; write view("{record.view}", key=...)'
            text = f"{who} is of the view {record.view!r}, which registry {self._registry!r} does not have{hint}"
            raise wrong(record.place, text)
        resolved = record.replace(names=self._events.current_names(record.names))
        return self._injection.into(f"{who} of view {record.view!r}", resolved, ("message", "key"))

    def _publisher(self, record: PublisherRecord) -> PublisherRecord:
        resolved = record.replace(names=self._events.current_names(record.names))
        return self._injection.into(f"publisher for {_listed(record.names)}", resolved, ("message",))


def _who(handler: EventHandlerRecord) -> str:
    return f"event handler for {_listed(handler.names)}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))
