"""Where two values differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from cqrsless.testing.differences import differences


@dataclass
class Point:
    x: int
    y: Any = 0


@pytest.mark.parametrize(
    ("expected", "got", "lines"),
    [
        (1, 1, []),
        (1, 2, ["expected 1, got 2"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["a[1].b: expected 2, got 3"]),
        ({"a": 1}, {"b": 1}, ["a: expected 1, got nothing", "b: expected nothing, got 1"]),
        ([1, 2], [1], ["[1]: expected 2, got nothing"]),
        ([1], (1,), ["expected [1], got (1,)"]),
        (Point(1), Point(1, [2]), ["y: expected 0, got [2]"]),
        (Point(1), {"x": 1, "y": 0}, ["expected Point(x=1, y=0), got {'x': 1, 'y': 0}"]),
        ({"a": None}, {}, ["a: expected None, got nothing"]),
    ],
)
def test_each_place_has_a_line(expected: object, got: object, lines: list[str]) -> None:
    assert differences(expected, got) == lines


def test_what_is_not_equal_always_has_a_line() -> None:
    class Never:
        def __eq__(self, other: object) -> bool:
            return False

        def __repr__(self) -> str:
            return "Never()"

    @dataclass(eq=False)
    class ByIdentity:
        x: int

        def __repr__(self) -> str:
            return "ByIdentity()"

    assert differences(Never(), Never()) == ["expected Never(), got Never()"]
    assert differences(ByIdentity(1), ByIdentity(1)) == ["expected ByIdentity(), got ByIdentity()"]
