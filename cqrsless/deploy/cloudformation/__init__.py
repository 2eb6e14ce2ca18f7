"""A plan as a CloudFormation template."""

from __future__ import annotations

from typing import Final

from ..plan import Function, Layer, Plan
from .feeding import queue_mapping, queue_settings, stream_mapping, stream_settings
from .template import Template
from .texts import Document, arn_of, made, ref

__all__ = [
    "HANDLER",
    "Document",
    "Template",
    "arn_of",
    "cloudformation",
    "made",
    "queue_settings",
    "stream_mapping",
    "stream_settings",
]

HANDLER: Final = "cqrsless.entrypoint"


def cloudformation(plan: Plan) -> Document:
    """Write a plan as a CloudFormation template; its code is an object in S3, which two parameters name."""
    template = Template(plan)
    template.parameters["CodeBucket"] = {"Type": "String", "Description": "The bucket of the functions' code."}
    template.parameters["CodeKey"] = {
        "Type": "String",
        "Description": "The key of the functions' code: a zip. A new key makes new code run.",
    }
    resources: Document = {}
    for layer in plan.layers:
        if isinstance(layer, Layer):
            key = f"{layer.id}Key"
            template.parameters[key] = {"Type": "String", "Description": f"The key, in CodeBucket, of {layer.file}."}
            content = {"S3Bucket": ref("CodeBucket"), "S3Key": ref(key)}
            settings = {**template.layer_settings(layer), "Content": content}
            resources |= [made(layer.id, "AWS::Lambda::LayerVersion", settings)]
    for function in plan.functions:
        resources |= [made(function.id, "AWS::Lambda::Function", _function(template, plan, function))]
        if function.undelivered is not None:
            settings = {
                "FunctionName": ref(function.id),
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": 2,
                "DestinationConfig": {"OnFailure": {"Destination": arn_of(function.undelivered)}},
            }
            resources |= [made(f"{function.id}Undelivered", "AWS::Lambda::EventInvokeConfig", settings)]
    for stream in plan.stream_mappings:
        resources |= [made(stream.id, "AWS::Lambda::EventSourceMapping", stream_mapping(stream))]
    for queue in plan.queue_mappings:
        resources |= [made(queue.id, "AWS::Lambda::EventSourceMapping", queue_mapping(queue))]
    template.resources |= resources
    return template.document()


def _function(template: Template, plan: Plan, function: Function) -> Document:
    variables = {name: template.texts.text(value) for name, value in function.environment.items()}
    return {
        "Handler": HANDLER,
        "Runtime": plan.runtime,
        "Architectures": [plan.architecture],
        "Code": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
        **template.function_settings(function),
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "Environment": {"Variables": variables},
        **({"Layers": template.layers} if plan.layers else {}),
    }
