"""What Lambda itself gave up on (time-outs, out of memory): the objects of an S3 on-failure destination.

The function is run as the one that failed was, with the same `CQRSLESS_PROCESSOR`: it parks the aggregates whose
records were discarded, so that no later commit of theirs is handled before them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from ..errors import CqrslessError, MalformedMessage
from .application import Application
from .documents import parse, shown
from .streams import Records

__all__ = ["given_up", "handle"]

log: Final = logging.getLogger("cqrsless.sources")


def handle(event: Mapping[str, Any], context: Any, app: Application) -> None:
    """Park what each object that S3 tells of holds; raise if anything could not be, so that S3's event comes again."""
    handle_with(event, app, fetch)


def handle_with(event: Mapping[str, Any], app: Application, get: Callable[[str, str], bytes]) -> None:
    for record in event["Records"]:
        try:
            bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        except (KeyError, TypeError) as error:
            raise MalformedMessage(f"a record of the S3 event names no object: {error!r}") from None
        given_up(parse(get(bucket, key), f"the object {key}"), app)


def given_up(invocation: Mapping[str, Any], app: Application) -> None:
    """Park each aggregate that an invocation record holds commits of.

    The record is the document that Lambda writes to an S3 destination; the event is its `payload`, a text of JSON
    ("Retain discarded records for a DynamoDB event source in Lambda"). Pages of the log wake the tracking processors
    once more. Raises if a record cannot be read or parked, after the others.
    """
    payload = invocation.get("payload")
    if payload is None:
        raise MalformedMessage(
            "the invocation record has no 'payload', as one from an SQS or SNS destination has none: it names records "
            "and does not hold them; make the mapping's on-failure destination an S3 bucket"
        )
    event = parse(payload, "the payload of the invocation record") if isinstance(payload, str) else payload
    if not isinstance(event, Mapping) or not isinstance(event.get("Records"), list):
        raise MalformedMessage(f"the payload of the invocation record is {shown(event)}, and holds no list of Records")
    records = Records(app.store)
    records.read(event["Records"])
    failed = list(records.failed)
    if records.commits:
        why = _why(invocation)
        log.error("Lambda gave up on %s commits: their aggregates are parked. %s", len(records.commits), why)
        failed += app.park_given_up(records.commits, why)
    if records.pages:
        failed += app.wake(records.pages)
    if failed or records.nameless is not None:
        raise CqrslessError(
            f"of the records that Lambda gave up on, {', '.join(failed[:10]) or 'one without a name'} could not be "
            "parked; the log says why. They are lost to their processors until this object is handled again"
        )


def _why(invocation: Mapping[str, Any]) -> str:
    request = invocation.get("requestContext")
    request = request if isinstance(request, Mapping) else {}
    response = invocation.get("responseContext")
    error = response.get("functionError") if isinstance(response, Mapping) else None
    text = f"Lambda gave up: {request.get('condition', 'no reason given')}"
    if "approximateInvokeCount" in request:
        text += f", after about {request['approximateInvokeCount']} invocations"
    return text if error is None else f"{text}; function error: {error}"


def fetch(bucket: str, key: str) -> bytes:
    """Read an object from S3, as whoever runs this function."""
    from ..clients import aws_client

    body: bytes = aws_client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body
