"""Serverless CQRS applications in Python, from plain functions.

>>> from cqrsless import Registry
>>> Registry("orders").empty
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    AlreadyExists,
    AppLoadError,
    CommitTooLarge,
    ConcurrencyConflict,
    CqrslessError,
    DuplicateMismatch,
    Forbidden,
    GiveUp,
    HandlerFailed,
    InvalidReturn,
    MalformedMessage,
    MethodNotAllowed,
    NotCaughtUp,
    NotFound,
    RegistrationError,
    Rejected,
    RetryLater,
    SerializationFailed,
    StoreUnavailable,
    Unauthenticated,
    UnknownEvent,
    UnknownMessage,
    Unreachable,
    ValidationFailed,
    VersionMismatch,
)
from .messages import Command, CommandResult, Cost, Event, Gateway, Message, Page, Query, RecordedEvent
from .registry import DEFAULT as _DEFAULT
from .registry import DELETED, Cancel, Registry, cancel, from_command_id

if TYPE_CHECKING:
    from .app import App as App
    from .lambda_runtime import application as application
    from .projections.reading import Views as Views
    from .remote.client import Client as Client

    def entrypoint(event: Any, context: Any) -> Any:
        """Handle whatever Lambda was given; the handler string is `cqrsless.entrypoint`."""


__version__ = "0.1.0"

# Without `entrypoint`: `from cqrsless import *` would load the user's application.
__all__ = [
    "DELETED",
    "AlreadyExists",
    "App",
    "AppLoadError",
    "Cancel",
    "Client",
    "Command",
    "CommandResult",
    "CommitTooLarge",
    "ConcurrencyConflict",
    "Cost",
    "CqrslessError",
    "DuplicateMismatch",
    "Event",
    "Forbidden",
    "Gateway",
    "GiveUp",
    "HandlerFailed",
    "InvalidReturn",
    "MalformedMessage",
    "Message",
    "MethodNotAllowed",
    "NotCaughtUp",
    "NotFound",
    "Page",
    "Query",
    "RecordedEvent",
    "RegistrationError",
    "Registry",
    "Rejected",
    "RetryLater",
    "SerializationFailed",
    "StoreUnavailable",
    "Unauthenticated",
    "UnknownEvent",
    "UnknownMessage",
    "Unreachable",
    "ValidationFailed",
    "VersionMismatch",
    "Views",
    "aggregate",
    "application",
    "cancel",
    "command_handler",
    "deployment",
    "event_handler",
    "event_type",
    "evolver",
    "from_command_id",
    "middleware",
    "processor",
    "projector",
    "publisher",
    "query_handler",
    "resource",
    "state_upcaster",
    "upcaster",
    "view",
]

# The decorators of the default registry.
aggregate = _DEFAULT.aggregate
command_handler = _DEFAULT.command_handler
query_handler = _DEFAULT.query_handler
evolver = _DEFAULT.evolver
event_type = _DEFAULT.event_type
upcaster = _DEFAULT.upcaster
state_upcaster = _DEFAULT.state_upcaster
middleware = _DEFAULT.middleware
resource = _DEFAULT.resource
processor = _DEFAULT.processor
event_handler = _DEFAULT.event_handler
view = _DEFAULT.view
projector = _DEFAULT.projector
publisher = _DEFAULT.publisher
deployment = _DEFAULT.deployment


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first used (PEP 562).

    `entrypoint` loads the application that the environment names, anew for each look-up; Lambda looks it up once.
    """
    if name == "App":
        from .app import App

        return App
    if name == "application":
        from .lambda_runtime import application

        return application
    if name == "Client":
        from .remote.client import Client

        return Client
    if name == "Views":
        from .projections.reading import Views

        return Views
    if name == "entrypoint":
        try:
            from .lambda_runtime import entrypoint_for_environment

            return entrypoint_for_environment()
        except AttributeError as error:
            # Out of here, an AttributeError means that there is no such name: Lambda would report a missing handler.
            raise AppLoadError(f"the application cannot be loaded: {type(error).__name__}: {error}") from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
