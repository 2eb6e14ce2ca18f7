"""EventBridge, its Scheduler in EventBridge's shape, and a CloudEvent given as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import forms
from .application import Application, request_id
from .documents import check
from .outcomes import deliver, log_failure

__all__ = ["handle"]


def handle(event: Mapping[str, Any], context: Any, app: Application) -> None:
    """Handle the event; raise what failed, so that Lambda tries again."""
    message = None
    try:
        check(event, "the event")
        message = forms.enclosed(event, forms.Origin("eventbridge", request_id(context), app.now()), "the event")
        deliver(message, app)
    except Exception as error:
        log_failure("an event", error, message)
        raise
