"""A plan as a SAM template: functions with their code beside the template, and each with what feeds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .cloudformation import (
    HANDLER,
    Document,
    Template,
    arn_of,
    made,
    queue_settings,
    stream_mapping,
    stream_settings,
)
from .plan import Function, Layer, Plan
from .values import Text

__all__ = ["sam"]


def sam(plan: Plan) -> Document:
    """Write a plan as a SAM template; the code is whatever `code` in the configuration names, built by `sam build`."""
    template = Template(plan)
    memory, timeout = (_usual([getattr(one, what) for one in plan.functions]) for what in ("memory", "timeout"))
    shared = _shared([function.environment for function in plan.functions])
    for function in plan.functions:
        properties = template.function_settings(function)
        if function.memory != memory:
            properties["MemorySize"] = function.memory
        if function.timeout != timeout:
            properties["Timeout"] = function.timeout
        own = {name: template.texts.text(value) for name, value in function.environment.items() if name not in shared}
        if own:
            properties["Environment"] = {"Variables": own}
        if function.undelivered is not None:
            properties["EventInvokeConfig"] = {
                "MaximumRetryAttempts": 2,
                "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": arn_of(function.undelivered)}},
            }
        if function.alias is not None:  # any change makes a version: one keeps its settings as well as its code
            properties |= {"AutoPublishAlias": function.alias, "AutoPublishAliasAllProperties": True}
        events = _events(plan, function)
        if events:
            properties["Events"] = events
        template.resources |= [made(function.id, "AWS::Serverless::Function", properties)]
    for layer in plan.layers:
        if isinstance(layer, Layer):
            settings = {**template.layer_settings(layer), "ContentUri": layer.file}
            template.resources |= [made(layer.id, "AWS::Serverless::LayerVersion", settings)]
    for mapping in plan.stream_mappings:
        if mapping.bucket is not None:  # the bucket invokes the function: as an event of that, it would be a circle
            template.resources |= [
                made(mapping.id, "AWS::Lambda::EventSourceMapping", stream_mapping(template.texts, mapping))
            ]
    document = template.document()
    version, description = document.pop("AWSTemplateFormatVersion"), document.pop("Description")
    return {
        "AWSTemplateFormatVersion": version,
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": description,
        "Globals": {
            "Function": {
                "Handler": HANDLER,
                "Runtime": plan.runtime,
                "Architectures": [plan.architecture],
                "CodeUri": plan.code,
                "MemorySize": memory,
                "Timeout": timeout,
                "Environment": {"Variables": {name: template.texts.text(value) for name, value in shared.items()}},
                **({"Layers": template.layers} if plan.layers else {}),
            }
        },
        **document,
    }


def _events(plan: Plan, function: Function) -> Document:
    events: Document = {}
    for mapping in plan.stream_mappings:
        if mapping.function == function.id and mapping.bucket is None:
            properties = {"Stream": {"Fn::GetAtt": [mapping.table, "StreamArn"]}, **stream_settings(mapping)}
            events[mapping.id] = {"Type": "DynamoDB", "Properties": properties}
    for queue_mapping in plan.queue_mappings:
        if queue_mapping.function == function.id:
            properties = {"Queue": arn_of(queue_mapping.queue), **queue_settings(queue_mapping)}
            events[queue_mapping.id] = {"Type": "SQS", "Properties": properties}
    return events


def _usual(values: list[int]) -> int:
    return Counter(values).most_common(1)[0][0]


def _shared(environments: list[Mapping[str, Text]]) -> dict[str, Any]:
    """Give the variables that all functions have, with the same value."""
    first, *others = environments
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
