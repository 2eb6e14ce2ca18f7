"""What Lambda gives a function, one module a source: the event becomes messages, their outcomes an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias

from ..errors import MalformedMessage
from ..invocation import invoked
from .application import Application
from .documents import shown

__all__ = ["SOURCES", "Application", "Source", "handle", "recognise"]

log: Final = logging.getLogger("cqrsless.sources")


Handle: TypeAlias = Callable[[Mapping[str, Any], Any, Application], Any]
_handlers: Final[dict[str, Handle]] = {}


class Source(NamedTuple):
    """A source: the module that handles its events, and how these look.

    The module is imported for the first such event: a function has one source or two, and each costs start-up time.
    """

    name: str
    module: str
    recognises: Callable[[Mapping[str, Any]], bool]

    @property
    def handle(self) -> Handle:
        found = _handlers.get(self.module)
        if found is None:
            found = _handlers[self.module] = import_module(f"{__name__}.{self.module}").handle
        return found


#: The sources whose events are lists of records.
_RECORDS: Final = frozenset({"aws:sqs", "aws:sns", "aws:dynamodb", "aws:kinesis", "aws:s3"})


def _records_of(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    def recognises(event: Mapping[str, Any]) -> bool:
        records = event.get("Records")
        if isinstance(records, list):
            for record in records:
                if isinstance(record, Mapping):
                    source = record.get("eventSource") or record.get("EventSource")
                    if isinstance(source, str) and source in _RECORDS:  # it speaks for all: Lambda mixes none
                        return source in names
        return False

    return recognises


def _from_load_balancer(event: Mapping[str, Any]) -> bool:
    context = event.get("requestContext")
    return "httpMethod" in event and isinstance(context, Mapping) and "elb" in context


#: The sources, in the order in which an event is held against them.
SOURCES: Final = (
    Source("direct", "direct", lambda event: "command" in event or "query" in event),
    Source("HTTP API or Function URL", "http_api", lambda event: "rawPath" in event and "requestContext" in event),
    Source("load balancer", "load_balancer", _from_load_balancer),
    Source("REST API", "rest_api", lambda event: "httpMethod" in event and "path" in event),
    Source("replay", "replay", lambda event: "replay" in event),
    Source("SQS", "sqs", _records_of("aws:sqs")),
    Source("SNS", "sns", _records_of("aws:sns")),
    Source("stream", "streams", _records_of("aws:dynamodb", "aws:kinesis")),
    Source("S3 object of what Lambda gave up on", "given_up", _records_of("aws:s3")),
    Source("batch of no records", "sqs", lambda event: event.get("Records") == []),
    Source("EventBridge", "eventbridge", lambda event: "detail-type" in event or "specversion" in event),
)


def recognise(event: Any) -> Source | None:
    """Say from an event's shape which source it came from."""
    if isinstance(event, Mapping):
        for source in SOURCES:
            if source.recognises(event):
                return source
    return None


def handle(event: Any, context: Any, app: Application) -> Any:
    """Handle whatever Lambda was given, and answer in its source's own form."""
    source = recognise(event)
    if source is None:
        keys = f" with {', '.join(map(shown, list(event)[:10]))}" if isinstance(event, Mapping) and event else ""
        error = MalformedMessage(
            f"the event is {shown(event)}{keys}, and of no form that is read: a command "
            '({"command": name, "payload": {...}}) or a query ({"query": name, "payload": {...}}), a request from API '
            "Gateway, a Function URL or a load balancer, records from SQS, SNS, DynamoDB or Kinesis, or an event from "
            "EventBridge"
        )
        log.warning("%s", error)
        raise error
    with invoked(context):
        return source.handle(event, context, app)
