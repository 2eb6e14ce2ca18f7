"""What a frozen registry is: every name resolved, nothing left to check, and nothing that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..routing import Routes
from .record import Record
from .records import (
    AggregateRecord,
    CommandRecord,
    DeploymentRecord,
    EventHandlerRecord,
    EvolverRecord,
    MiddlewareRecord,
    ProcessorRecord,
    ProjectorRecord,
    PublisherRecord,
    QueryRecord,
    ResourceRecord,
    Schema,
    ViewRecord,
)

__all__ = ["AggregateModel", "EventModel", "Model"]


class AggregateModel(Record):
    """An aggregate with its evolvers, by the event's current name, and state upcasters, by the version they take."""

    record: AggregateRecord
    evolvers: Mapping[str, EvolverRecord]
    state_upcasters: Mapping[int, Callable[[Any], Any]]


class EventModel(Record):
    """An event that has an `event_type`, with its upcasters by the version they take."""

    name: str
    version: int
    schema: Schema | None
    source: str | None
    was: tuple[str, ...]
    upcasters: Mapping[int, Callable[[Any], Any]]


class Model(Record):
    """A registry as it stood at one revision.

    In every record the names are resolved: `inject` holds only what there is to inject. A command's or query's schema
    is an instance, made once. `events` finds an event type by its current name and by each former one; an event that
    has no `event_type` is not in it. `processors` holds `default` if something uses it.
    """

    name: str
    revision: int
    commands: Mapping[str, CommandRecord]
    queries: Mapping[str, QueryRecord]
    aggregates: Mapping[str, AggregateModel]
    events: Mapping[str, EventModel]
    middleware: tuple[MiddlewareRecord, ...]
    resources: Mapping[str, ResourceRecord]
    routes: Routes
    views: Mapping[str, ViewRecord]
    projectors: tuple[ProjectorRecord, ...]
    processors: Mapping[str, ProcessorRecord]
    event_handlers: tuple[EventHandlerRecord, ...]
    publishers: tuple[PublisherRecord, ...]
    deployment: tuple[DeploymentRecord, ...]

    def event_names(self) -> set[str]:
        """Give the names of events that something here folds, hears or describes, now or formerly."""
        return {
            *self.events,
            *(name for aggregate in self.aggregates.values() for name in aggregate.evolvers),
            *(name for handler in self.event_handlers for name in handler.names),
            *(name for projector in self.projectors for name in projector.names),
            *(name for publisher in self.publishers for name in publisher.names),
        }
