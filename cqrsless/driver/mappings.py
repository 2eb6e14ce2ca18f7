"""The settings of an event source mapping, under short names, with AWS's defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from .filters import compile_filters
from .positions import LATEST, TRIM_HORIZON

_RANGES: Final = {
    "batch_size": (1, 10_000),
    "batching_window": (0, 300),
    "retries": (-1, 10_000),
    "record_age": (-1, 604_800),
    "parallel": (1, 10),
}
#: What a template calls each setting ("Lambda parameters for Amazon DynamoDB event source mappings").
_IN_TEMPLATES: Final = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "batching_window",
    "MaximumRetryAttempts": "retries",
    "MaximumRecordAgeInSeconds": "record_age",
    "BisectBatchOnFunctionError": "bisect",
    "ParallelizationFactor": "parallel",
    "StartingPosition": "start",
}
#: What is read below, what a template says elsewhere, and what makes no difference here.
_LEFT_OUT: Final = frozenset(
    {
        *("FilterCriteria", "FunctionResponseTypes"),
        *("DestinationConfig", "Enabled", "EventSourceArn", "FunctionName", "Stream", "Tags"),
    }
)


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """How a function is fed from a stream. The defaults are AWS's own: retried for ever, whole batches, no filter.

    `name` tells mappings apart, and names their checkpoints. `retries` and `record_age` (seconds) are endless at -1;
    `report_failures` is ReportBatchItemFailures, `parallel` the ParallelizationFactor. `filters` are patterns, JSON
    texts.

    >>> EventSourceMapping("views", retries=5, bisect=True, report_failures=True).batch_size
    100
    """

    name: str
    batch_size: int = 100
    batching_window: float = 0
    retries: int = -1
    record_age: float = -1
    bisect: bool = False
    report_failures: bool = False
    filters: tuple[str, ...] = ()
    parallel: int = 1
    start: str = TRIM_HORIZON

    def __post_init__(self) -> None:
        if not self.name or "#" in self.name:
            raise ValueError(f"a mapping's name is not empty and holds no '#': {self.name!r}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _RANGES:
                least, most = _RANGES[field.name]
                if not least <= value <= most:
                    raise ValueError(f"{field.name} of the mapping {self.name!r} is {least} to {most}, not {value}")
        if 0 <= self.record_age < 60:
            raise ValueError(f"record_age of the mapping {self.name!r} is -1 or at least 60 seconds")
        if self.start not in (TRIM_HORIZON, LATEST):
            raise ValueError(f"start of the mapping {self.name!r} is {TRIM_HORIZON} or {LATEST}, not {self.start!r}")
        compile_filters(self.filters)

    @classmethod
    def from_template(cls, name: str, properties: Mapping[str, Any]) -> EventSourceMapping:
        """Read the properties of a mapping in a SAM or CloudFormation template.

        >>> EventSourceMapping.from_template("views", {"BatchSize": 10, "StartingPosition": "LATEST"}).batch_size
        10
        """
        unknown = sorted(properties.keys() - _IN_TEMPLATES.keys() - _LEFT_OUT)
        if unknown:
            raise ValueError(f"the mapping {name!r} has {', '.join(unknown)}, which the local driver does not act on")
        settings = {_IN_TEMPLATES[key]: value for key, value in properties.items() if key in _IN_TEMPLATES}
        patterns = (properties.get("FilterCriteria") or {}).get("Filters") or []
        return cls(
            name,
            report_failures="ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or []),
            filters=tuple(entry["Pattern"] for entry in patterns),
            **settings,
        )
