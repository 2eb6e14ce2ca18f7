"""The rule of order: what a consumer does with a commit, told from the commit alone.

DynamoDB's stream promises order per item, and two commits are two items. So nobody takes order for granted: with
`last` = the last commit applied of an aggregate, and `p` = the newest commit before `c` that holds one of the
consumer's event names, `c <= last` is a repeat, `p <= last` is next, and `p > last` means that commits are missing;
they exist, and are read and applied first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum


class Verdict(Enum):
    REPEAT = "repeat"
    NEXT = "next"
    MISSING = "missing"


def previous(last: Mapping[str, int] | None, names: Iterable[str], number: int) -> int:
    """Give the newest commit before `number` that may hold one of `names`; 0 if there is none.

    `last` is the commit's own note of the last earlier commit of each event name; `*` bounds the names that it left
    out. Without a note it is `number - 1`.

    >>> previous({"Opened": 1, "Deposited": 7}, ["Opened", "Closed"], 9)
    1
    >>> previous({"Deposited": 7, "*": 3}, ["Opened"], 9)
    3
    """
    if last is None:
        return number - 1
    rest = last.get("*", 0)
    return max((last.get(name, rest) for name in names), default=0)


def judge(number: int, before: int, applied: int) -> Verdict:
    """Say what a commit is to a consumer that has applied everything up to `applied`.

    >>> judge(5, before=3, applied=3), judge(5, before=4, applied=3), judge(5, before=4, applied=5)
    (<Verdict.NEXT: 'next'>, <Verdict.MISSING: 'missing'>, <Verdict.REPEAT: 'repeat'>)
    """
    if number <= applied:
        return Verdict.REPEAT
    return Verdict.NEXT if before <= applied else Verdict.MISSING
