"""All of a template but its functions and what feeds them, which SAM writes in a form of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..plan import Function, Layer, Plan
from .allowing import role, rule
from .serving import function_url, http_api
from .storing import bucket, queue, table
from .texts import Document, Made, Texts, arn_of, made, ref
from .watching import alarm, dashboard

__all__ = ["Template"]


class Template:
    """A template while functions are put into it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.texts = Texts(plan)
        self.parameters: Document = {
            "Prefix": {
                "Type": "String",
                "Default": plan.prefix,
                "AllowedPattern": "[a-z][a-z0-9-]*",
                "MaxLength": plan.longest_prefix,
                "Description": "What every name begins with. One of its own for each stack of an account and region.",
            }
        }
        if plan.alarms:
            self.parameters["AlarmTopic"] = {
                "Type": "String",
                "Default": "",
                "Description": "The ARN of the SNS topic that alarms are told to; without it they only show.",
            }
        self.resources: Document = dict(self._before())

    def document(self) -> Document:
        """Give the whole template, once the functions are in it."""
        document: Document = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"The cqrsless application {self.plan.application}.",
            "Parameters": self.parameters,
        }
        if self.plan.alarms:
            document["Conditions"] = {"TellsAlarms": {"Fn::Not": [{"Fn::Equals": [ref("AlarmTopic"), ""]}]}}
        resources = {**self.resources, **dict(self._behind())}
        return {**document, "Resources": resources, "Outputs": self._outputs()}

    def function_settings(self, function: Function) -> Document:
        """Give what SAM and CloudFormation call by the same names of a function."""
        settings: Document = {
            "FunctionName": self.texts.text(function.name),
            "Description": function.description,
            "Role": arn_of(function.role),
            "LoggingConfig": {"LogGroup": ref(function.log_group)},
        }
        if function.concurrency is not None:
            settings["ReservedConcurrentExecutions"] = function.concurrency
        if function.continues:  # a long replay is a chain of invocations, which Lambda would take for a mistake
            settings["RecursiveLoop"] = "Allow"
        if function.snapstart:
            settings["SnapStart"] = {"ApplyOn": "PublishedVersions"}
        return settings

    @property
    def layers(self) -> list[Any]:
        """What every function has beneath its code."""
        return [ref(layer.id) if isinstance(layer, Layer) else layer for layer in self.plan.layers]

    def layer_settings(self, layer: Layer) -> Document:
        """Give what SAM and CloudFormation call by the same names of a layer."""
        return {
            "LayerName": self.texts.text(layer.name),
            "CompatibleRuntimes": [self.plan.runtime],
            "CompatibleArchitectures": [self.plan.architecture],
        }

    def _before(self) -> Iterator[Made]:
        plan, texts = self.plan, self.texts
        for one in plan.tables:
            yield from table(texts, one)
        for each in plan.queues:
            yield from queue(texts, each)
        for allowed in plan.roles:
            yield from role(texts, allowed)
        for function in plan.functions:
            name = texts.text(("/aws/lambda/", *function.name))
            kept = {"LogGroupName": name, "RetentionInDays": function.log_days}
            yield made(function.log_group, "AWS::Logs::LogGroup", kept)

    def _behind(self) -> Iterator[Made]:
        plan, texts = self.plan, self.texts
        for given_up in plan.buckets:
            yield from bucket(texts, given_up)
        for brings in plan.rules:
            yield from rule(texts, brings)
        for bus in plan.buses:
            yield made(bus.id, "AWS::Events::EventBus", {"Name": texts.text(bus.name)})
        for topic in plan.topics:
            fifo = {"FifoTopic": True} if topic.fifo else {}
            yield made(topic.id, "AWS::SNS::Topic", {"TopicName": texts.text(topic.name), **fifo})
        group = plan.schedule_group
        if group is not None:
            yield made(group.id, "AWS::Scheduler::ScheduleGroup", {"Name": texts.text(group.name)})
        if plan.api is not None:
            yield from http_api(texts, plan.api)
        for url in plan.urls:
            yield from function_url(texts, url)
        for rings in plan.alarms:
            yield from alarm(texts, rings)
        if plan.dashboard is not None:
            yield from dashboard(texts, plan.dashboard)

    def _outputs(self) -> Document:
        plan, texts = self.plan, self.texts
        outputs: Document = {
            "Store": {"Description": "The store, for the command line.", "Value": {"Fn::Sub": "dynamodb://${Prefix}"}}
        }
        for function in plan.functions:
            outputs[function.id] = {"Description": function.description, "Value": texts.invoked(function.id)}
        for each in plan.queues:
            if each.kind == "work" and not each.fifo:
                outputs[each.id] = {"Description": "Takes messages in the direct form.", "Value": ref(each.id)}
        if plan.api is not None:
            url = f"https://${{{plan.api.id}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"
            outputs[plan.api.id] = {"Description": "The address of the HTTP API.", "Value": {"Fn::Sub": url}}
        for one in plan.urls:
            outputs[one.id] = {
                "Description": "The function's own URL.",
                "Value": {"Fn::GetAtt": [one.id, "FunctionUrl"]},
            }
        return outputs
