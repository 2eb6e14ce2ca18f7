"""A queue that feeds the application: commands go in, and nothing comes back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from ..errors import CqrslessError
from ..messages import Command, CommandResult, Query
from ..processors.identities import identity
from .calling import call_aws, command_document, encoded

__all__ = ["Queue"]

#: Bytes of a message; a queue may be set to less.
LARGEST: Final = 1024 * 1024


class Queue:
    """Sends to one queue, by name, ARN or URL. In a FIFO queue `group` says which commands keep their order."""

    def __init__(self, name: str, make: Callable[[], Any], group: Callable[[Command], str] | None) -> None:
        self._name = name
        self._target = f"queue {name}"
        self._make = make
        self._group = group

    def execute(self, command: Command) -> CommandResult:
        body = encoded(command_document(command), command.name, "a queue", LARGEST).decode()
        order: dict[str, str] = {}
        if self._group is not None:
            order["MessageGroupId"] = identity("group", self._group(command))
            order["MessageDeduplicationId"] = identity("command", command.name, str(command.id))
        url = self._url
        call_aws(
            lambda: self._client.send_message(QueueUrl=url, MessageBody=body, **order), self._target, "sqs:SendMessage"
        )
        return CommandResult()

    def ask(self, query: Query, after: CommandResult | None) -> Any:
        raise CqrslessError(
            f"{query.name} cannot be asked through the {self._target}, which gives no answers: ask it through a Client "
            "of lambda:// or https://"
        )

    @cached_property
    def _client(self) -> Any:
        return self._make()

    @cached_property
    def _url(self) -> str:
        if self._name.startswith(("http://", "https://")):
            return self._name
        parts = self._name.split(":")
        owner = {"QueueOwnerAWSAccountId": parts[4]} if parts[0] == "arn" else {}
        found = call_aws(
            lambda: self._client.get_queue_url(QueueName=parts[-1], **owner), self._target, "sqs:GetQueueUrl"
        )
        return str(found["QueueUrl"])
