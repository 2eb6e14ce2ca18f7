"""What is deployed as one: each processor with its handlers and views, the views that have none, and the publishers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..delivery.commit import Decoder
from ..reacting.members import INDEXER, VIEWS
from ..registry import EventHandlerRecord, Model, ProcessorRecord, PublisherRecord, ViewRecord
from .naming import DeploymentError

__all__ = ["INDEXER", "PUBLISHER", "VIEWS", "Group", "groups"]

PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class Group:
    """What one value of `CQRSLESS_PROCESSOR` stands for. `names` are the events it handles, as they may be stored."""

    name: str
    processor: ProcessorRecord | None
    handlers: tuple[EventHandlerRecord, ...]
    views: tuple[ViewRecord, ...]
    publishers: tuple[PublisherRecord, ...]
    names: frozenset[str]

    @property
    def external(self) -> bool:
        """Whether it takes external events, and so no commits."""
        return any(handler.source is not None for handler in self.handlers)

    @property
    def tracking(self) -> bool:
        return self.processor is not None and self.processor.mode == "tracking"

    @property
    def ordered(self) -> bool:
        return self.processor is None or self.processor.ordered

    @property
    def consumers(self) -> tuple[str, ...]:
        """What takes commits in it, by the names that letters and metrics have."""
        handles = self.processor is not None and any(handler.source is None for handler in self.handlers)
        own = (self.name,) if handles or self.publishers else ()
        return (*own, *(view.name for view in self.views))

    @property
    def reads_views(self) -> bool:
        return any("views" in handler.inject for handler in self.handlers)

    def __str__(self) -> str:
        if self.processor is None:
            return f"the {self.name}" if self.name == VIEWS else "the publishers"
        return f"the processor {self.name!r} ({self.processor.place})"


def groups(model: Model) -> tuple[Group, ...]:
    """Give an application's groups, or raise `DeploymentError` where one of them, or all of it, would do nothing."""
    if not (model.commands or model.queries or model.event_handlers or model.projectors or model.publishers):
        raise DeploymentError(
            f"the registry {model.name!r} has no handler, so there is nothing to deploy: decorate a function with "
            '@command_handler("CreateOrder", aggregate=Order), or name another application with --app'
        )
    return tuple(_groups(model))


def _groups(model: Model) -> Iterator[Group]:
    decoder = Decoder(model.events)
    projected = {name: [one for one in model.projectors if one.view == name] for name in model.views}

    def stored(names: Iterable[str]) -> frozenset[str]:
        return frozenset(known for name in names for known in decoder.stored_names(name))

    def of_views(views: Iterable[ViewRecord]) -> Iterator[str]:
        return (name for view in views for projector in projected[view.name] for name in projector.names)

    for processor in model.processors.values():
        handlers = tuple(one for one in model.event_handlers if one.processor == processor.name)
        views = tuple(one for one in model.views.values() if one.processor == processor.name and projected[one.name])
        if not handlers and not views:
            raise DeploymentError(
                f"the processor {processor.name!r} ({processor.place}) has no handler and keeps no view that is "
                f'projected into: write @event_handler(..., processor="{processor.name}"), or remove it'
            )
        own = (name for handler in handlers if handler.source is None for name in handler.names)
        yield Group(processor.name, processor, handlers, views, (), stored([*own, *of_views(views)]))
    loose = tuple(one for one in model.views.values() if one.processor is None and projected[one.name])
    if loose:
        yield Group(VIEWS, None, (), loose, (), stored(of_views(loose)))
    if model.publishers:
        names = stored(name for one in model.publishers for name in one.names)
        yield Group(PUBLISHER, None, (), (), model.publishers, names)
