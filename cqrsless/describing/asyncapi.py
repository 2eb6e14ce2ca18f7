"""The application's events as an AsyncAPI 3 document, from what is registered: `asyncapi(app.model)`.

It sends what its publishers make, receives what its event handlers take from a `source`, and has its domain events
inside, one channel for each aggregate. Which events a publisher or command handler makes is read from its source, as
far as that says so plainly (see `mentions`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..publishing.cloudevents import source_of
from ..registry import Model
from .jsonschemas import Direction, JsonSchemas
from .mentions import mentions

__all__ = ["asyncapi"]

CLOUD_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The envelope of a CloudEvent 1.0, in structured mode.",
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "subject": {"type": "string"},
        "correlationid": {"type": "string"},
        "causationid": {"type": "string"},
        "data": {},
    },
    "required": ["specversion", "id", "source", "type"],
}
_CLOUD_EVENTS: Final = "application/cloudevents+json"


class _Channel(NamedTuple):
    """A way that messages take, and what the application does there."""

    id: str
    address: str | None
    title: str
    action: str
    extra: Mapping[str, Any]


def asyncapi(model: Model, *, title: str | None = None, version: str = "0.0.0") -> dict[str, Any]:
    """Describe what goes out, what comes in, and the domain events inside.

    >>> from cqrsless import Event, Registry
    >>> shop = Registry("shop")
    >>> @shop.event_handler("PaymentFailed", source="payments")
    ... def payment_failed(event): ...
    >>> asyncapi(shop.freeze())["operations"]["receive.from.payments"]["action"]
    'receive'
    """
    described = _Description(model)
    described.publishers()
    described.external()
    described.inside()
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {"title": title or model.name, "version": version},
        "defaultContentType": "application/json",
        "channels": described.channels,
        "operations": described.operations,
        "components": {"messages": described.messages, "schemas": described.schemas.components},
    }
    if any(message["contentType"] == _CLOUD_EVENTS for message in described.messages.values()):
        document["components"]["schemas"]["CloudEvent"] = CLOUD_EVENT
    return document


class _Description:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._source = source_of(model.name, os.environ)
        self.schemas = JsonSchemas("draft-07", ["CloudEvent"])
        self.channels: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self._ids: dict[tuple[str, str], str] = {}

    def publishers(self) -> None:
        """Add a channel for each target, with the public events that its publishers make."""
        for publisher in self._model.publishers:
            scheme, _, name = publisher.to.partition("://")
            extra = {"x-cqrsless-to": publisher.to}
            channel = _Channel(self._id("to", publisher.to), name, f"{scheme} {name}", "send", extra)
            public = mentions(publisher.fn).events
            for event in public:
                self._add(channel, self._id("public", event), self._cloud_event(event, self._source, "dump"))
            if not public:  # what it makes is put together at run time
                self._add(channel, self._id("public", ""), _cloud_event("any public event", {}))

    def external(self) -> None:
        """Add a channel for each source whose events are handled."""
        for handler in self._model.event_handlers:
            if handler.source is not None:
                label = f"Events from {handler.source}"
                extra = {"x-cqrsless-source": handler.source}
                channel = _Channel(self._id("from", handler.source), None, label, "receive", extra)
                for event in handler.names:
                    message = self._cloud_event(event, handler.source, "load")
                    self._add(channel, self._id(channel.id, event), message)

    def inside(self) -> None:
        """Add a channel for each aggregate, with its domain events, which do not leave the application."""
        for aggregate, event in sorted({*self._domain_events()}):
            label = f"Domain events of {aggregate}, inside the application"
            channel = _Channel(self._id("of", aggregate), None, label, "send", {"x-internal": True})
            message: dict[str, Any] = {"name": event, "contentType": "application/json"}
            message["payload"] = self._payload(event, "dump")
            known = self._model.events.get(event)
            if known is not None and known.version != 1:
                message["x-cqrsless-version"] = known.version
            self._add(channel, self._id("domain", event), message)

    def _domain_events(self) -> Iterator[tuple[str, str]]:
        for name, aggregate in self._model.aggregates.items():
            yield from ((name, event) for event in aggregate.evolvers)
        for command in self._model.commands.values():
            if command.aggregate is not None:
                made = mentions(command.fn).events
                yield from ((command.aggregate, self._current(event)) for event in made)
        for handler in self._model.event_handlers:
            for name, refusal in mentions(handler.fn, commands=self._model.commands).refusals:
                target = self._model.commands[name].aggregate
                if target is not None:
                    yield target, self._current(refusal)

    def _current(self, event: str) -> str:
        known = self._model.events.get(event)
        return event if known is None else known.name

    def _payload(self, event: str, direction: Direction) -> dict[str, Any]:
        known = self._model.events.get(event)
        return {} if known is None or known.schema is None else self.schemas.reference(known.schema, direction)

    def _cloud_event(self, event: str, source: str, direction: Direction) -> dict[str, Any]:
        own = {
            "source": {"const": source},
            "type": {"const": event},
            "data": self._payload(event, direction),
        }
        return _cloud_event(event, own)

    def _id(self, kind: str, name: str) -> str:
        """Give a thing's key, which is its alone; AsyncAPI takes letters, digits, dots, hyphens and underscores."""
        made = self._ids.get((kind, name))
        if made is None:
            plain = f"{kind}.{re.sub(r'[^A-Za-z0-9._-]+', '.', name).strip('.') or 'any'}"
            made, number = plain, 1
            while made in self._ids.values():
                number += 1
                made = f"{plain}.{number}"
            self._ids[kind, name] = made
        return made

    def _add(self, channel: _Channel, message_id: str, message: dict[str, Any]) -> None:
        self.messages[message_id] = message
        written = self.channels.setdefault(
            channel.id, {"address": channel.address, "title": channel.title, "messages": {}, **channel.extra}
        )
        written["messages"][message_id] = {"$ref": f"#/components/messages/{message_id}"}
        operation = self.operations.setdefault(
            f"{channel.action}.{channel.id}",
            {"action": channel.action, "channel": {"$ref": f"#/channels/{channel.id}"}, "messages": []},
        )
        reference = {"$ref": f"#/channels/{channel.id}/messages/{message_id}"}
        if reference not in operation["messages"]:
            operation["messages"].append(reference)


def _cloud_event(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    envelope: dict[str, Any] = {"$ref": "#/components/schemas/CloudEvent"}
    parts: Iterable[dict[str, Any]] = [envelope, {"properties": dict(properties)}] if properties else [envelope]
    return {"name": name, "contentType": _CLOUD_EVENTS, "payload": {"allOf": list(parts)}}
