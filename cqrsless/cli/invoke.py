"""`cqrsless invoke`: run a Lambda event of any source through the entrypoint."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import click

from ..sources import recognise
from .exits import FAILED, REFUSED, Failure
from .following import follow, parked
from .hearing import hearing
from .options import Call, common_options
from .payloads import JSON
from .terminal import clean

__all__ = ["command"]


@click.command()
@click.option(
    "-e",
    "--event",
    metavar="FILE",
    default="-",
    show_default=True,
    help="The event; - is standard input.",
)
@click.option("--drain/--no-drain", default=True, help="On an embedded store: let views and processors follow.")
@common_options
def command(call: Call, event: str, drain: bool) -> None:
    """Give the entrypoint an event as Lambda would, and print its answer.

    Any source will do: a direct command, API Gateway, a Function URL, a load balancer, SQS, SNS, EventBridge, a
    DynamoDB stream, Kinesis. Why a record failed, was refused or let go is told on standard error. It ends with 1 where
    the answer is a status from 400 or lists failed records, with 4 from 500.
    """
    from ..driver import LambdaContext
    from ..lambda_runtime import entrypoint_of

    given: dict[str, Any] = JSON.convert(event if event == "-" else f"@{event}", None, click.get_current_context())
    app = call.application()
    before = parked(app)
    source = recognise(given)
    if source is not None:
        call.terminal.note(f"from {source.name}")
    context = LambdaContext("cqrsless-invoke", str(uuid4()), clock=lambda: datetime.now(timezone.utc))
    with hearing(debug=call.debug) as heard:
        try:
            answer = entrypoint_of(app)(given, context)
        except Exception as error:  # which is told by itself; what was logged before may be of other records
            _warn(call, (line for line in heard.lines(app) if str(error) not in line))
            raise
    call.terminal.value(answer)
    # What a request was refused for stands in its answer, and why one failed does not.
    is_request = isinstance(answer, dict) and "statusCode" in answer
    told = list(heard.lines(app, level=logging.WARNING if is_request else logging.INFO))
    _warn(call, told)
    follow(call, app, before, drain=drain)
    _judge(answer, told)


def _warn(call: Call, lines: Iterable[str]) -> None:
    for line in lines:
        call.terminal.warn(clean(line))


def _judge(answer: Any, told: list[str]) -> None:
    if not isinstance(answer, dict):
        return
    status, failed = answer.get("statusCode"), answer.get("batchItemFailures")
    if isinstance(status, int) and status >= 400:
        raise Failure(f"the answer is {status}", FAILED if status >= 500 else REFUSED)
    if failed:
        raise Failure(f"{len(failed)} record{'s' if len(failed) > 1 else ''} failed", reasons=told)
