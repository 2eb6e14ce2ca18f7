"""What changed between two values, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["ABSENT", "Change", "changes"]


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


#: What stands on the side where there is nothing.
ABSENT: Final = _Absent()


class Change(NamedTuple):
    """A place, as in `lines[2].price`, and what stood and stands there."""

    path: str
    before: Any
    after: Any


def changes(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Compare two JSON values down to their leaves.

    >>> list(changes({"status": "placed", "tags": ["a"]}, {"status": "shipped", "tags": ["a", "b"]}))
    [Change(path='status', before='placed', after='shipped'), Change(path='tags[1]', before=nothing, after='b')]
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            step = f"{path}.{key}" if path else str(key)
            yield from changes(before.get(key, ABSENT), after.get(key, ABSENT), step)
    elif isinstance(before, list) and isinstance(after, list):
        for at in range(max(len(before), len(after))):
            one = before[at] if at < len(before) else ABSENT
            other = after[at] if at < len(after) else ABSENT
            yield from changes(one, other, f"{path}[{at}]")
    elif type(before) is not type(after) or before != after:
        yield Change(path, before, after)
