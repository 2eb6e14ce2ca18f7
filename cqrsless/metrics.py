"""What each command took, and what each processor did with a batch, in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol, TextIO

from .errors import AppLoadError
from .logs import current_message
from .messages import Cost

__all__ = ["Executed", "Metrics", "emf", "metrics_from_environment"]

DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"


class Executed(NamedTuple):
    """What one command took; `outcome` is `"done"`, `"refused"` or `"failed"`."""

    command: str
    aggregate: str | None
    duration_ms: float
    cost: Cost
    duplicate: bool
    conflicts: int
    outcome: str


class Metrics(Protocol):
    """Where the account of each command goes."""

    def command(self, executed: Executed) -> None:
        """Account for one command that has a handler.

        A name that nobody handles must not come here: each name makes a metric, which costs money.
        """
        ...

    def processor(self, name: str, *, applied: int, retried: int, parked: int, lag_ms: float) -> None:
        """Account for what a processor, view, the publishers or the indexer did with one batch of commits.

        `retried` counts attempts that failed and come again, `parked` aggregates; `lag_ms` is the oldest commit's age.
        """
        ...


_UNITS: Final = (
    ("DurationMs", "Milliseconds"),
    ("Requests", "Count"),
    ("ReadUnits", "Count"),
    ("WriteUnits", "Count"),
    ("Duplicates", "Count"),
    ("Conflicts", "Count"),
    ("Refused", "Count"),
    ("Failed", "Count"),
)


_PROCESSOR_UNITS: Final = (("Applied", "Count"), ("Retried", "Count"), ("Parked", "Count"), ("LagMs", "Milliseconds"))


class EmbeddedMetrics:
    """Writes one line a command, and one a processor and batch; CloudWatch makes metrics of them."""

    def __init__(self, stream: TextIO | None, namespace: str, service: str) -> None:
        self.stream = stream
        self.namespace = namespace
        self.service = service

    def command(self, executed: Executed) -> None:
        cost, outcome = executed.cost, executed.outcome
        line: dict[str, Any] = {
            "_aws": self._header("Command", _UNITS),
            "Service": self.service,
            "Command": executed.command,
            "DurationMs": round(executed.duration_ms, 3),
            "Requests": cost.requests,
            "ReadUnits": cost.read_units,
            "WriteUnits": cost.write_units,
            "Duplicates": int(executed.duplicate),
            "Conflicts": executed.conflicts,
            "Refused": int(outcome == REFUSED),
            "Failed": int(outcome == FAILED),
        }
        if executed.aggregate is not None:
            line["Aggregate"] = executed.aggregate
        message = current_message.get()
        if message is not None:
            line["MessageId"] = message.id
            line["CorrelationId"] = message.correlation_id or message.id
        self._write(line)

    def processor(self, name: str, *, applied: int, retried: int, parked: int, lag_ms: float) -> None:
        self._write(
            {
                "_aws": self._header("Processor", _PROCESSOR_UNITS),
                "Service": self.service,
                "Processor": name,
                "Applied": applied,
                "Retried": retried,
                "Parked": parked,
                "LagMs": round(lag_ms, 3),
            }
        )

    def _header(self, dimension: str, units: Iterable[tuple[str, str]]) -> dict[str, Any]:
        metrics = [{"Name": metric, "Unit": unit} for metric, unit in units]
        described = {"Namespace": self.namespace, "Dimensions": [["Service", dimension]], "Metrics": metrics}
        return {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]}

    def _write(self, line: Mapping[str, Any]) -> None:
        # One write, so that threads do not mix their lines. Lambda's runtime replaces sys.stdout: look it up each time.
        (self.stream or sys.stdout).write(json.dumps(line) + "\n")


def emf(stream: TextIO | None = None, *, namespace: str = "cqrsless", service: str | None = None) -> Metrics:
    """Give metrics in the embedded metric format, on standard output unless a stream is given.

    `service` is a dimension of every metric; by default it is the Lambda function's name. The format is specified
    in the CloudWatch user guide, "Embedded metric format".

    >>> metrics = emf(service="orders")
    >>> metrics.command(Executed("ShipOrder", "Order", 3, Cost(1, 0, 1), False, 0, "done"))  # doctest: +ELLIPSIS
    {"_aws": {"Timestamp": ...}, "Service": "orders", "Command": "ShipOrder", "DurationMs": 3, "Requests": 1, ...}
    """
    return EmbeddedMetrics(stream, namespace, service or os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "local")


def metrics_from_environment(environ: Mapping[str, str] | None = None) -> Metrics | None:
    """Give the metrics that `CQRSLESS_METRICS` asks for: `emf` (the default in Lambda) or `off` (elsewhere).

    >>> metrics_from_environment({}) is None
    True
    """
    environ = os.environ if environ is None else environ
    wanted = environ.get("CQRSLESS_METRICS") or ("emf" if environ.get("AWS_LAMBDA_FUNCTION_NAME") else "off")
    if wanted == "off":
        return None
    if wanted == "emf":
        return emf(service=environ.get("AWS_LAMBDA_FUNCTION_NAME"))
    raise AppLoadError(f"CQRSLESS_METRICS is {wanted!r}: set it to 'emf' or 'off'")
