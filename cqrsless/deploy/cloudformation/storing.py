"""What stores and what keeps: tables, queues, and the bucket of what Lambda gives up on."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Bucket, Queue, Table
from .texts import Document, Made, Texts, arn_of, made, ref

__all__ = ["bucket", "queue", "table"]


def table(texts: Texts, table: Table) -> Iterator[Made]:
    properties: Document = {
        "TableName": texts.text(table.name),
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
    yield made(table.id, "AWS::DynamoDB::Table", properties, **stays(table.protected))


def queue(texts: Texts, queue: Queue) -> Iterator[Made]:
    properties: Document = {
        "QueueName": texts.text(queue.name),
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
    yield made(queue.id, "AWS::SQS::Queue", properties, **stays(False))


def bucket(texts: Texts, bucket: Bucket) -> Iterator[Made]:
    name = texts.text(bucket.name)
    yield made(
        bucket.permission,
        "AWS::Lambda::Permission",
        {
            "FunctionName": texts.invoked(bucket.function),
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceAccount": ref("AWS::AccountId"),
            "SourceArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{texts.sub(bucket.name)}"},
        },
    )
    invoked = {"Event": "s3:ObjectCreated:*", "Function": texts.invoked_arn(bucket.function)}
    rule = {"Id": "Handled", "Status": "Enabled", "ExpirationInDays": bucket.days}
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    yield made(
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
        **stays(bucket.kept),
    )


def stays(protected: bool) -> Document:
    policy = "Retain" if protected else "Delete"
    return {"DeletionPolicy": policy, "UpdateReplacePolicy": policy}
