"""A Lambda function that runs the application, invoked directly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from ..errors import HandlerFailed, Unreachable
from ..messages import Command, CommandResult, Query
from .answers import Failures, passing_or_not, result_in_full
from .attempts import Passing
from .calling import call_aws, command_document, encoded

__all__ = ["Function"]

#: Bytes of an event that a synchronous invocation takes.
LARGEST: Final = 6 * 1024 * 1024
#: What Lambda says of a function that did not come to its end; whether it had done its work, nobody knows.
_CUT_SHORT: Final = frozenset({"", "Sandbox.Timedout", "Sandbox.Failure", "Runtime.ExitError", "Runtime.Unknown"})


class Function:
    """Invokes one function, by name, ARN or alias; `make` makes the client for it, when it is first needed."""

    def __init__(self, name: str, make: Callable[[], Any], failures: Failures) -> None:
        self._name = name
        self._target = f"function {name}"
        self._make = make
        self._failures = failures

    def execute(self, command: Command) -> CommandResult:
        return result_in_full(self._invoke(command.name, command_document(command)))

    def ask(self, query: Query, after: CommandResult | None) -> Any:
        event: dict[str, Any] = {"query": query.name, "payload": query.payload}
        if after is not None and after.aggregate is not None and after.version:
            names = ("aggregate", "aggregate_id", "version")
            event["after"] = {name: getattr(after, name) for name in names}
        return self._invoke(query.name, event)["value"]

    @cached_property
    def _client(self) -> Any:
        return self._make()

    def _invoke(self, message: str, event: dict[str, Any]) -> Mapping[str, Any]:
        body = encoded({**event, "answer": "full"}, message, "a function", LARGEST)
        text, failed = call_aws(lambda: self._call(body), self._target, "lambda:InvokeFunction")
        try:
            answer: Any = json.loads(text) if text else None
        except ValueError as error:
            raise Passing(Unreachable(f"the answer of {self._target} was cut short: {error}")) from error
        if failed:
            raise self._failure(message, answer if isinstance(answer, dict) else {})
        if isinstance(answer, dict) and isinstance(answer.get("problem"), dict):
            refusal = self._failures.of_problem(answer["problem"])
            if refusal is not None:
                raise refusal
        if not isinstance(answer, dict) or "value" not in answer:
            raise HandlerFailed(
                f"{self._target} answers {message} as no cqrsless application does: is its handler cqrsless.entrypoint?"
            )
        return answer

    def _call(self, body: bytes) -> tuple[bytes, bool]:
        response = self._client.invoke(FunctionName=self._name, Payload=body)
        return response["Payload"].read(), "FunctionError" in response

    def _failure(self, message: str, told: Mapping[str, Any]) -> Exception:
        """Tell an error of the application from a bug, and from a function that Lambda ended."""
        name, text = str(told.get("errorType") or ""), str(told.get("errorMessage") or "")
        known = self._failures.of_error(name, text)
        if known is not None:
            return passing_or_not(known)
        request_id = str(told.get("requestId") or "")
        logged = f" (request {request_id} in its log)" if request_id else ""
        if name in _CUT_SHORT:
            return Passing(Unreachable(f"{self._target} did not come to the end of {message}{logged}: {text or name}"))
        return HandlerFailed(
            f"{message} failed in {self._target}{logged}: {name}: {text}", error=name, request_id=request_id
        )
