"""What each type of a CloudFormation template's resources is in Terraform's words: each takes what it translates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

__all__ = ["TRANSLATIONS", "Resource", "Values"]

Values: TypeAlias = dict[str, Any]
Resource: TypeAlias = tuple[str, Values]


def _table(said: Values) -> Iterator[Resource]:
    keys = {one["KeyType"]: one["AttributeName"] for one in said.pop("KeySchema")}
    attributes = [
        {"name": one["AttributeName"], "type": one["AttributeType"]} for one in said.pop("AttributeDefinitions")
    ]
    stream = said.pop("StreamSpecification", {}).get("StreamViewType")
    expires = said.pop("TimeToLiveSpecification", None)
    yield (
        "aws_dynamodb_table",
        {
            "name": said.pop("TableName"),
            "billing_mode": said.pop("BillingMode"),
            "hash_key": keys["HASH"],
            "range_key": keys["RANGE"],
            "attribute": sorted(attributes, key=lambda one: str(one["name"])),
            "server_side_encryption": [{"enabled": said.pop("SSESpecification")["SSEEnabled"]}],
            "point_in_time_recovery": [
                {"enabled": said.pop("PointInTimeRecoverySpecification")["PointInTimeRecoveryEnabled"]}
            ],
            "deletion_protection_enabled": said.pop("DeletionProtectionEnabled"),
            "stream_enabled": True if stream else None,
            "stream_view_type": stream,
            "ttl": [{"attribute_name": expires["AttributeName"], "enabled": expires["Enabled"]}] if expires else None,
        },
    )


def _queue(said: Values) -> Iterator[Resource]:
    yield (
        "aws_sqs_queue",
        {
            "name": said.pop("QueueName"),
            "sqs_managed_sse_enabled": said.pop("SqsManagedSseEnabled"),
            "visibility_timeout_seconds": said.pop("VisibilityTimeout"),
            "message_retention_seconds": said.pop("MessageRetentionPeriod"),
            "fifo_queue": said.pop("FifoQueue", None),
            "deduplication_scope": said.pop("DeduplicationScope", None),
            "fifo_throughput_limit": said.pop("FifoThroughputLimit", None),
            "redrive_policy": _json(said.pop("RedrivePolicy", None)),
        },
    )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _role(said: Values) -> Iterator[Resource]:
    yield "aws_iam_role", {"assume_role_policy": _json(said.pop("AssumeRolePolicyDocument"))}
    (own,) = said.pop("Policies")
    yield "aws_iam_role_policy", {"name": own["PolicyName"], "policy": _json(own["PolicyDocument"])}


def _log_group(said: Values) -> Iterator[Resource]:
    yield (
        "aws_cloudwatch_log_group",
        {"name": said.pop("LogGroupName"), "retention_in_days": said.pop("RetentionInDays")},
    )


def _function(said: Values) -> Iterator[Resource]:
    code = said.pop("Code")
    name = said.pop("FunctionName")
    snapped = said.pop("SnapStart", None)
    yield (
        "aws_lambda_function",
        {
            "function_name": name,
            "description": said.pop("Description"),
            "role": said.pop("Role"),
            "handler": said.pop("Handler"),
            "runtime": said.pop("Runtime"),
            "architectures": said.pop("Architectures"),
            "s3_bucket": code["S3Bucket"],
            "s3_key": code["S3Key"],
            "memory_size": said.pop("MemorySize"),
            "timeout": said.pop("Timeout"),
            "reserved_concurrent_executions": said.pop("ReservedConcurrentExecutions", None),
            "environment": [{"variables": said.pop("Environment")["Variables"]}],
            "layers": said.pop("Layers", None),
            "snap_start": [{"apply_on": snapped["ApplyOn"]}] if snapped else None,
            "publish": True if snapped else None,
            "logging_config": [{"log_format": "Text", "log_group": said.pop("LoggingConfig")["LogGroup"]}],
        },
    )
    loops = said.pop("RecursiveLoop", None)
    if loops is not None:
        yield "aws_lambda_function_recursion_config", {"function_name": name, "recursive_loop": loops}


def _version(said: Values) -> Iterator[Resource]:
    """Terraform publishes with the function."""
    said.clear()
    yield from ()


def _alias(said: Values) -> Iterator[Resource]:
    yield (
        "aws_lambda_alias",
        {
            "name": said.pop("Name"),
            "function_name": said.pop("FunctionName"),
            "function_version": said.pop("FunctionVersion"),
        },
    )


def _qualified(function: str) -> Values:
    """Part a function from its alias: CloudFormation is given both by an ARN."""
    alias = re.fullmatch(r"arn\(aws_lambda_alias:(.+):(.+)\)", function)
    return {"function_name": function} if alias is None else {"function_name": alias[1], "qualifier": alias[2]}


def _layer(said: Values) -> Iterator[Resource]:
    content = said.pop("Content")
    yield (
        "aws_lambda_layer_version",
        {
            "layer_name": said.pop("LayerName"),
            "compatible_runtimes": said.pop("CompatibleRuntimes"),
            "compatible_architectures": said.pop("CompatibleArchitectures"),
            "s3_bucket": content["S3Bucket"],
            "s3_key": content["S3Key"],
        },
    )


def _invoke_config(said: Values) -> Iterator[Resource]:
    qualifier = said.pop("Qualifier")
    yield (
        "aws_lambda_function_event_invoke_config",
        {
            "function_name": said.pop("FunctionName"),
            "qualifier": None if qualifier == "$LATEST" else qualifier,
            "maximum_retry_attempts": said.pop("MaximumRetryAttempts"),
            "destination_config": [
                {"on_failure": [{"destination": said.pop("DestinationConfig")["OnFailure"]["Destination"]}]}
            ],
        },
    )


def _mapping(said: Values) -> Iterator[Resource]:
    filters = said.pop("FilterCriteria", {}).get("Filters")
    given_up = [{"destination_arn": one["Destination"]} for one in said.pop("DestinationConfig", {}).values()]
    function = said.pop("FunctionName")
    yield (
        "aws_lambda_event_source_mapping",
        {
            # CloudFormation is given the name, or the ARN of an alias.
            "function_name": function if "(" in function else f"arn(aws_lambda_function:{function})",
            "event_source_arn": said.pop("EventSourceArn"),
            "starting_position": said.pop("StartingPosition", None),
            "batch_size": said.pop("BatchSize"),
            "maximum_retry_attempts": said.pop("MaximumRetryAttempts", None),
            "function_response_types": said.pop("FunctionResponseTypes"),
            "maximum_batching_window_in_seconds": said.pop("MaximumBatchingWindowInSeconds", None),
            "bisect_batch_on_function_error": said.pop("BisectBatchOnFunctionError", None),
            "parallelization_factor": said.pop("ParallelizationFactor", None),
            "filter_criteria": [
                {"filter": sorted(({"pattern": one["Pattern"]} for one in filters), key=lambda one: one["pattern"])}
            ]
            if filters
            else None,
            "destination_config": [{"on_failure": given_up}] if given_up else None,
            "scaling_config": [{"maximum_concurrency": scaling["MaximumConcurrency"]}]
            if (scaling := said.pop("ScalingConfig", None))
            else None,
        },
    )


def _permission(said: Values) -> Iterator[Resource]:
    source = said.pop("SourceArn", None)
    if source is not None:  # an API's own ARN for this, which CloudFormation has no attribute for
        source = re.sub(r"arn:aws:execute-api:[^:]+:[^:]+:id\((.+)\)/\*", r"execution_arn(\1)/*", source)
    yield (
        "aws_lambda_permission",
        {
            **_qualified(said.pop("FunctionName")),
            "action": said.pop("Action"),
            "principal": said.pop("Principal"),
            "source_account": said.pop("SourceAccount", None),
            "source_arn": source,
            "function_url_auth_type": said.pop("FunctionUrlAuthType", None),
            "invoked_via_function_url": said.pop("InvokedViaFunctionUrl", None),
        },
    )


def _url(said: Values) -> Iterator[Resource]:
    yield (
        "aws_lambda_function_url",
        {**_qualified(said.pop("TargetFunctionArn")), "authorization_type": said.pop("AuthType")},
    )


def _bucket(said: Values) -> Iterator[Resource]:
    name = said.pop("BucketName")
    of_it = {"bucket": f"id(aws_s3_bucket:{name})"}
    yield "aws_s3_bucket", {"bucket": name, "force_destroy": False}
    (encryption,) = said.pop("BucketEncryption")["ServerSideEncryptionConfiguration"]
    algorithm = encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
    default = [{"sse_algorithm": algorithm}]
    yield (
        "aws_s3_bucket_server_side_encryption_configuration",
        {**of_it, "rule": [{"apply_server_side_encryption_by_default": default}]},
    )
    blocked = {_snake(key): value for key, value in said.pop("PublicAccessBlockConfiguration").items()}
    yield "aws_s3_bucket_public_access_block", {**of_it, **blocked}
    (rule,) = said.pop("LifecycleConfiguration")["Rules"]
    expiration = {
        "id": rule["Id"],
        "status": rule["Status"],
        "filter": [{}],
        "expiration": [{"days": rule["ExpirationInDays"]}],
    }
    yield "aws_s3_bucket_lifecycle_configuration", {**of_it, "rule": [expiration]}
    (invoked,) = said.pop("NotificationConfiguration")["LambdaConfigurations"]
    notified = {"lambda_function_arn": invoked["Function"], "events": [invoked["Event"]]}
    yield "aws_s3_bucket_notification", {**of_it, "lambda_function": [notified]}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _rule(said: Values) -> Iterator[Resource]:
    name, bus = said.pop("Name"), said.pop("EventBusName")
    pattern = _json(said.pop("EventPattern"))
    yield "aws_cloudwatch_event_rule", {"name": name, "event_bus_name": bus, "event_pattern": pattern}
    (target,) = said.pop("Targets")
    yield (
        "aws_cloudwatch_event_target",
        {"rule": name, "event_bus_name": bus, "target_id": target["Id"], "arn": target["Arn"]},
    )


def _queue_policy(said: Values) -> Iterator[Resource]:
    (queue,) = said.pop("Queues")
    yield "aws_sqs_queue_policy", {"queue_url": queue, "policy": _json(said.pop("PolicyDocument"))}


def _alarm(said: Values) -> Iterator[Resource]:
    for key in ("AlarmActions", "OKActions"):
        assert said.pop(key) is None
    dimensions = {one["Name"]: one["Value"] for one in said.pop("Dimensions")}
    renamed = {"AlarmName": "alarm_name", "AlarmDescription": "alarm_description"}
    values = {renamed.get(key, _snake(key)): said.pop(key) for key in list(said)}
    yield "aws_cloudwatch_metric_alarm", {**values, "dimensions": dimensions}


def _dashboard(said: Values) -> Iterator[Resource]:
    yield (
        "aws_cloudwatch_dashboard",
        {"dashboard_name": said.pop("DashboardName"), "dashboard_body": said.pop("DashboardBody")},
    )


def _authorizer(said: Values) -> Iterator[Resource]:
    jwt = said.pop("JwtConfiguration")
    yield (
        "aws_apigatewayv2_authorizer",
        {
            "api_id": said.pop("ApiId"),
            "name": said.pop("Name"),
            "authorizer_type": said.pop("AuthorizerType"),
            "identity_sources": said.pop("IdentitySource"),
            "jwt_configuration": [{"issuer": jwt["Issuer"], "audience": jwt["Audience"]}],
        },
    )


def _stage(said: Values) -> Iterator[Resource]:
    log = said.pop("AccessLogSettings")
    yield (
        "aws_apigatewayv2_stage",
        {
            "api_id": said.pop("ApiId"),
            "name": said.pop("StageName"),
            "auto_deploy": said.pop("AutoDeploy"),
            "access_log_settings": [{"destination_arn": log["DestinationArn"], "format": log["Format"]}],
        },
    )


def _by_name(type: str, **renamed: str) -> Callable[[Values], Iterator[Resource]]:
    """Translate what has the same properties in both, by names written in each one's way."""

    def translate(said: Values) -> Iterator[Resource]:
        yield type, {renamed.get(key, _snake(key)): said.pop(key) for key in list(said)}

    return translate


TRANSLATIONS: Final[Mapping[str, Callable[[Values], Iterator[Resource]]]] = {
    "AWS::ApiGatewayV2::Api": _by_name("aws_apigatewayv2_api"),
    "AWS::ApiGatewayV2::Authorizer": _authorizer,
    "AWS::ApiGatewayV2::Integration": _by_name("aws_apigatewayv2_integration"),
    "AWS::ApiGatewayV2::Route": _by_name("aws_apigatewayv2_route"),
    "AWS::ApiGatewayV2::Stage": _stage,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::EventBus": _by_name("aws_cloudwatch_event_bus"),
    "AWS::Events::Rule": _rule,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::EventInvokeConfig": _invoke_config,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Url": _url,
    "AWS::Lambda::Version": _version,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Topic": _by_name("aws_sns_topic", TopicName="name", FifoTopic="fifo_topic"),
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::Scheduler::ScheduleGroup": _by_name("aws_scheduler_schedule_group"),
}
