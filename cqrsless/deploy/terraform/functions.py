"""Functions, with their code and their logs, and what feeds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..plan import Function, Layer, Plan, QueueMapping, StreamMapping
from ..values import text
from .texts import Block, Expression, Made, Texts, made

__all__ = ["code", "function", "layer", "queue_mapping", "stream_mapping"]

HANDLER: Final = "cqrsless.entrypoint"


def code(name: str, variable: str) -> Block:
    """Say where code is: in a zip on this machine, or in an object in S3."""
    return {
        "filename": Expression(f"local.{name}"),
        "source_code_hash": Expression(f"local.{name} == null ? null : filebase64sha256(local.{name})"),
        "s3_bucket": Expression(f"try(var.{variable}.bucket, null)"),
        "s3_key": Expression(f"try(var.{variable}.key, null)"),
        "s3_object_version": Expression(f"try(var.{variable}.version, null)"),
    }


def layer(texts: Texts, plan: Plan, layer: Layer) -> Iterator[Made]:
    address = texts.address(layer.id)
    yield made(
        address,
        {
            "layer_name": layer.name,
            "compatible_runtimes": [plan.runtime],
            "compatible_architectures": [plan.architecture],
            **code(address.name, f"{address.name}_code"),
        },
    )


def function(texts: Texts, plan: Plan, function: Function) -> Iterator[Made]:
    address = texts.address(function.id)
    log = texts.beside(function.id, "aws_cloudwatch_log_group")
    yield made(log, {"name": text("/aws/lambda/", *function.name), "retention_in_days": function.log_days})
    body: Block = {
        "function_name": function.name,
        "description": function.description,
        "role": texts.address(function.role).of("arn"),
        "handler": HANDLER,
        "runtime": plan.runtime,
        "architectures": [plan.architecture],
        **code("package", "code"),
        "memory_size": function.memory,
        "timeout": function.timeout,
        "environment": {"variables": dict(function.environment)},
        "logging_config": {"log_format": "Text", "log_group": log.of("name")},
        # What feeds it is refused as long as its role does not allow to read that.
        "depends_on": [str(texts.beside(function.role, "aws_iam_role_policy"))],
    }
    if plan.layers:
        body["layers"] = [
            texts.address(layer.id).of("arn") if isinstance(layer, Layer) else layer for layer in plan.layers
        ]
    if function.concurrency is not None:
        body["reserved_concurrent_executions"] = function.concurrency
    if function.snapstart:
        body |= {"snap_start": {"apply_on": "PublishedVersions"}, "publish": True}
    yield made(address, body)
    if function.alias is not None:
        version = {"function_name": address.of("function_name"), "function_version": address.of("version")}
        yield made(texts.beside(function.id, "aws_lambda_alias"), {"name": function.alias, **version})
    if function.continues:  # a long replay is a chain of invocations, which Lambda would take for a mistake
        yield made(
            texts.beside(function.id, "aws_lambda_function_recursion_config"),
            {"function_name": address.of("function_name"), "recursive_loop": "Allow"},
        )
    if function.undelivered is not None:
        to = texts.address(function.undelivered).of("arn")
        yield made(
            texts.beside(function.id, "aws_lambda_function_event_invoke_config"),
            {
                **texts.target(function.id),
                "maximum_retry_attempts": 2,
                "destination_config": {"on_failure": {"destination": to}},
            },
        )


def stream_mapping(texts: Texts, mapping: StreamMapping) -> Iterator[Made]:
    body: Block = {
        "function_name": texts.invoked(mapping.function),
        "event_source_arn": texts.address(mapping.table).of("stream_arn"),
        "starting_position": "TRIM_HORIZON",
        "batch_size": mapping.batch_size,
        "maximum_retry_attempts": mapping.retries,
        "function_response_types": ["ReportBatchItemFailures"],
    }
    if mapping.window:
        body["maximum_batching_window_in_seconds"] = mapping.window
    if mapping.bisect:
        body["bisect_batch_on_function_error"] = True
    if mapping.parallel > 1:
        body["parallelization_factor"] = mapping.parallel
    if mapping.filters:
        body["filter_criteria"] = {"filter": [{"pattern": pattern} for pattern in mapping.filters]}
    if mapping.bucket is not None:
        body["destination_config"] = {"on_failure": {"destination_arn": texts.address(mapping.bucket).of("arn")}}
    yield made(texts.address(mapping.id), body)


def queue_mapping(texts: Texts, mapping: QueueMapping) -> Iterator[Made]:
    body: Block = {
        "function_name": texts.invoked(mapping.function),
        "event_source_arn": texts.address(mapping.queue).of("arn"),
        "batch_size": mapping.batch_size,
        "function_response_types": ["ReportBatchItemFailures"],
    }
    if mapping.window:
        body["maximum_batching_window_in_seconds"] = mapping.window
    if mapping.concurrency is not None:
        body["scaling_config"] = {"maximum_concurrency": mapping.concurrency}
    yield made(texts.address(mapping.id), body)
