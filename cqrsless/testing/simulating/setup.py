"""What is simulated: an application, and what is said to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from ...registry import EventModel, Model, Registry
from ...schemas import instance

__all__ = ["Setup"]


class Setup:
    """What is simulated: an application, and what is said to it."""

    def __init__(
        self,
        registry: Registry,
        commands: Any,  # a function of a `Random`, or a strategy of hypothesis, which is not imported here
        external: Callable[[Random], Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        losses: bool = False,
    ) -> None:
        self.registry = registry
        self.commands = commands
        self.external = external
        #: Whether streams lose what waits for longer than a day.
        self.losses = losses
        self.resources = dict(resources or {})
        #: The application's model, of which each container has its own; schemas take long to make, and have no memory.
        self.model = _with_schemas(registry.freeze(self.resources))


def _with_schemas(model: Model) -> Model:
    def with_schema(event: EventModel) -> EventModel:
        return event if event.schema is None else event.replace(schema=instance(event.schema))

    return model.replace(events={name: with_schema(event) for name, event in model.events.items()})
