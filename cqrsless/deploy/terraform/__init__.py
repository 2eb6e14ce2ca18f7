"""A plan as a Terraform configuration in JSON, for HashiCorp's AWS provider."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..plan import Layer, Plan
from ..values import Place, text
from .allowing import bus, role, rule, topic
from .functions import function, layer, queue_mapping, stream_mapping
from .serving import function_url, http_api
from .storing import bucket, queue, table
from .texts import Block, Expression, Made, Texts, made
from .watching import alarm, dashboard

__all__ = ["OVERRIDES", "seen_from", "terraform"]

#: Where a user's own resources and overrides go: Terraform merges all files of a folder, and these over the others.
OVERRIDES: Final = "a .tf file of your own beside it, or one that ends in _override.tf"

#: Terraform with what is used of it, and the provider whose names are used.
TERRAFORM: Final = ">= 1.5"
PROVIDER: Final = {"source": "hashicorp/aws", "version": "~> 6.0"}


def terraform(plan: Plan) -> Block:
    """Write a plan as one file of a Terraform module; region, credentials and state are for the user's other files."""
    texts = Texts(plan)
    document: Block = {
        "terraform": {"required_version": TERRAFORM, "required_providers": {"aws": PROVIDER}},
        "variable": _variables(texts, plan),
        "locals": _files(texts, plan),
        "data": {f"aws_{what}": {"current": {}} for what in ("caller_identity", "partition", "region")},
        "resource": {},
        "output": _outputs(texts, plan),
    }
    for kind, type, name, body in _made(texts, plan):
        document[kind].setdefault(type, {})[name] = body
    written: Block = texts.written(document)
    return written


def seen_from(folder: Path, plan: Plan, root: Path) -> Plan:
    """Give a plan whose zips, which are in a project's folder, are where another folder sees them."""

    def seen(file: str) -> str:
        return Path(os.path.relpath(root / file, folder)).as_posix()

    layers = tuple(replace(one, file=seen(one.file)) if isinstance(one, Layer) else one for one in plan.layers)
    return replace(plan, package=seen(plan.package), layers=layers)


def _variables(texts: Texts, plan: Plan) -> Block:
    fits = f'can(regex("^[a-z][a-z0-9-]*$", var.prefix)) && length(var.prefix) <= {plan.longest_prefix}'
    variables: Block = {
        "prefix": {
            "type": "string",
            "default": plan.prefix,
            "description": "What every name begins with. One of its own for each stack of an account and region.",
            "validation": {
                "condition": Expression(fits),
                "error_message": "The prefix is a letter and then letters, digits and '-', all small, at most "
                f"{plan.longest_prefix} characters.",
            },
        },
        **_code("package", plan.package, "code", "the functions' code"),
    }
    for beneath in _layers(plan):
        name = texts.address(beneath.id).name
        variables |= _code(name, beneath.file, f"{name}_code", "the layer")
    if plan.alarms:
        variables["alarm_topic"] = {
            "type": "string",
            "default": "",
            "description": "The ARN of the SNS topic that alarms are told to; without it they only show.",
        }
    return variables


def _code(name: str, file: str, in_s3: str, what: str) -> Block:
    return {
        name: {
            "type": "string",
            "default": None,
            "description": f"The zip of {what}; by default {file}, seen from this file.",
        },
        in_s3: {
            "type": "object({ bucket = string, key = string, version = optional(string) })",
            "default": None,
            "description": f"Where the zip of {what} is in S3, in place of {name}. Another key or version is new code.",
        },
    }


def _files(texts: Texts, plan: Plan) -> Block:
    """Say which zips are taken from this machine: none that are in S3."""
    files = {"package": ("code", plan.package)}
    for beneath in _layers(plan):
        name = texts.address(beneath.id).name
        files[name] = (f"{name}_code", beneath.file)
    return {
        name: Expression(
            f"var.{in_s3} != null ? null : var.{name} != null ? var.{name} : {json.dumps(f'${{path.module}}/{file}')}"
        )
        for name, (in_s3, file) in files.items()
    }


def _layers(plan: Plan) -> list[Layer]:
    return [layer for layer in plan.layers if isinstance(layer, Layer)]


def _made(texts: Texts, plan: Plan) -> Iterator[Made]:
    for one in plan.tables:
        yield from table(texts, one)
    for each in plan.queues:
        yield from queue(texts, each)
    for allowed in plan.roles:
        yield from role(texts, allowed)
    for beneath in _layers(plan):
        yield from layer(texts, plan, beneath)
    for runs in plan.functions:
        yield from function(texts, plan, runs)
    for stream in plan.stream_mappings:
        yield from stream_mapping(texts, stream)
    for waiting in plan.queue_mappings:
        yield from queue_mapping(texts, waiting)
    for given_up in plan.buckets:
        yield from bucket(texts, given_up)
    for brings in plan.rules:
        yield from rule(texts, brings)
    for receives in plan.buses:
        yield from bus(texts, receives)
    for told in plan.topics:
        yield from topic(texts, told)
    group = plan.schedule_group
    if group is not None:
        yield made(texts.address(group.id), {"name": group.name})
    if plan.api is not None:
        yield from http_api(texts, plan.api)
    for url in plan.urls:
        yield from function_url(texts, url)
    for rings in plan.alarms:
        yield from alarm(texts, rings)
    if plan.dashboard is not None:
        yield from dashboard(texts, plan.dashboard)


def _outputs(texts: Texts, plan: Plan) -> Block:
    def output(description: str, value: Any) -> Block:
        return {"description": description, "value": value}

    outputs: Block = {"store": output("The store, for the command line.", text("dynamodb://", Place.PREFIX))}
    for runs in plan.functions:
        outputs[texts.address(runs.id).name] = output(runs.description, texts.invoked(runs.id))
    for each in plan.queues:
        if each.kind == "work" and not each.fifo:
            address = texts.address(each.id)
            outputs[address.name] = output("Takes messages in the direct form.", address.of("url"))
    if plan.api is not None:
        address = texts.address(plan.api.id)
        outputs[address.name] = output("The address of the HTTP API.", address.of("api_endpoint"))
    for url in plan.urls:
        address = texts.address(url.id)
        outputs[address.name] = output("The function's own URL.", address.of("function_url"))
    return outputs
