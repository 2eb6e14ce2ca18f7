"""A process that puts numbers into a box: python -m tests.aggregates.writers file kind writer count."""

from __future__ import annotations

import sys

from cqrsless import App
from tests.aggregates.box import KINDS, box


def main(path: str, kind: str, writer: int, count: int) -> None:
    (known,) = (each for each in KINDS if each == kind)
    app = App(f"sqlite:///{path}", registry=box(known))
    for n in range(count):
        result = app.execute("Ensure", {"id": "b", "n": writer * 1000 + n}, id=f"{writer}-{n}")
        assert not result.duplicate


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
