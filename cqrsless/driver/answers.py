"""What a function's answer says of its batch ("Configuring partial batch response with DynamoDB and Lambda")."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an invocation ended. `lowest` is the failed sequence number that becomes the checkpoint, where `kind` is
    `partial`; `failed` are all that the function named; `why` is for people."""

    kind: Literal["success", "partial", "failure", "not invoked"]
    lowest: int | None = None
    failed: frozenset[str] = frozenset()
    why: str = ""


SUCCESS: Final = Verdict("success")


def judge(answer: Any, delivered: Collection[str], reporting: bool) -> Verdict:
    """Read an answer. Without ReportBatchItemFailures, whatever is returned is a success.

    An identifier that is empty, unknown or under a wrong key fails the whole batch; of several, the lowest counts.

    >>> judge({"batchItemFailures": [{"itemIdentifier": "102"}, {"itemIdentifier": "99"}]}, ["99", "102"], True).lowest
    99
    >>> judge({"batchItemFailures": [{"itemIdentifier": ""}]}, ["99"], True).kind
    'failure'
    """
    if not reporting or answer is None:
        return SUCCESS
    if not isinstance(answer, Mapping):
        return Verdict("failure", why=f"the answer is a {type(answer).__name__}, and no StreamsEventResponse")
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return SUCCESS
    if not isinstance(failures, list):
        return Verdict("failure", why="batchItemFailures is not a list")
    named: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, Mapping) else None
        if not isinstance(identifier, str) or not identifier:
            return Verdict("failure", why="an itemIdentifier is missing, null or empty")
        if identifier not in delivered:
            return Verdict("failure", why=f"the itemIdentifier {identifier!r} is of no record in the batch")
        named.add(identifier)
    return Verdict("partial", min(map(int, named)), frozenset(named), "the function named records that failed")
