"""SNS, subscribed by the function itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import MalformedMessage
from . import forms
from .application import Application, request_id
from .documents import shown
from .outcomes import deliver, log_failure

__all__ = ["handle"]


def handle(event: Mapping[str, Any], context: Any, app: Application) -> None:
    """Handle each notification; raise the first failure once all have had their turn, so that Lambda tries again."""
    first: Exception | None = None
    for record in event["Records"]:
        message = None
        try:
            notification = record.get("Sns") if isinstance(record, Mapping) else None
            if not isinstance(notification, Mapping):
                raise MalformedMessage(f"'Sns' of the record is {shown(notification)}, and has to be an object")
            origin = forms.Origin("sns", request_id(context), app.now())
            message = forms.notification(notification, origin)
            deliver(message, app)
        except Exception as error:
            log_failure("an SNS notification", error, message)
            first = first or error
    if first is not None:
        raise first
