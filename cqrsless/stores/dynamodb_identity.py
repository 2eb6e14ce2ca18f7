"""Which events a log and views were made of: a tag on their tables, so that a mixture is refused.

A table that is restored from a backup is a new table, with a `TableId` of its own. Its log and views of before may be
ahead of it, and marks that are ahead would swallow commits; so a restored events table goes under a new prefix, where
log and views are made anew.
"""

from __future__ import annotations

from typing import Any, Final

from ..errors import CqrslessError
from ..messages import Cost
from ..store import Table
from .dynamodb_calls import Calls

TAG: Final = "cqrsless:events"
_DERIVED: Final[tuple[Table, ...]] = ("log", "views")


def mark_tables(calls: Calls, prefix: str) -> None:
    """Note on the log and the views of which events table they are; refuse those of another one."""
    made_of = _table(calls, f"{prefix}-events").get("TableId")
    if made_of is None:
        return  # an engine whose tables have no ids has no backups either
    for derived in _DERIVED:
        name = f"{prefix}-{derived}"
        arn, noted = _noted(calls, name)
        if noted is None:
            calls.call("TagResource", {"ResourceArn": arn, "Tags": [{"Key": TAG, "Value": made_of}]}, Cost())
        elif noted != made_of:
            raise CqrslessError(_mixture(name, prefix))


def check_marks(calls: Calls, prefix: str) -> dict[str, str]:
    """Say of the log and the views, by name, which was made of another events table."""
    made_of = _table(calls, f"{prefix}-events").get("TableId")
    names = [f"{prefix}-{derived}" for derived in _DERIVED]
    return {name: _mixture(name, prefix) for name in names if _noted(calls, name)[1] not in (None, made_of)}


def _mixture(name: str, prefix: str) -> str:
    return (
        f"the table {name} was made of another table than today's {prefix}-events: was that restored from a "
        f"backup? Restore it under a new prefix, call create_tables there, then rebuild the log and replay the "
        "views; a mixture would lose events"
    )


def _noted(calls: Calls, name: str) -> tuple[str, str | None]:
    """Give a table's ARN, and which events table it says that it was made of."""
    arn: str = _table(calls, name)["TableArn"]
    tags = calls.call("ListTagsOfResource", {"ResourceArn": arn}, Cost()).get("Tags", ())
    return arn, next((tag["Value"] for tag in tags if tag["Key"] == TAG), None)


def _table(calls: Calls, name: str) -> Any:
    return calls.call("DescribeTable", {"TableName": name}, Cost())["Table"]
