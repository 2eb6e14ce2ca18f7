"""Retries on a client and a clock that do as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from cqrsless.errors import CqrslessError, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.stores.dynamodb_calls import Calls, Refused

URL = "https://dynamodb.eu-west-1.amazonaws.com/"


class Clock:
    """Time that passes only where someone sleeps, or where an attempt takes a while."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Client:
    """A client that gives the answers of a script, the last one for ever; each attempt takes `seconds`."""

    def __init__(self, clock: Clock, answers: Iterable[Any], seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.clock = clock
        self.asked: list[dict[str, Any]] = []

    def put_item(self, **params: Any) -> Any:
        self.asked.append(params)
        self.clock.now += self.seconds
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    transact_write_items = put_item


def answer_of(code: str, status: int = 400, message: str = "told so", **more: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, "PutItem")


def canceled(*reasons: str | None) -> ClientError:
    return answer_of("TransactionCanceledException", CancellationReasons=[{"Code": r or "None"} for r in reasons])


def attempt(
    *answers: Any, seconds: float = 0.0, patience: float = 10.0, operation: str = "PutItem", expecting: Any = ()
) -> tuple[Any, Clock, Client, Cost]:
    clock = Clock()
    client = Client(clock, answers, seconds)
    calls = Calls(client, patience, sleep=clock.sleep, clock=clock, jitter=lambda low, high: high)
    cost = Cost()
    try:
        result: Any = calls.call(operation, {"TableName": "orders-events"}, cost, expecting=expecting)
    except Exception as error:
        result = error
    return result, clock, client, cost


PASSING = [
    ConnectionClosedError(endpoint_url=URL),
    ReadTimeoutError(endpoint_url=URL),
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
    ResponseParserError("<html>"),
    answer_of("InternalServerError", 500),
    answer_of("", 503),
    answer_of("SomethingNew", 502),
    answer_of("ProvisionedThroughputExceededException"),
    answer_of("ThrottlingException"),
    answer_of("RequestLimitExceeded"),
    answer_of("TransactionInProgressException"),
    answer_of("TransactionConflictException"),
    canceled(None, "TransactionConflict"),
    canceled("ThrottlingError"),
    canceled("ProvisionedThroughputExceeded", None),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: f"{type(error).__name__}: {error}"[:70])
def test_what_passes_is_tried_again_and_each_attempt_counted(error: Exception) -> None:
    result, clock, client, cost = attempt(error, error, {"done": True}, expecting=("TransactionCanceledException",))
    assert result == {"done": True}
    assert cost.requests == 3
    assert client.asked == [{"TableName": "orders-events"}] * 3
    assert clock.slept == [0.05, 0.1]


def test_delays_double_up_to_a_second() -> None:
    _, clock, _, _ = attempt(*[PASSING[0]] * 7, {})
    assert clock.slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_delays_are_spread_at_random() -> None:
    clock = Clock()
    asked: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.01

    client = Client(clock, [PASSING[0], PASSING[0], {}])
    Calls(client, sleep=clock.sleep, clock=clock, jitter=jitter).call("PutItem", {}, Cost())
    assert asked == [(0, 0.05), (0, 0.1)]
    assert clock.slept == [0.01, 0.01]


def test_patience_is_in_seconds_and_not_in_attempts() -> None:
    error = ReadTimeoutError(endpoint_url=URL)
    result, clock, client, cost = attempt(error, patience=10.0, seconds=0.0)
    assert isinstance(result, StoreUnavailable)
    assert 9.0 <= clock.now - 100 <= 10.0
    assert cost.requests == len(client.asked) > 10
    result, clock, client, _ = attempt(error, patience=10.0, seconds=5.0)
    assert isinstance(result, StoreUnavailable)
    assert len(client.asked) == 2


def test_giving_up_says_what_was_tried_and_keeps_the_cause() -> None:
    result, _, _, _ = attempt(answer_of("ThrottlingException", message="Rate exceeded"), patience=0.2)
    assert isinstance(result, StoreUnavailable)
    assert str(result) == (
        "DynamoDB did not do PutItem on orders-events in 3 attempts over 0.1 seconds; the last one failed with "
        "ThrottlingException: Rate exceeded"
    )
    assert isinstance(result.__cause__, ClientError)


def test_a_hundred_lost_answers_in_a_row_use_up_no_quota() -> None:
    clock = Clock()
    client = Client(clock, [])
    calls = Calls(client, sleep=clock.sleep, clock=clock)
    for _ in range(100):
        client.answers = [ConnectionClosedError(endpoint_url=URL), {}]
        calls.call("PutItem", {}, Cost())
    assert len(client.asked) == 200


@pytest.mark.parametrize(
    "answer",
    [
        answer_of("ConditionalCheckFailedException"),
        canceled(None, "ConditionalCheckFailed"),
        canceled("TransactionConflict", "ConditionalCheckFailed"),
    ],
)
def test_a_failed_condition_is_an_answer_and_not_tried_again(answer: ClientError) -> None:
    codes = ("ConditionalCheckFailedException", "TransactionCanceledException")
    result, _, client, cost = attempt(answer, expecting=codes)
    assert isinstance(result, Refused)
    assert result.response is answer.response
    assert (len(client.asked), cost.requests) == (1, 1)


def test_what_a_ready_client_retried_inside_is_counted() -> None:
    result, _, _, cost = attempt({"ResponseMetadata": {"RetryAttempts": 3}})
    assert cost.requests == 4
    failed = answer_of("ConditionalCheckFailedException")
    failed.response["ResponseMetadata"]["RetryAttempts"] = 1
    result, _, _, cost = attempt(failed, expecting=("ConditionalCheckFailedException",))
    assert isinstance(result, Refused)
    assert cost.requests == 2


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (
            answer_of("ResourceNotFoundException"),
            StoreUnavailable,
            "there is no table orders-events in this account and region; create it with app.create_tables(), or "
            "correct the prefix, region or endpoint in the store's URL",
        ),
        (
            answer_of("AccessDeniedException", message="User: x is not authorized"),
            StoreUnavailable,
            "AWS does not allow dynamodb:PutItem on orders-events; allow it in the policy of whoever runs this "
            "(AccessDeniedException: User: x is not authorized)",
        ),
        (
            answer_of("ExpiredTokenException", message="expired"),
            StoreUnavailable,
            "AWS does not accept these credentials; renew or correct them (ExpiredTokenException: expired)",
        ),
        (
            NoCredentialsError(),
            StoreUnavailable,
            "there are no usable AWS credentials for DynamoDB; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY (NoCredentialsError: Unable to locate credentials)",
        ),
        (
            PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            StoreUnavailable,
            "there are no usable AWS credentials for DynamoDB; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY (PartialCredentialsError: Partial credentials found in env, missing: "
            "AWS_SECRET_ACCESS_KEY)",
        ),
        (
            CredentialRetrievalError(provider="sso", error_msg="log in"),
            StoreUnavailable,
            "there are no usable AWS credentials for DynamoDB; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY (CredentialRetrievalError: Error when retrieving credentials from sso: log in)",
        ),
        (
            answer_of("ValidationException", message="too long"),
            CqrslessError,
            "DynamoDB refuses PutItem on orders-events: ValidationException: too long",
        ),
    ],
)
def test_what_will_not_pass_fails_at_once_and_says_what_to_do(
    error: Exception, kind: type[CqrslessError], text: str
) -> None:
    result, clock, client, _ = attempt(error)
    assert type(result) is kind
    assert str(result) == text
    assert result.__cause__ is error
    assert (len(client.asked), clock.slept) == (1, [])


def test_a_transaction_is_named_by_its_tables() -> None:
    clock = Clock()
    calls = Calls(Client(clock, [answer_of("AccessDeniedException")]), sleep=clock.sleep, clock=clock)
    params = {"TransactItems": [{"Put": {"TableName": "o-views"}}, {"Delete": {"TableName": "o-events"}}]}
    with pytest.raises(StoreUnavailable, match=r"AWS does not allow dynamodb:TransactWriteItems on o-events, o-views;"):
        calls.call("TransactWriteItems", params, Cost())


def test_a_mistake_in_this_package_is_not_disguised() -> None:
    mistake = ZeroDivisionError("division by zero")
    result, _, client, _ = attempt(mistake)
    assert result is mistake
    assert len(client.asked) == 1
