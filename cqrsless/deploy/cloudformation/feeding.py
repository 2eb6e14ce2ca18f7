"""What feeds functions: event source mappings, by the settings that SAM calls by the same names."""

from __future__ import annotations

from ..plan import QueueMapping, StreamMapping
from .texts import Document, Texts, arn_of

__all__ = ["queue_mapping", "queue_settings", "stream_mapping", "stream_settings"]


def stream_settings(mapping: StreamMapping) -> Document:
    settings: Document = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": mapping.batch_size,
        "MaximumRetryAttempts": mapping.retries,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    if mapping.window:
        settings["MaximumBatchingWindowInSeconds"] = mapping.window
    if mapping.bisect:
        settings["BisectBatchOnFunctionError"] = True
    if mapping.parallel > 1:
        settings["ParallelizationFactor"] = mapping.parallel
    if mapping.filters:
        settings["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in mapping.filters]}
    if mapping.bucket is not None:
        settings["DestinationConfig"] = {"OnFailure": {"Destination": arn_of(mapping.bucket)}}
    return settings


def queue_settings(mapping: QueueMapping) -> Document:
    settings: Document = {"BatchSize": mapping.batch_size, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    if mapping.window:
        settings["MaximumBatchingWindowInSeconds"] = mapping.window
    if mapping.concurrency is not None:
        settings["ScalingConfig"] = {"MaximumConcurrency": mapping.concurrency}
    return settings


def stream_mapping(texts: Texts, mapping: StreamMapping) -> Document:
    stream = {"Fn::GetAtt": [mapping.table, "StreamArn"]}
    return {"FunctionName": texts.invoked(mapping.function), "EventSourceArn": stream, **stream_settings(mapping)}


def queue_mapping(texts: Texts, mapping: QueueMapping) -> Document:
    queue = arn_of(mapping.queue)
    return {"FunctionName": texts.invoked(mapping.function), "EventSourceArn": queue, **queue_settings(mapping)}
