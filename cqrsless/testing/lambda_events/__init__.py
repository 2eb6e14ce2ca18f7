"""Events as Lambda gives them to a function, one builder a source, for `cqrsless.entrypoint` or a handler around it.

>>> from cqrsless import Command
>>> from cqrsless.testing import lambda_events
>>> lambda_events.http_api("POST /orders", {"order_id": "o-1"})["rawPath"]
'/orders'
>>> lambda_events.sqs(Command("ShipOrder", {"order_id": "o-1"}))["Records"][0]["body"]
'{"command": "ShipOrder", "payload": {"order_id": "o-1"}}'
"""

from __future__ import annotations

from ...driver import LambdaContext
from .bus import cloud_event, eventbridge, scheduler
from .commits import OnFailure, dynamodb_stream, kinesis, s3_on_failure
from .queues import sns, sqs
from .requests import function_url, http_api, load_balancer, rest_api
from .wire import direct

__all__ = [
    "LambdaContext",
    "OnFailure",
    "cloud_event",
    "direct",
    "dynamodb_stream",
    "eventbridge",
    "function_url",
    "http_api",
    "kinesis",
    "load_balancer",
    "rest_api",
    "s3_on_failure",
    "scheduler",
    "sns",
    "sqs",
]
