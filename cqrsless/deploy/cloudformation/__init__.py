"""A plan as a CloudFormation template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from ..naming import DeploymentError
from ..plan import Function, Layer, Plan
from .feeding import queue_mapping, queue_settings, stream_mapping, stream_settings
from .template import Template
from .texts import Document, Made, alias_id, arn_of, made, ref

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
        properties = _function(template, plan, function)
        resources |= [made(function.id, "AWS::Lambda::Function", properties), *_published(plan, function, properties)]
        if function.undelivered is not None:
            settings = {
                "FunctionName": ref(function.id),
                "Qualifier": function.alias or "$LATEST",
                "MaximumRetryAttempts": 2,
                "DestinationConfig": {"OnFailure": {"Destination": arn_of(function.undelivered)}},
            }
            behind = {} if function.alias is None else {"DependsOn": alias_id(function)}
            resources |= [made(f"{function.id}Undelivered", "AWS::Lambda::EventInvokeConfig", settings, **behind)]
    for stream in plan.stream_mappings:
        resources |= [made(stream.id, "AWS::Lambda::EventSourceMapping", stream_mapping(template.texts, stream))]
    for queue in plan.queue_mappings:
        resources |= [made(queue.id, "AWS::Lambda::EventSourceMapping", queue_mapping(template.texts, queue))]
    template.resources |= resources
    return template.document()


def _published(plan: Plan, function: Function, properties: Document) -> Iterator[Made]:
    """Publish a version, and call it what is invoked; only a new id makes CloudFormation publish another."""
    if function.alias is None:
        return
    if not plan.code_digests:
        raise DeploymentError(
            "SnapStart runs published versions, and CloudFormation publishes one under a new id alone, which is made "
            f"of the code: run cqrsless package first, or name the zip with --code (there is no {plan.package})"
        )
    made_of = json.dumps([plan.code_digests, properties])
    version = f"{function.id}Version{blake2b(made_of.encode(), digest_size=5).hexdigest()}"
    of_it: Document = {"FunctionName": ref(function.id)}
    yield made(version, "AWS::Lambda::Version", {**of_it, "CodeSha256": plan.code_digests[0]})
    number = {"Fn::GetAtt": [version, "Version"]}
    yield made(alias_id(function), "AWS::Lambda::Alias", {**of_it, "FunctionVersion": number, "Name": function.alias})


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
