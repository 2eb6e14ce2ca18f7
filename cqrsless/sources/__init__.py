"""What Lambda gives a function, one module a source: the event becomes messages, their outcomes an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ..errors import MalformedMessage
from . import direct, eventbridge, given_up, http_api, load_balancer, rest_api, sns, sqs, streams
from .application import Application
from .documents import shown

__all__ = ["SOURCES", "Application", "Source", "handle", "recognise"]

log: Final = logging.getLogger("cqrsless.sources")


class Source(NamedTuple):
    """A source: how its events look, and what handles them."""

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    handle: Callable[[Mapping[str, Any], Any, Application], Any]


def _records_of(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    def recognises(event: Mapping[str, Any]) -> bool:
        records = event.get("Records")
        return isinstance(records, list) and any(
            isinstance(record, Mapping) and (record.get("eventSource") in names or record.get("EventSource") in names)
            for record in records
        )

    return recognises


def _from_load_balancer(event: Mapping[str, Any]) -> bool:
    context = event.get("requestContext")
    return "httpMethod" in event and isinstance(context, Mapping) and "elb" in context


#: The sources, in the order in which an event is held against them.
SOURCES: Final = (
    Source("direct", lambda event: "command" in event or "query" in event, direct.handle),
    Source("HTTP API or Function URL", lambda event: "rawPath" in event and "requestContext" in event, http_api.handle),
    Source("load balancer", _from_load_balancer, load_balancer.handle),
    Source("REST API", lambda event: "httpMethod" in event and "path" in event, rest_api.handle),
    Source("SQS", _records_of("aws:sqs"), sqs.handle),
    Source("SNS", _records_of("aws:sns"), sns.handle),
    Source("stream", _records_of("aws:dynamodb", "aws:kinesis"), streams.handle),
    Source("S3 object of what Lambda gave up on", _records_of("aws:s3"), given_up.handle),
    Source("EventBridge", lambda event: "detail-type" in event or "specversion" in event, eventbridge.handle),
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
    return source.handle(event, context, app)
