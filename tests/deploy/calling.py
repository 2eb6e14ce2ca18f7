"""Whose calls they are: each is made in a function's name, and noted as IAM would be asked for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.deploy.running import RunningStack

ACCOUNT = "123456789012"
REGION = "eu-west-1"
Call = tuple[str, str]

#: The function in whose name calls are made.
caller: ContextVar[str | None] = ContextVar("caller", default=None)
#: What IAM calls an operation where it has another name for it.
_RENAMED = {"sns:PublishBatch": "sns:Publish", "sqs:SendMessageBatch": "sqs:SendMessage"}


class AsCaller:
    """A client whose calls are made in a function's name."""

    def __init__(self, client: Any, caller: Callable[[], Any]) -> None:
        self._client = client
        self._caller = caller

    def __getattr__(self, name: str) -> Any:
        def call(**params: Any) -> Any:
            with self._caller():
                return getattr(self._client, name)(**params)

        return call


@contextmanager
def noting_calls(stack: RunningStack) -> Iterator[None]:
    """Note every call of botocore's under the function in whose name it is made."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: Any, operation: str, params: Mapping[str, Any]) -> Any:
        function = caller.get()
        if function is not None:
            service = client.meta.service_model.signing_name
            stack.calls[stack.plan.function(function).role].update(_asked(service, operation, params))
            if service == "lambda":
                stack.later.append((stack.by_arn(params["FunctionName"]), json.loads(params["Payload"])))
                return {"StatusCode": 202}
            if operation == "PutItem" and params["TableName"].endswith("-views") and function in stack.forgetting:
                stack.forgetting.pop(function)()
                raise ClientError({"Error": {"Code": "ValidationException", "Message": "not now"}}, operation)
        return make(client, operation, params)

    with patch.object(BaseClient, "_make_api_call", noted):
        yield


def _asked(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Call]:
    """Give what IAM is asked for one call: actions, each on a resource."""
    if operation == "TransactWriteItems":
        for entry in params["TransactItems"]:
            ((kind, write),) = entry.items()
            action = {"Put": "PutItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}[kind]
            yield f"dynamodb:{action}", _table(write["TableName"])
        return
    action = _RENAMED.get(f"{service}:{operation}", f"{service}:{operation}")
    if service == "dynamodb" and "StreamArn" in params:
        yield action, params["StreamArn"]
    elif operation == "GetRecords":  # a shard iterator begins with its stream's ARN, here as on AWS
        yield action, params["ShardIterator"].partition("|")[0]
    elif service == "dynamodb":
        yield action, _table(params["TableName"])
    elif service == "scheduler":
        yield action, f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{params['GroupName']}/*"
        if operation == "CreateSchedule":
            yield "iam:PassRole", params["Target"]["RoleArn"]
    elif service == "events":
        for entry in params["Entries"]:
            yield action, f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{entry['EventBusName']}"
    elif service == "sqs":
        name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
        yield action, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    elif service == "lambda":
        yield "lambda:InvokeFunction", params["FunctionName"]
    elif service == "s3":
        yield action, f"arn:aws:s3:::{params['Bucket']}/*"
    elif (service, operation) != ("sts", "GetCallerIdentity"):  # which needs no permission
        yield action, "?"


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
