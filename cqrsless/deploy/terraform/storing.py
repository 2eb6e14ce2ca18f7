"""What stores and what keeps: tables, queues, and the bucket of what Lambda gives up on."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Bucket, Queue, Table
from ..values import Attribute, Place, Text, text
from .texts import Block, Made, Texts, made

__all__ = ["bucket", "queue", "table"]


def table(texts: Texts, table: Table) -> Iterator[Made]:
    body: Block = {
        "name": table.name,
        "billing_mode": "PAY_PER_REQUEST",
        "hash_key": table.partition,
        "range_key": table.sort,
        "attribute": [
            {"name": table.partition, "type": "S"},
            {"name": table.sort, "type": table.sort_type},
        ],
        "server_side_encryption": {"enabled": True},
        "point_in_time_recovery": {"enabled": table.recovery},
        "deletion_protection_enabled": table.protected,
    }
    if table.streamed:
        body |= {"stream_enabled": True, "stream_view_type": "NEW_IMAGE"}
    if table.expires is not None:
        body["ttl"] = {"attribute_name": table.expires, "enabled": True}
    yield made(texts.address(table.id), body | stays(table.protected))


def queue(texts: Texts, queue: Queue) -> Iterator[Made]:
    body: Block = {
        "name": queue.name,
        "sqs_managed_sse_enabled": True,
        "visibility_timeout_seconds": queue.visibility,
        "message_retention_seconds": 1_209_600,
    }
    if queue.fifo:
        body |= {
            "fifo_queue": True,
            "deduplication_scope": "messageGroup",
            "fifo_throughput_limit": "perMessageGroupId",
        }
    if queue.dead_letters is not None:
        to = text(Attribute(queue.dead_letters, "arn"))
        body["redrive_policy"] = texts.document({"deadLetterTargetArn": to, "maxReceiveCount": queue.receives})
    yield made(texts.address(queue.id), body)


def bucket(texts: Texts, bucket: Bucket) -> Iterator[Made]:
    address = texts.address(bucket.id)
    yield made(address, {"bucket": bucket.name, "force_destroy": not bucket.kept, **stays(bucket.kept)})
    of_it: Block = {"bucket": address.of("id")}
    blocked = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    yield made(texts.beside(bucket.id, "aws_s3_bucket_public_access_block"), of_it | dict.fromkeys(blocked, True))
    default = {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    yield made(texts.beside(bucket.id, "aws_s3_bucket_server_side_encryption_configuration"), of_it | {"rule": default})
    expires = {"id": "Handled", "status": "Enabled", "filter": {}, "expiration": {"days": bucket.days}}
    yield made(texts.beside(bucket.id, "aws_s3_bucket_lifecycle_configuration"), of_it | {"rule": expires})
    permission = texts.beside(bucket.id, "aws_lambda_permission")
    # Not the bucket's own ARN: its notification waits for the permission.
    called: Text = text("arn:", Place.PARTITION, ":s3:::", *bucket.name)
    yield made(
        permission,
        {
            **texts.target(bucket.function),
            "action": "lambda:InvokeFunction",
            "principal": "s3.amazonaws.com",
            "source_account": text(Place.ACCOUNT),
            "source_arn": called,
        },
    )
    invoked = {"lambda_function_arn": texts.invoked(bucket.function), "events": ["s3:ObjectCreated:*"]}
    notification = texts.beside(bucket.id, "aws_s3_bucket_notification")
    yield made(notification, of_it | {"lambda_function": invoked, "depends_on": [str(permission)]})


def stays(protected: bool) -> Block:
    """Have Terraform refuse to destroy what is to stay."""
    return {"lifecycle": {"prevent_destroy": True}} if protected else {}
