"""A plan as a CloudFormation template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from .plan import (
    Alarm,
    Api,
    Bucket,
    Function,
    Plan,
    Queue,
    QueueMapping,
    Role,
    Rule,
    Statement,
    StreamMapping,
    Table,
    Url,
)
from .values import Attribute, Part, Place, Text

__all__ = ["HANDLER", "Template", "cloudformation"]

Document: TypeAlias = dict[str, Any]

HANDLER: Final = "cqrsless.entrypoint"
_PLACES: Final[Mapping[Place, str]] = {
    Place.PREFIX: "Prefix",
    Place.ACCOUNT: "AWS::AccountId",
    Place.REGION: "AWS::Region",
    Place.PARTITION: "AWS::Partition",
}
#: What `Ref` does not give is an attribute for `Fn::GetAtt`.
_ATTRIBUTES: Final[Mapping[str, str]] = {"arn": "Arn", "stream": "StreamArn"}


def cloudformation(plan: Plan) -> Document:
    """Write a plan as a CloudFormation template; its code is an object in S3, which two parameters name."""
    template = Template(plan)
    template.parameters["CodeBucket"] = {"Type": "String", "Description": "The bucket of the functions' code."}
    template.parameters["CodeKey"] = {
        "Type": "String",
        "Description": "The key of the functions' code: a zip. A new key makes new code run.",
    }
    for function in plan.functions:
        template.resource(function.id, "AWS::Lambda::Function", _function(template, plan, function))
        if function.undelivered is not None:
            template.resource(
                f"{function.id}Undelivered",
                "AWS::Lambda::EventInvokeConfig",
                {
                    "FunctionName": ref(function.id),
                    "Qualifier": "$LATEST",
                    "MaximumRetryAttempts": 2,
                    "DestinationConfig": {"OnFailure": {"Destination": arn_of(function.undelivered)}},
                },
            )
    for mapping in plan.stream_mappings:
        template.stream_mapping(mapping)
    for queue_mapping in plan.queue_mappings:
        template.resource(
            queue_mapping.id,
            "AWS::Lambda::EventSourceMapping",
            {
                "FunctionName": ref(queue_mapping.function),
                "EventSourceArn": arn_of(queue_mapping.queue),
                **queue_settings(queue_mapping),
            },
        )
    return template.document()


def _function(template: Template, plan: Plan, function: Function) -> Document:
    return {
        "Handler": HANDLER,
        "Runtime": plan.runtime,
        "Architectures": [plan.architecture],
        "Code": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
        **template.function_settings(function),
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "Environment": {"Variables": {name: template.text(value) for name, value in function.environment.items()}},
    }


def ref(id: str) -> Document:
    return {"Ref": id}


def arn_of(id: str) -> Document:
    return {"Fn::GetAtt": [id, "Arn"]}


def stream_settings(mapping: StreamMapping) -> Document:
    """Give the settings of a stream's mapping, which SAM calls by the same names."""
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
    if mapping.concurrency is not None:
        settings["ScalingConfig"] = {"MaximumConcurrency": mapping.concurrency}
    return settings


class Template:
    """All of a template but its functions and what feeds them, which SAM writes in a form of its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.parameters: Document = {
            "Prefix": {
                "Type": "String",
                "Default": plan.prefix,
                "AllowedPattern": "[a-z][a-z0-9-]*",
                "MaxLength": plan.longest_prefix,
                "Description": "What every name begins with. One of its own for each stack of an account and region.",
            },
            "AlarmTopic": {
                "Type": "String",
                "Default": "",
                "Description": "The ARN of the SNS topic that alarms are told to; without it they only show.",
            },
        }
        self.resources: Document = {}
        self._kinds: dict[str, str] = {}
        for one in (*plan.tables, *plan.queues, *plan.roles, *plan.functions, *plan.buckets):
            self._kinds[one.id] = type(one).__name__
        for table in plan.tables:
            self._table(table)
        for queue in plan.queues:
            self._queue(queue)
        for role in plan.roles:
            self._role(role)
        for function in plan.functions:
            self.resource(
                function.log_group,
                "AWS::Logs::LogGroup",
                {"LogGroupName": self.text(("/aws/lambda/", *function.name)), "RetentionInDays": function.log_days},
            )

    def document(self) -> Document:
        """Give the whole template, once the functions are in it."""
        plan = self.plan
        for bucket in plan.buckets:
            self._bucket(bucket)
        for rule in plan.rules:
            self._rule(rule)
        for bus in plan.buses:
            self.resource(bus.id, "AWS::Events::EventBus", {"Name": self.text(bus.name)})
        for topic in plan.topics:
            fifo = {"FifoTopic": True} if topic.fifo else {}
            self.resource(topic.id, "AWS::SNS::Topic", {"TopicName": self.text(topic.name), **fifo})
        if plan.schedule_group is not None:
            name = self.text(plan.schedule_group.name)
            self.resource(plan.schedule_group.id, "AWS::Scheduler::ScheduleGroup", {"Name": name})
        if plan.api is not None:
            self._api(plan.api)
        for url in plan.urls:
            self._url(url)
        for alarm in plan.alarms:
            self._alarm(alarm)
        if plan.dashboard is not None:
            self.resource(
                plan.dashboard.id,
                "AWS::CloudWatch::Dashboard",
                {
                    "DashboardName": self.text(plan.dashboard.name),
                    "DashboardBody": {"Fn::Sub": self._embedded({"widgets": plan.dashboard.widgets})},
                },
            )
        document: Document = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"The cqrsless application {plan.application}.",
            "Parameters": self.parameters,
        }
        if plan.alarms:
            document["Conditions"] = {"TellsAlarms": {"Fn::Not": [{"Fn::Equals": [ref("AlarmTopic"), ""]}]}}
        else:
            del self.parameters["AlarmTopic"]
        return {**document, "Resources": self.resources, "Outputs": self._outputs()}

    def resource(self, id: str, kind: str, properties: Mapping[str, Any], **attributes: Any) -> None:
        self.resources[id] = {"Type": kind, **attributes, "Properties": dict(properties)}

    # -- texts

    def text(self, value: Text) -> Any:
        """Write a text of the plan: plain, as a reference, or with references in it."""
        if all(isinstance(part, str) for part in value):
            return "".join(str(part) for part in value)
        if len(value) == 1:
            (part,) = value
            name, attribute = self._named(part)
            return {"Fn::GetAtt": [name, attribute]} if attribute else ref(name)
        return {"Fn::Sub": self._sub(value)}

    def _sub(self, value: Text, plain: Callable[[str], str] = str) -> str:
        """Write a text for `Fn::Sub`; `plain` makes of a plain part what stands where the text goes."""
        found = ""
        for part in value:
            if isinstance(part, str):
                found += plain(part.replace("${", "${!"))
            else:
                name, attribute = self._named(part)
                found += f"${{{name}.{attribute}}}" if attribute else f"${{{name}}}"
        return found

    def _named(self, part: Part) -> tuple[str, str | None]:
        if isinstance(part, Place):
            return _PLACES[part], None
        assert isinstance(part, Attribute)
        if part.what == "name" and self._kinds.get(part.of) == "Queue":
            return part.of, "QueueName"
        return part.of, _ATTRIBUTES.get(part.what)

    def _embedded(self, document: Any) -> str:
        """Write a document of CloudWatch's as JSON inside `Fn::Sub`."""

        def written(value: Any) -> str:
            if isinstance(value, Mapping):
                return "{" + ",".join(f"{json.dumps(key)}:{written(one)}" for key, one in value.items()) + "}"
            if isinstance(value, list) or (isinstance(value, tuple) and any(_is_inner(one) for one in value)):
                return "[" + ",".join(written(one) for one in value) + "]"
            if isinstance(value, tuple):
                return '"' + self._sub(value, lambda plain: json.dumps(plain)[1:-1]) + '"'
            return json.dumps(value)

        return written(document)

    # -- resources

    def function_settings(self, function: Function) -> Document:
        """Give what SAM and CloudFormation call by the same names of a function."""
        settings: Document = {
            "FunctionName": self.text(function.name),
            "Description": function.description,
            "Role": arn_of(function.role),
            "LoggingConfig": {"LogGroup": ref(function.log_group)},
        }
        if function.concurrency is not None:
            settings["ReservedConcurrentExecutions"] = function.concurrency
        return settings

    def stream_mapping(self, mapping: StreamMapping) -> None:
        self.resource(
            mapping.id,
            "AWS::Lambda::EventSourceMapping",
            {
                "FunctionName": ref(mapping.function),
                "EventSourceArn": {"Fn::GetAtt": [mapping.table, "StreamArn"]},
                **stream_settings(mapping),
            },
        )

    def _table(self, table: Table) -> None:
        properties: Document = {
            "TableName": self.text(table.name),
            "AttributeDefinitions": [
                {"AttributeName": table.partition, "AttributeType": "S"},
                {"AttributeName": table.sort, "AttributeType": table.sort_type},
            ],
            "KeySchema": [
                {"AttributeName": table.partition, "KeyType": "HASH"},
                {"AttributeName": table.sort, "KeyType": "RANGE"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "SSESpecification": {"SSEEnabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": table.recovery},
            "DeletionProtectionEnabled": table.protected,
        }
        if table.streamed:
            properties["StreamSpecification"] = {"StreamViewType": "NEW_IMAGE"}
        if table.expires is not None:
            properties["TimeToLiveSpecification"] = {"AttributeName": table.expires, "Enabled": True}
        self.resource(table.id, "AWS::DynamoDB::Table", properties, **_stays(table.protected))

    def _queue(self, queue: Queue) -> None:
        properties: Document = {
            "QueueName": self.text(queue.name),
            "SqsManagedSseEnabled": True,
            "VisibilityTimeout": queue.visibility,
            "MessageRetentionPeriod": 1_209_600,
        }
        if queue.fifo:
            properties |= {
                "FifoQueue": True,
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
            }
        if queue.dead_letters is not None:
            properties["RedrivePolicy"] = {
                "deadLetterTargetArn": arn_of(queue.dead_letters),
                "maxReceiveCount": queue.receives,
            }
        self.resource(queue.id, "AWS::SQS::Queue", properties, **_stays(False))

    def _role(self, role: Role) -> None:
        trust: Document = {"Effect": "Allow", "Principal": {"Service": role.service}, "Action": "sts:AssumeRole"}
        if role.service != "lambda.amazonaws.com":
            trust["Condition"] = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
        self.resource(
            role.id,
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [
                    {
                        "PolicyName": "own",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [self._statement(one) for one in role.statements],
                        },
                    }
                ],
            },
        )

    def _statement(self, statement: Statement) -> Document:
        resources = [self.text(resource) for resource in statement.resources]
        found: Document = {
            "Effect": "Allow",
            "Action": list(statement.actions),
            "Resource": resources if len(resources) > 1 else resources[0],
        }
        if statement.passed_to is not None:
            found["Condition"] = {"StringEquals": {"iam:PassedToService": statement.passed_to}}
        return found

    def _bucket(self, bucket: Bucket) -> None:
        name = self.text(bucket.name)
        self.resource(
            bucket.permission,
            "AWS::Lambda::Permission",
            {
                "FunctionName": ref(bucket.function),
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                "SourceAccount": ref("AWS::AccountId"),
                "SourceArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{self._sub(bucket.name)}"},
            },
        )
        invoked = {"Event": "s3:ObjectCreated:*", "Function": arn_of(bucket.function)}
        rule = {"Id": "Handled", "Status": "Enabled", "ExpirationInDays": bucket.days}
        blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        self.resource(
            bucket.id,
            "AWS::S3::Bucket",
            {
                "BucketName": name,
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
                "PublicAccessBlockConfiguration": dict.fromkeys(blocked, True),
                "LifecycleConfiguration": {"Rules": [rule]},
                "NotificationConfiguration": {"LambdaConfigurations": [invoked]},
            },
            DependsOn=bucket.permission,
            **_stays(bucket.kept),
        )

    def _rule(self, rule: Rule) -> None:
        self.resource(
            rule.id,
            "AWS::Events::Rule",
            {
                "Name": self.text(rule.name),
                "EventBusName": rule.bus,
                "EventPattern": {"source": list(rule.source), "detail-type": list(rule.names)},
                "Targets": [{"Id": "queue", "Arn": arn_of(rule.queue)}],
            },
        )
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn_of(rule.queue),
            "Condition": {"ArnEquals": {"aws:SourceArn": arn_of(rule.id)}},
        }
        self.resource(
            rule.policy,
            "AWS::SQS::QueuePolicy",
            {"Queues": [ref(rule.queue)], "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}},
        )

    def _api(self, api: Api) -> None:
        authorizer = f"{api.id}Authorizer"
        authorization: Document = {"AuthorizationType": "AWS_IAM"}
        self.resource(api.id, "AWS::ApiGatewayV2::Api", {"Name": self.text(api.name), "ProtocolType": "HTTP"})
        if api.authorization == "jwt":
            self.resource(
                authorizer,
                "AWS::ApiGatewayV2::Authorizer",
                {
                    "ApiId": ref(api.id),
                    "Name": "jwt",
                    "AuthorizerType": "JWT",
                    "IdentitySource": ["$request.header.Authorization"],
                    "JwtConfiguration": {"Issuer": api.issuer, "Audience": list(api.audience)},
                },
            )
            authorization = {"AuthorizationType": "JWT", "AuthorizerId": ref(authorizer)}
        elif api.authorization == "open":
            authorization = {"AuthorizationType": "NONE"}
        integration = f"{api.id}Integration"
        self.resource(
            integration,
            "AWS::ApiGatewayV2::Integration",
            {
                "ApiId": ref(api.id),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": arn_of(api.function),
                "PayloadFormatVersion": "2.0",
            },
        )
        for route in api.routes:
            self.resource(
                route.id,
                "AWS::ApiGatewayV2::Route",
                {
                    "ApiId": ref(api.id),
                    "RouteKey": f"{route.method} {route.path}",
                    "Target": {"Fn::Sub": f"integrations/${{{integration}}}"},
                    **authorization,
                },
            )
        self.resource(
            api.log_group,
            "AWS::Logs::LogGroup",
            {"LogGroupName": self.text(("/aws/http/", *api.name)), "RetentionInDays": api.log_days},
        )
        line = {
            "requestId": "$context.requestId",
            "time": "$context.requestTime",
            "route": "$context.routeKey",
            "status": "$context.status",
            "error": "$context.integrationErrorMessage",
            "ms": "$context.responseLatency",
        }
        self.resource(
            f"{api.id}Stage",
            "AWS::ApiGatewayV2::Stage",
            {
                "ApiId": ref(api.id),
                "StageName": "$default",
                "AutoDeploy": True,
                "AccessLogSettings": {"DestinationArn": arn_of(api.log_group), "Format": json.dumps(line)},
            },
        )
        called = f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api.id}}}/*"
        self.resource(
            f"{api.id}Permission",
            "AWS::Lambda::Permission",
            {
                "FunctionName": ref(api.function),
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": called},
            },
        )

    def _url(self, url: Url) -> None:
        open_to_all = url.authorization == "open"
        self.resource(
            url.id,
            "AWS::Lambda::Url",
            {"TargetFunctionArn": ref(url.function), "AuthType": "NONE" if open_to_all else "AWS_IAM"},
        )
        if open_to_all:
            self.resource(
                f"{url.id}Permission",
                "AWS::Lambda::Permission",
                {
                    "FunctionName": ref(url.function),
                    "Action": "lambda:InvokeFunctionUrl",
                    "Principal": "*",
                    "FunctionUrlAuthType": "NONE",
                },
            )

    def _alarm(self, alarm: Alarm) -> None:
        told = {"Fn::If": ["TellsAlarms", [ref("AlarmTopic")], ref("AWS::NoValue")]}
        self.resource(
            alarm.id,
            "AWS::CloudWatch::Alarm",
            {
                "AlarmName": self.text(alarm.name),
                "AlarmDescription": alarm.description,
                "Namespace": alarm.namespace,
                "MetricName": alarm.metric,
                "Dimensions": [{"Name": name, "Value": self.text(value)} for name, value in alarm.dimensions.items()],
                "Statistic": alarm.statistic,
                "Period": alarm.period,
                "EvaluationPeriods": alarm.periods,
                "Threshold": alarm.threshold,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": told,
                "OKActions": told,
            },
        )

    def _outputs(self) -> Document:
        plan = self.plan
        outputs: Document = {
            "Store": {"Description": "The store, for the command line.", "Value": {"Fn::Sub": "dynamodb://${Prefix}"}}
        }
        for function in plan.functions:
            outputs[function.id] = {"Description": function.description, "Value": ref(function.id)}
        for queue in plan.queues:
            if queue.kind == "work" and not queue.fifo:
                outputs[queue.id] = {"Description": "Takes messages in the direct form.", "Value": ref(queue.id)}
        if plan.api is not None:
            url = f"https://${{{plan.api.id}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"
            outputs[plan.api.id] = {"Description": "The address of the HTTP API.", "Value": {"Fn::Sub": url}}
        for one in plan.urls:
            outputs[one.id] = {
                "Description": "The function's own URL.",
                "Value": {"Fn::GetAtt": [one.id, "FunctionUrl"]},
            }
        return outputs


def _stays(protected: bool) -> Document:
    policy = "Retain" if protected else "Delete"
    return {"DeletionPolicy": policy, "UpdateReplacePolicy": policy}


def _is_inner(value: object) -> bool:
    return isinstance(value, (Mapping, list))
