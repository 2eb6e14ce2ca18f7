"""Least privilege: what each function's role allows, from what its code does with the tables and other services.

The actions are those of the calls that the framework makes; the tests hold them against the calls of the examples'
runs, so that none is missing and none is spare.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..registry import Model
from .configuration import Allowed
from .groups import Group
from .plan import Statement
from .reach import Reach
from .targets import targets
from .values import Attribute, Text, arn, text

__all__ = ["Grants"]

SCHEDULER: Final = "scheduler.amazonaws.com"


class Grants:
    """Collects what a role allows: actions by resource, each once."""

    def __init__(self) -> None:
        self._actions: dict[Text, set[str]] = {}
        self._passed: dict[Text, str] = {}

    def add(self, resource: Text, *actions: str) -> None:
        self._actions.setdefault(resource, set()).update(actions)

    def table(self, table: str, *operations: str) -> None:
        self.add(text(Attribute(table, "arn")), *(f"dynamodb:{operation}" for operation in operations))

    def pass_role(self, role: Text, service: str) -> None:
        self._passed[role] = service

    def allow(self, allowed: Iterable[Allowed]) -> None:
        for one in allowed:
            for resource in one.resources:
                self.add(text(resource), *one.actions)

    def statements(self) -> tuple[Statement, ...]:
        """Give a statement for each set of actions, with all the resources that it is allowed on."""
        together: dict[tuple[str, ...], list[Text]] = {}
        for resource, actions in self._actions.items():
            together.setdefault(tuple(sorted(actions)), []).append(resource)
        return (
            *(Statement(actions, tuple(resources)) for actions, resources in together.items()),
            *(Statement(("iam:PassRole",), (role,), service) for role, service in self._passed.items()),
        )


def executes(grants: Grants, model: Model) -> None:
    """Run commands: read an aggregate, look for a former commit of the same command, append; read views without one."""
    if any(command.aggregate is not None for command in model.commands.values()):
        grants.table("EventsTable", "GetItem", "PutItem", "Query")
    if any("views" in command.inject for command in model.commands.values()):
        reads_views(grants)


def asks(grants: Grants, model: Model) -> None:
    """Run queries on views, and wait there for the commit that an asker has seen."""
    asking = [query for query in model.queries.values() if "views" in query.inject]
    if asking:
        reads_views(grants)
    if any(query.route for query in asking):
        grants.table("EventsTable", "GetItem")


def reads_views(grants: Grants) -> None:
    grants.table("ViewsTable", "GetItem", "Query")


def reacts(grants: Grants, group: Group, model: Model, reach: Reach, *, queued: bool) -> None:
    """Take commits: mark how far it is, read what is missing before one, park what fails."""
    grants.table("ViewsTable", "GetItem", "PutItem")
    grants.table("EventsTable", "DescribeTable")  # whether the tables belong together
    if not group.publishers:
        replays(grants)
    if group.ordered:
        grants.table("EventsTable", "Query")
    if queued or reach.schedules:
        grants.table("EventsTable", "GetItem")
    if group.publishers:
        publishes(grants, model)


def replays(grants: Grants) -> None:
    """Fill a new run from all that is stored, find what it has parked, and remove runs that are over."""
    grants.table("EventsTable", "Scan")
    grants.table("ViewsTable", "DeleteItem", "Query", "Scan")


def tracks(grants: Grants) -> None:
    """Read the log from a token, and the commits that its pages name; remove what a rebuild has replaced."""
    grants.table("LogTable", "DeleteItem", "GetItem", "PutItem", "Query")
    grants.table("EventsTable", "GetItem")


def indexes(grants: Grants) -> None:
    """Append pages to the log, behind the newest ones."""
    grants.table("LogTable", "GetItem", "PutItem", "Query")
    grants.table("EventsTable", "DescribeTable")


def publishes(grants: Grants, model: Model) -> None:
    for target in targets(model):
        grants.add(target.arn, *target.actions)


def schedules(grants: Grants, group: str, role: str) -> None:
    """Have commands and retries wait at EventBridge Scheduler, and cancel them."""
    grants.table("ViewsTable", "GetItem", "PutItem")
    grants.add(
        arn("scheduler", ["schedule/", Attribute(group, "name"), "/*"]),
        "scheduler:CreateSchedule",
        "scheduler:DeleteSchedule",
    )
    grants.pass_role(text(Attribute(role, "arn")), SCHEDULER)


def reads_stream(grants: Grants, table: str) -> None:
    """Lambda's own calls for a mapping are made in the function's name."""
    stream = text(Attribute(table, "stream"))
    grants.add(stream, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    grants.add(text("*"), "dynamodb:ListStreams")  # AWS knows no resource for it


def reads_queue(grants: Grants, queue: str) -> None:
    grants.add(text(Attribute(queue, "arn")), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def invokes(grants: Grants, function: Text) -> None:
    grants.add(function, "lambda:InvokeFunction")


def sends(grants: Grants, queue: str) -> None:
    grants.add(text(Attribute(queue, "arn")), "sqs:SendMessage")


def gives_up_to(grants: Grants, bucket: Text) -> None:
    """Have Lambda write what it gives up on to a bucket, and read it from there."""
    grants.add(bucket, "s3:ListBucket")
    grants.add(text(*bucket, "/*"), "s3:GetObject", "s3:PutObject")


def logs(grants: Grants, group: Text) -> None:
    grants.add(arn("logs", ["log-group:", *group, ":*"]), "logs:CreateLogStream", "logs:PutLogEvents")
