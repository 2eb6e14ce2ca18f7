"""The resources of a planned stack, made in this process by moto, and what they are called."""

from __future__ import annotations

from typing import Any

import boto3

from cqrsless.deploy.plan import Plan, Role
from cqrsless.deploy.values import Attribute, Place, Text
from tests.deploy.calling import ACCOUNT, REGION, Call

PREFIX = "orders"


class MadeStack:
    """Tables, queues, buses, buckets and schedules of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        #: What is known of a resource only once it is made: a queue's URL, a table's stream.
        self.made: dict[tuple[str, str], Any] = {}
        self._make()

    def _make(self) -> None:
        dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
        for table in self.plan.tables:
            stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
            dynamodb.create_table(
                TableName=self.text(table.name),
                AttributeDefinitions=[
                    {"AttributeName": table.partition, "AttributeType": "S"},
                    {"AttributeName": table.sort, "AttributeType": table.sort_type},
                ],
                KeySchema=[
                    {"AttributeName": table.partition, "KeyType": "HASH"},
                    {"AttributeName": table.sort, "KeyType": "RANGE"},
                ],
                BillingMode="PAY_PER_REQUEST",
                **(stream if table.streamed else {}),
            )
        for queue in self.plan.queues:
            attributes = {"FifoQueue": "true"} if queue.fifo else {}
            url = sqs.create_queue(QueueName=self.text(queue.name), Attributes=attributes)["QueueUrl"]
            self.made[queue.id, "url"] = url
        for bus in self.plan.buses:
            boto3.client("events").create_event_bus(Name=self.text(bus.name))
        if self.plan.schedule_group is not None:
            boto3.client("scheduler").create_schedule_group(Name=self.text(self.plan.schedule_group.name))
        for bucket in self.plan.buckets:
            where = {"LocationConstraint": REGION}
            boto3.client("s3").create_bucket(Bucket=self.text(bucket.name), CreateBucketConfiguration=where)

    def text(self, value: Text) -> str:
        return "".join(self._part(part) for part in value)

    def _part(self, part: Any) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Place):
            return {"prefix": PREFIX, "account": ACCOUNT, "region": REGION, "partition": "aws"}[part.value]
        return self.attribute(part)

    def attribute(self, part: Attribute) -> str:
        if part.what in ("url", "stream"):
            return str(self.made[part.of, part.what])
        return self.arn(part.of) if part.what == "arn" else self._name(part.of)

    def _name(self, id: str) -> str:
        plan = self.plan
        groups = () if plan.schedule_group is None else (plan.schedule_group,)
        every = (*plan.tables, *plan.queues, *plan.functions, *plan.roles, *groups)
        return self.text(next(one for one in every if one.id == id).name)

    def arn(self, id: str) -> str:
        name = self._name(id)
        if any(table.id == id for table in self.plan.tables):
            return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
        if any(role.id == id for role in self.plan.roles):
            return f"arn:aws:iam::{ACCOUNT}:role/{name}"
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def invoked(self, function: str) -> str:
        """Give the ARN by which whatever invokes a function invokes it."""
        found = self.plan.function(function)
        alias = "" if found.alias is None else f":{found.alias}"
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.text(found.name)}{alias}"

    def by_arn(self, arn: str) -> str:
        return next(function.id for function in self.plan.functions if self.invoked(function.id) == arn)

    def role_of(self, arn: str) -> Role:
        return next(role for role in self.plan.roles if self.arn(role.id) == arn)

    def allowed(self, role: Role) -> set[Call]:
        """Give what a role allows."""
        return {
            (action, self.text(resource))
            for statement in role.statements
            for action in statement.actions
            for resource in statement.resources
        }
