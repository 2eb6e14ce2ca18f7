"""Schedules on AWS: a one-time schedule of EventBridge Scheduler for each command that waits.

| setting | holds |
|---|---|
| `CQRSLESS_SCHEDULER_TARGET` | ARN of the function to invoke at the time: any one of the application |
| `CQRSLESS_SCHEDULER_ROLE` | ARN of a role that EventBridge Scheduler may assume, and that may invoke that function |
| `CQRSLESS_SCHEDULER_GROUP` | the schedule group, `default` if it is not set |

Whoever schedules needs `scheduler:CreateSchedule`, `scheduler:DeleteSchedule`, and `iam:PassRole` on that role.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from ..clients import aws_client
from ..errors import CqrslessError, StoreUnavailable
from .identities import identity
from .scheduling import event_of

__all__ = ["EventBridgeScheduler", "schedule_name"]

log = logging.getLogger("cqrsless")
_UNFIT: Final = re.compile(r"[^0-9a-zA-Z_.-]+")
#: A time closer than this may be past when the call arrives. The service is precise to a minute anyway.
_SOONEST: Final = timedelta(seconds=5)
_PASSING: Final = frozenset({"ThrottlingException", "InternalServerException", "ServiceUnavailableException"})


def schedule_name(namespace: str, id: str) -> str:
    """Give the name of a command's schedule: 1 to 64 characters out of `0-9a-zA-Z-_.`, and no two ids share one.

    Source: EventBridge Scheduler API reference, CreateSchedule.

    >>> schedule_name("dynamodb://orders", "expire b1")
    'expire-b1-7479cef5db5671972a1c5e823469f451'
    """
    readable = _UNFIT.sub("-", id)[:31].strip("-")
    return f"{readable}-{identity('schedule', namespace, id)}".lstrip("-")


class EventBridgeScheduler:
    """Creates and deletes schedules; `namespace`, a store's URL, keeps two applications in one group apart."""

    def __init__(
        self,
        namespace: str,
        now: Callable[[], datetime],
        *,
        environ: Mapping[str, str] | None = None,
        client: Any = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        self.namespace = namespace.partition("?")[0]  # its options may differ between functions
        self.group = environ.get("CQRSLESS_SCHEDULER_GROUP") or "default"
        self.role = environ.get("CQRSLESS_SCHEDULER_ROLE")
        self.target = environ.get("CQRSLESS_SCHEDULER_TARGET")
        self._now = now
        self._client = client

    def schedule(self, id: str, when: datetime, wire: Mapping[str, Any]) -> None:
        if not self.role or not self.target:
            raise CqrslessError(
                f"{id} cannot be scheduled: set CQRSLESS_SCHEDULER_TARGET (the ARN of the function to invoke) and "
                "CQRSLESS_SCHEDULER_ROLE (the ARN of a role that may invoke it)"
            )
        code = self._call(
            "create_schedule",
            id,
            ("ConflictException",),
            Name=schedule_name(self.namespace, id),
            GroupName=self.group,
            ScheduleExpression=f"at({_second(max(when, self._now() + _SOONEST)):%Y-%m-%dT%H:%M:%S})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={"Arn": self.target, "RoleArn": self.role, "Input": event_of(wire, when)},
        )
        if code is not None:
            log.info("%s waits already: its first time stands", id)

    def cancel(self, id: str) -> None:
        name = schedule_name(self.namespace, id)
        self._call("delete_schedule", id, ("ResourceNotFoundException",), Name=name, GroupName=self.group)

    def _call(self, operation: str, id: str, expecting: tuple[str, ...], **params: Any) -> str | None:
        """Call the service; give the error's code if it is one of those expected."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self._client is None:
            self._client = aws_client("scheduler")
        try:
            getattr(self._client, operation)(**params)
            return None
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in expecting:
                return code
            kind = StoreUnavailable if code in _PASSING else CqrslessError
            text = f"EventBridge Scheduler refuses {operation} for {id} in the group {self.group}: {error}"
            raise kind(text) from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"EventBridge Scheduler does not answer {operation} for {id}: {error}") from error


def _second(time: datetime) -> datetime:
    """Give the first whole second that is not before a time, in UTC: a schedule knows no fractions."""
    whole = time.astimezone(timezone.utc).replace(microsecond=0)
    return whole if whole == time else whole + timedelta(seconds=1)
