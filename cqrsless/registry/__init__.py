"""The registry: decorators that write frozen records, and the model that they are frozen into."""

from __future__ import annotations

from .model import AggregateModel, EventModel, Model
from .names import did_you_mean, likely_typo, near_or_all
from .places import NOWHERE, Place, defined
from .records import (
    AggregateRecord,
    CommandRecord,
    Creation,
    DeploymentRecord,
    EventHandlerRecord,
    EventType,
    EvolverRecord,
    MiddlewareRecord,
    ProcessorRecord,
    ProjectorRecord,
    PublisherRecord,
    QueryRecord,
    ResourceRecord,
    Schema,
    StateUpcasterRecord,
    UpcasterRecord,
    ViewRecord,
)
from .registry import DEFAULT, Registry
from .values import DELETED, Cancel, cancel, from_command_id

__all__ = [
    "DEFAULT",
    "DELETED",
    "NOWHERE",
    "AggregateModel",
    "AggregateRecord",
    "Cancel",
    "CommandRecord",
    "Creation",
    "DeploymentRecord",
    "EventHandlerRecord",
    "EventModel",
    "EventType",
    "EvolverRecord",
    "MiddlewareRecord",
    "Model",
    "Place",
    "ProcessorRecord",
    "ProjectorRecord",
    "PublisherRecord",
    "QueryRecord",
    "Registry",
    "ResourceRecord",
    "Schema",
    "StateUpcasterRecord",
    "UpcasterRecord",
    "ViewRecord",
    "cancel",
    "defined",
    "did_you_mean",
    "from_command_id",
    "likely_typo",
    "near_or_all",
]
