"""Calls to DynamoDB that outlast lost answers, throttling and short failures, bounded by time and not by a quota.

botocore's standard mode stops retrying for the whole client once some 35 answers in a row were lost; so the
store's client has its retries switched off, and this module does them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from .. import tracing
from ..clock import jitter
from ..errors import CqrslessError, StoreUnavailable
from ..messages import Cost

#: Seconds after which a call is given up, if a further attempt would begin later.
PATIENCE: Final = 10.0
_FIRST_DELAY: Final = 0.05
_LONGEST_DELAY: Final = 1.0

#: What DynamoDB says when the same call may well be taken a moment later.
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_PASSING_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})
_UNKNOWN_CALLER: Final = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)


class Refused(Exception):
    """DynamoDB's answer is an error that the caller of `Calls` asked for by its code."""

    def __init__(self, code: str, response: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.response = response


class Calls:
    """A client's operations, retried with jittered exponential delays until `patience` seconds are over."""

    def __init__(
        self,
        client: Any,
        patience: float = PATIENCE,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = jitter,
    ) -> None:
        self.client = client
        self.patience = patience
        self.sleep = sleep
        self.clock = clock
        self._jitter = jitter

    def call(
        self, operation: str, params: Mapping[str, Any], cost: Cost, *, expecting: Collection[str] = ()
    ) -> Mapping[str, Any]:
        """Do one operation and count its attempts; raise `Refused` for the codes expected, else a `CqrslessError`."""
        if not tracing.on():
            return self._call(operation, params, cost, expecting)
        with tracing.requesting(operation, _target(params).split(", "), Refused):
            return self._call(operation, params, cost, expecting)

    def _call(
        self, operation: str, params: Mapping[str, Any], cost: Cost, expecting: Collection[str]
    ) -> Mapping[str, Any]:
        method = getattr(self.client, _METHODS[operation])
        started = self.clock()
        attempt = 0
        while True:
            attempt += 1
            cost.requests += 1
            try:
                response: Mapping[str, Any] = method(**params)
                cost.requests += _attempts_inside(response)
                return response
            except Exception as error:
                cost.requests += _attempts_inside(getattr(error, "response", None))
                code = error_code(error)
                passing = _is_passing(error, code)
                if code in expecting and not passing:
                    raise Refused(code, getattr(error, "response", {})) from error
                if not passing:
                    raise _final(error, code, operation, params) from error
                delay = self._jitter(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(attempt - 1, 10)))
                spent = self.clock() - started
                if spent + delay > self.patience:
                    raise StoreUnavailable(
                        f"DynamoDB did not do {operation} on {_target(params)} in {attempt} attempts over "
                        f"{spent:.1f} seconds; the last one failed with {_told(error)}"
                    ) from error
            self.sleep(delay)


_METHODS: Final = {
    "CreateTable": "create_table",
    "DescribeTable": "describe_table",
    "DescribeTimeToLive": "describe_time_to_live",
    "GetItem": "get_item",
    "PutItem": "put_item",
    "Query": "query",
    "Scan": "scan",
    "TransactWriteItems": "transact_write_items",
    "UpdateTimeToLive": "update_time_to_live",
}


def error_code(error: Exception) -> str:
    """Give the code of DynamoDB's answer, or nothing where there was none."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _attempts_inside(response: Any) -> int:
    """Count what a client with retries of its own did (a ready client may have them)."""
    return int(response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) if isinstance(response, dict) else 0


def _is_passing(error: Exception, code: str) -> bool:
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    if not isinstance(error, ClientError):
        return isinstance(error, (ConnectionError, HTTPClientError, ResponseParserError))
    response: Mapping[str, Any] = dict(error.response)
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in response.get("CancellationReasons", ())}
        return "ConditionalCheckFailed" not in reasons and not _PASSING_REASONS.isdisjoint(reasons)
    return code in _PASSING or response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500


def _final(error: Exception, code: str, operation: str, params: Mapping[str, Any]) -> Exception:
    from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError, PartialCredentialsError

    target = _target(params)
    if code == "ResourceNotFoundException":
        return StoreUnavailable(
            f"there is no table {target} in this account and region; create it with app.create_tables(), or correct "
            "the prefix, region or endpoint in the store's URL"
        )
    if code == "AccessDeniedException":
        return StoreUnavailable(
            f"AWS does not allow dynamodb:{operation} on {target}; allow it in the policy of whoever runs this "
            f"({_told(error)})"
        )
    if code in _UNKNOWN_CALLER:
        return StoreUnavailable(f"AWS does not accept these credentials; renew or correct them ({_told(error)})")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)):
        return StoreUnavailable(
            "there are no usable AWS credentials for DynamoDB; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY ({_told(error)})"
        )
    if code or isinstance(error, BotoCoreError):
        return CqrslessError(f"DynamoDB refuses {operation} on {target}: {_told(error)}")
    return error


def _target(params: Mapping[str, Any]) -> str:
    name = params.get("TableName")
    if name is None:
        actions = (action for entry in params.get("TransactItems", ()) for action in entry.values())
        name = ", ".join(sorted({action["TableName"] for action in actions}))
    return str(name)


def _told(error: Exception) -> str:
    code = error_code(error)
    if code:
        response: Any = getattr(error, "response", {})
        return f"{code}: {response['Error'].get('Message') or 'no message'}"
    return f"{type(error).__name__}: {error}"
