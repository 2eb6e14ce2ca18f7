"""Where an application publishes to: the resource behind each `to=`, and what sending to it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..registry import Model
from ..registry.targets import QUEUE_URL
from .values import Text, arn, text

__all__ = ["Target", "target", "targets"]


class Target(NamedTuple):
    """A publisher's target: its `to=`, its ARN, and its name where it is one of this account's and region's."""

    to: str
    service: str
    arn: Text
    name: str | None
    actions: tuple[str, ...]


def targets(model: Model) -> tuple[Target, ...]:
    """Give the targets of an application's publishers, each once."""
    return tuple(target(to) for to in dict.fromkeys(record.to for record in model.publishers))


def target(to: str) -> Target:
    """Read one `to=`.

    >>> target("sns://arn:aws:sns:eu-west-1:123456789012:orders").arn
    ('arn:aws:sns:eu-west-1:123456789012:orders',)
    >>> target("eventbridge://shop").actions
    ('events:PutEvents',)
    """
    service, _, name = to.partition("://")
    given = name.startswith("arn:")
    if service == "eventbridge":
        where = text(name) if given else arn("events", [f"event-bus/{name}"])
        return Target(to, service, where, None if given else name, ("events:PutEvents",))
    if service == "sns":
        where = text(name) if given else arn("sns", [name])
        return Target(to, service, where, None if given else name, ("sns:Publish",))
    url = QUEUE_URL.match(name)
    if url:
        region, account, queue = url.groups()
        return Target(
            to, service, text(f"arn:{_partition(region)}:sqs:{region}:{account}:{queue}"), None, ("sqs:SendMessage",)
        )
    if name.startswith(("http://", "https://")):  # an endpoint of one's own: its last part is the queue's name
        return Target(to, service, arn("sqs", [name.rpartition("/")[2]]), None, ("sqs:SendMessage",))
    where = text(name) if given else arn("sqs", [name])
    return Target(to, service, where, None if given else name, ("sqs:GetQueueUrl", "sqs:SendMessage"))


def _partition(region: str) -> str:
    kept_apart = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    return next((name for prefix, name in kept_apart.items() if region.startswith(f"{prefix}-")), "aws")


def not_of_the_stack(model: Model, created: Sequence[str]) -> Iterator[str]:
    """Give the targets by name that the stack does not make: somebody else has to."""
    for one in targets(model):
        if one.name not in (None, "default") and "all" not in created and one.to not in created:
            yield one.to
