"""Public events in their outward form: structured CloudEvents 1.0, as JSON.

`source` is `CQRSLESS_SOURCE`, by default `/cqrsless/<registry name>`; receivers tell events apart by source and id,
and register handlers for the source. The id is the same whenever the same event is published again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import schemas, tracing
from ..errors import AppLoadError, SerializationFailed
from ..messages import Event, Message
from ..sources.documents import plain

if TYPE_CHECKING:
    from ..registry import Model

__all__ = ["Envelope", "Envelopes", "source_of"]


class Envelope(NamedTuple):
    """A public event on its way: the target, the event as the publisher returned it, and the CloudEvent."""

    to: str
    event: Event
    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def aggregate(self) -> str:
        """Give the key of the aggregate that the domain event is of, as in `Order#o-1`."""
        return str(self.document["causationid"]).rpartition("@")[0]

    @property
    def body(self) -> str:
        """Give it as JSON in ASCII: some characters of Unicode are refused by SQS and SNS."""
        return json.dumps(self.document, separators=(",", ":"), allow_nan=False)


class Envelopes:
    """Makes the CloudEvents of one application."""

    def __init__(self, model: Model, environ: Mapping[str, str] | None = None) -> None:
        self.source = source_of(model.name, os.environ if environ is None else environ)
        self._events = model.events

    def envelope(self, to: str, event: Event, message: Message, id: str) -> Envelope:
        """Make the CloudEvent of a public event that came from a domain event.

        Raises `SerializationFailed` where its payload has no form in JSON.
        """
        document: dict[str, Any] = {
            "specversion": "1.0",
            "id": id,
            "source": self.source,
            "type": event.name,
            "time": rfc3339(message.time),
            "datacontenttype": "application/json",
            "subject": message.aggregate_id,
            "correlationid": message.correlation_id or message.id,
            "causationid": message.id,
            "data": self._data(event),
        }
        if tracing.on():  # CloudEvents' own extension for it: "Distributed Tracing"
            with tracing.creating(event.name, to, id):
                document |= tracing.carried()
        return Envelope(to, event, document)

    def _data(self, event: Event) -> Any:
        known = self._events.get(event.name)
        payload = event.payload
        if known is not None and known.schema is not None:
            payload = schemas.dump(schemas.instance(known.schema), payload, f"the payload of {event.name}")
        try:
            return plain(payload)
        except SerializationFailed as error:
            raise SerializationFailed(
                f"the public event {event.name} holds what JSON has no form for, at {error.path or 'its top'}: give it "
                "dicts, lists, dataclasses and plain values",
                path=error.path,
            ) from error


def source_of(registry: str, environ: Mapping[str, str]) -> str:
    """Give what an application's public events name as their source.

    >>> source_of("orders", {}), source_of("orders", {"CQRSLESS_SOURCE": "shop.orders"})
    ('/cqrsless/orders', 'shop.orders')
    """
    source = environ.get("CQRSLESS_SOURCE") or f"/cqrsless/{registry}"
    if source.startswith("aws.") or not source.isprintable() or " " in source:
        raise AppLoadError(
            f"CQRSLESS_SOURCE is {source!r}: give a URI reference such as 'shop.orders'; 'aws.' is Amazon's own"
        )
    return source


def rfc3339(time: datetime) -> str:
    """Write a time in UTC.

    >>> rfc3339(datetime(2026, 11, 23, 12, tzinfo=timezone.utc))
    '2026-11-23T12:00:00Z'
    """
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
