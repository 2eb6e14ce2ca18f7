"""Which commits a mapping lets through: those with an event that its function handles.

A filter saves invocations and decides nothing. Its patterns are on the `dynamodb` key alone, as Lambda documents for
streams of DynamoDB, and match a commit's map of names by plain equality.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

from ..driver.filters import LONGEST_PATTERN, MOST_PATTERNS

__all__ = ["patterns"]

#: A removal has no new image; whatever else a stream tells of has one, with a key.
NOT_REMOVED: Final = {"pk": {"S": [{"exists": True}]}}


def patterns(names: Collection[str]) -> tuple[str, ...]:
    """Give the filter patterns for stored event names: one a name, and from six names on five that share them.

    Where there are more names than five patterns can hold, every commit passes, and removals still do not.

    >>> patterns(["OrderShipped"])
    ('{"dynamodb":{"NewImage":{"names":{"M":{"OrderShipped":{"S":["1"]}}}}}}',)
    """
    ordered = sorted(names)
    shares = [ordered[at::MOST_PATTERNS] for at in range(min(MOST_PATTERNS, len(ordered)))]
    made = tuple(_pattern({"names": {"M": _either(share)}}) for share in shares)
    if not made or "$or" in names or any(len(pattern) > LONGEST_PATTERN for pattern in made):
        return (_pattern(NOT_REMOVED),)
    return made


def _either(names: list[str]) -> dict[str, Any]:
    if len(names) == 1:
        return _has(names[0])
    return {"$or": [_has(name) for name in names]}


def _has(name: str) -> dict[str, Any]:
    return {name: {"S": ["1"]}}


def _pattern(image: dict[str, Any]) -> str:
    return json.dumps({"dynamodb": {"NewImage": image}}, separators=(",", ":"))
