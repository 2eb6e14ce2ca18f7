"""The three tables on DynamoDB: made where missing, refused where their shape would not keep data safe."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ..errors import CqrslessError, StoreUnavailable
from ..messages import Cost
from ..store import KEYS, Table
from .dynamodb_calls import Calls, Refused

#: Seconds to wait for new tables; a few are usual.
_MAKING: Final = 180.0
_POLL: Final = 0.5
#: The attribute, of items of the views table, that says when one expires: seconds since 1970.
EXPIRES: Final = "ttl"
_STREAMED: Final[tuple[Table, ...]] = ("events", "log")


def definition(prefix: str, table: Table) -> dict[str, Any]:
    """Give the parameters of CreateTable for one of an application's tables.

    >>> definition("orders", "views")["TableName"]
    'orders-views'
    """
    pk, sk = KEYS[table]
    made: dict[str, Any] = {
        "TableName": f"{prefix}-{table}",
        "AttributeDefinitions": [
            {"AttributeName": pk, "AttributeType": "S"},
            {"AttributeName": sk, "AttributeType": "S" if table == "views" else "N"},
        ],
        "KeySchema": [{"AttributeName": pk, "KeyType": "HASH"}, {"AttributeName": sk, "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if table in _STREAMED:
        made["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    return made


def create_tables(calls: Calls, prefix: str) -> None:
    """Create what is missing and wait until all can be used; several callers may do so at once."""
    definitions = [definition(prefix, table) for table in KEYS]
    missing: list[dict[str, Any]] = []
    for wanted in definitions:  # refuse before anything is made
        found = _describe(calls, wanted["TableName"])
        if found is None:
            missing.append(wanted)
        else:
            _check(wanted, found)
    for wanted in missing:
        with suppress(Refused):  # someone else is making it
            calls.call("CreateTable", wanted, Cost(), expecting=("ResourceInUseException",))
    deadline = calls.clock() + _MAKING
    for wanted in definitions:
        found = _describe(calls, wanted["TableName"])
        while found is None or found["TableStatus"] != "ACTIVE":
            if found is not None and found["TableStatus"] == "UPDATING":
                break  # readable and writable all the while
            if calls.clock() > deadline:
                status = found["TableStatus"] if found else "not there"
                raise StoreUnavailable(
                    f"the table {wanted['TableName']} is still {status} after {_MAKING:.0f} seconds; "
                    "run app.create_tables() again"
                )
            calls.sleep(_POLL)
            found = _describe(calls, wanted["TableName"])
        _check(wanted, found)
    _expire(calls, f"{prefix}-views")


def _expire(calls: Calls, name: str) -> None:
    """Let the views table drop what has a time to expire: tombstones of cancelled commands."""
    told = calls.call("DescribeTimeToLive", {"TableName": name}, Cost()).get("TimeToLiveDescription", {})
    if told.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and told.get("AttributeName") == EXPIRES:
        return
    wanted = {"TableName": name, "TimeToLiveSpecification": {"AttributeName": EXPIRES, "Enabled": True}}
    with suppress(Refused):  # somebody else has just done so
        calls.call("UpdateTimeToLive", wanted, Cost(), expecting=("ValidationException",))


def check_tables(calls: Calls, prefix: str) -> dict[str, str]:
    """Say of each table what is wrong with it, by its name; an empty text where nothing is."""
    problems: dict[str, str] = {}
    for table in KEYS:
        wanted = definition(prefix, table)
        found = _describe(calls, wanted["TableName"])
        try:
            if found is not None:
                _check(wanted, found)
            problems[wanted["TableName"]] = "" if found is not None else "it does not exist"
        except CqrslessError as error:
            problems[wanted["TableName"]] = str(error)
    return problems


def _describe(calls: Calls, name: str) -> Mapping[str, Any] | None:
    try:
        response = calls.call("DescribeTable", {"TableName": name}, Cost(), expecting=("ResourceNotFoundException",))
    except Refused:
        return None
    found: Mapping[str, Any] = response["Table"]
    return found


def _check(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    name = wanted["TableName"]
    if found["TableStatus"] == "DELETING":
        raise StoreUnavailable(f"the table {name} is being deleted; run app.create_tables() again when it is gone")
    if found.get("Replicas") or found.get("GlobalTableVersion"):
        raise CqrslessError(
            f"the table {name} is replicated to other regions (a global table), where the last writer wins and a "
            "conditional write protects nothing; use a prefix whose tables are in one region"
        )
    if _keys(found) != _keys(wanted):
        raise CqrslessError(
            f"the table {name} has the key {_shown(_keys(found))}, and cqrsless needs {_shown(_keys(wanted))}; "
            "choose another prefix"
        )
    if "StreamSpecification" in wanted:
        stream = found.get("StreamSpecification") or {}
        if not stream.get("StreamEnabled") or stream.get("StreamViewType") not in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            raise CqrslessError(
                f"the table {name} has no stream with new images, and event handlers would never run; "
                "enable it with the view type NEW_IMAGE, or choose another prefix"
            )


def _keys(table: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
    return {entry["KeyType"]: (entry["AttributeName"], types[entry["AttributeName"]]) for entry in table["KeySchema"]}


def _shown(keys: Mapping[str, tuple[str, str]]) -> str:
    return " and ".join(f"{name} ({kind})" for name, kind in (keys[role] for role in ("HASH", "RANGE") if role in keys))
