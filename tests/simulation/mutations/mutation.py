"""A rule of delivery, and how to do without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

__all__ = ["MUTATIONS", "Mutation", "Patch", "without_rule"]

Patch = pytest.MonkeyPatch


class Mutation(NamedTuple):
    rule: str
    app: str
    take_out: Callable[[Patch], None]
    #: What the simulator then says, in part.
    found: str = ""


#: All of them, once the modules beside this one have been imported.
MUTATIONS: list[Mutation] = []


def without_rule(
    rule: str, app: str = "market", found: str = ""
) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def note(take_out: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTATIONS.append(Mutation(rule, app, take_out, found))
        return take_out

    return note
