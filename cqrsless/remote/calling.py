"""What invoking a function and sending to a queue have in common: the direct form, and what AWS says when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from .. import tracing
from ..errors import Forbidden, MalformedMessage, Unreachable
from ..messages import Command
from .attempts import Passing

__all__ = ["call_aws", "command_document", "encoded"]

Answer = TypeVar("Answer")


def command_document(command: Command) -> dict[str, Any]:
    """Give a command in the direct form.

    >>> command_document(Command("ShipOrder", {"order_id": "o-1"}, id="c-1"))
    {'command': 'ShipOrder', 'payload': {'order_id': 'o-1'}, 'id': 'c-1'}
    """
    if tracing.on():
        command = tracing.continued(command)
    document: dict[str, Any] = {"command": command.name, "payload": command.payload, "id": command.id}
    if command.metadata:
        document["metadata"] = command.metadata
    if command.expected_version is not None:
        document["expected_version"] = command.expected_version
    return document


def encoded(document: dict[str, Any], name: str, taker: str, limit: int) -> bytes:
    """Give a document as JSON, or raise `MalformedMessage` where it is larger than a service takes."""
    body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > limit:
        raise MalformedMessage(
            f"{name} takes {len(body)} bytes as JSON, and {taker} takes {limit}: keep large values elsewhere and send "
            "a reference"
        )
    return body


def call_aws(call: Callable[[], Answer], target: str, permission: str) -> Answer:
    """Make one call, and raise what its failure is to a caller: for good, or `Passing`."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ResponseStreamingError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        return call()
    except ClientError as error:
        raise _refused(error, target, permission) from error
    except (HTTPClientError, NoConnection, ResponseStreamingError) as error:
        raise Passing(Unreachable(f"{target} does not answer: {type(error).__name__}: {error}")) from error
    except BotoCoreError as error:  # no credentials, no region, a name that can be none
        raise Unreachable(f"{target} cannot be called: {type(error).__name__}: {error}") from error


def _refused(error: Any, target: str, permission: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code") or "")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if status in (401, 403) or "AccessDenied" in code:
        return Forbidden(f"{target} may not be called, which needs {permission} on it: {error}")
    if status == 413 or code == "RequestTooLargeException":
        return MalformedMessage(f"{target} does not take so large a message: {error}")
    if "NotFound" in code or "NonExistentQueue" in code or "QueueDoesNotExist" in code:
        return Unreachable(f"there is no {target} in this account and region: {error}")
    unreachable = Unreachable(f"{target} did not take the call: {error}")
    # 409: it is being made, updated, or woken from a snapshot.
    passing = status in (409, 429) or status >= 500 or "Throttl" in code
    return Passing(unreachable) if passing else unreachable
