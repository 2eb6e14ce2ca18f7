"""The payload of a command that was not recorded, found by its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import codec, schemas
from ..errors import CqrslessError, SerializationFailed
from ..keys import split_id
from ..sources.documents import plain
from .histories import Commit, Subject

if TYPE_CHECKING:
    from ..dispatcher import CommandPlan

__all__ = ["Given", "payloads", "proven"]

#: Payloads by the name of their command and their digest.
Given: TypeAlias = Mapping[Any, Any]


def payloads(commands: Iterable[Mapping[str, Any]]) -> Given:
    """Make payloads findable: each command has a `command` (or `name`) and a `payload`."""
    found: dict[Any, Any] = {}
    for one in commands:
        payload = one.get("payload", {})
        found[str(one.get("command", one.get("name"))), codec.digest(payload, "a payload")] = payload
    return found


def proven(asked: Subject, commit: Commit, plan: CommandPlan, given: Given) -> tuple[Any] | None:
    """Give the payload that a commit's digest is of: one of those given, or one that the commit holds otherwise."""
    known = (commit.command, commit.payload_digest)
    if known in given:
        return (given[known],)
    for candidate in _candidates(asked, commit, plan):
        try:
            if codec.digest(candidate, "a payload") == commit.payload_digest:
                return (candidate,)
        except CqrslessError:
            continue
    return None


def _candidates(asked: Subject, commit: Commit, plan: CommandPlan) -> Iterator[Any]:
    ids = dict(zip(asked.kind.id_field, split_id(asked.id, len(asked.kind.id_field)), strict=True))
    bodies = [fact.payload for fact in commit.events if isinstance(fact.payload, dict)]
    yield from ({}, ids)
    for body in bodies:
        for whole in (body, {**body, **ids}, {key: value for key, value in body.items() if key not in ids}):
            yield whole
            yield plain(whole)
            yield _numbers(whole)
            if plan.record.schema is not None:
                schema = schemas.instance(plan.record.schema)
                known = {key: value for key, value in whole.items() if schemas.has_field(schema, key)}
                yield plain(known)
                try:
                    yield schemas.dump(schema, known, "a payload")
                except SerializationFailed:
                    continue


def _numbers(payload: dict[str, Any]) -> dict[str, Any]:
    """Give a payload with its decimals as the numbers that JSON may have had for them."""
    return {
        key: (int(value) if value == value.to_integral_value() else float(value))
        if isinstance(value, Decimal) and value.is_finite()
        else plain(value)
        for key, value in payload.items()
    }
