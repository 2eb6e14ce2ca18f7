"""What each command took, in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TextIO

from .errors import AppLoadError
from .logs import current_message
from .messages import Cost

__all__ = ["Metrics", "emf", "metrics_from_environment"]

DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"


class Metrics(Protocol):
    """Where the account of each command goes."""

    def command(
        self,
        name: str,
        *,
        aggregate: str | None,
        duration_ms: float,
        cost: Cost,
        duplicate: bool,
        conflicts: int,
        outcome: str,
    ) -> None:
        """Account for one command that has a handler; `outcome` is `"done"`, `"refused"` or `"failed"`.

        A name that nobody handles must not come here: each name makes a metric, which costs money.
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


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """Writes one line a command; CloudWatch makes metrics of such lines in a function's log."""

    stream: TextIO | None
    namespace: str
    service: str

    def command(
        self,
        name: str,
        *,
        aggregate: str | None,
        duration_ms: float,
        cost: Cost,
        duplicate: bool,
        conflicts: int,
        outcome: str,
    ) -> None:
        line: dict[str, Any] = {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": self.namespace,
                        "Dimensions": [["Service", "Command"]],
                        "Metrics": [{"Name": metric, "Unit": unit} for metric, unit in _UNITS],
                    }
                ],
            },
            "Service": self.service,
            "Command": name,
            "DurationMs": round(duration_ms, 3),
            "Requests": cost.requests,
            "ReadUnits": cost.read_units,
            "WriteUnits": cost.write_units,
            "Duplicates": int(duplicate),
            "Conflicts": conflicts,
            "Refused": int(outcome == REFUSED),
            "Failed": int(outcome == FAILED),
        }
        if aggregate is not None:
            line["Aggregate"] = aggregate
        message = current_message.get()
        if message is not None:
            line["MessageId"] = message.id
            line["CorrelationId"] = message.correlation_id or message.id
        # One write, so that threads do not mix their lines. Lambda's runtime replaces sys.stdout: look it up each time.
        (self.stream or sys.stdout).write(json.dumps(line) + "\n")


def emf(stream: TextIO | None = None, *, namespace: str = "cqrsless", service: str | None = None) -> Metrics:
    """Give metrics in the embedded metric format, on standard output unless a stream is given.

    `service` is a dimension of every metric; by default it is the Lambda function's name. The format is specified
    in the CloudWatch user guide, "Embedded metric format".

    >>> metrics = emf(service="orders")
    >>> metrics.command("ShipOrder", aggregate="Order", duration_ms=3, cost=Cost(1, 0, 1), duplicate=False, conflicts=0,
    ...                 outcome="done")  # doctest: +ELLIPSIS
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
