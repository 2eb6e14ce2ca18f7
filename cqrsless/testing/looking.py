"""Which stories of a test have no end: a past that nothing happens to, or a `when` that nobody looks at.

Such a test would pass for ever.
"""

from __future__ import annotations

import sys
from inspect import currentframe
from typing import TYPE_CHECKING, Any, Final

__all__ = ["Begun", "Story", "begun", "noted"]

#: The plugin of pytest, which has the list of the running test's stories, and is not there outside of pytest.
_PLUGIN: Final = "pytest_cqrsless"
_PACKAGE: Final = __name__.rpartition(".")[0]
#: What unittest calls before each test, for all of them: not every test needs what it prepares.
_PREPARING: Final = frozenset({"setUp", "asyncSetUp"})


class Begun:
    """One `given` or `when` of a test: where it is, of what, and whether anything came after it.

    A past is looked at by what happens to it, a `when` by whoever looks at what came of it.
    """

    __slots__ = ("call", "file", "line", "looked_at", "what")

    def __init__(self, file: str, line: int, call: str, what: str) -> None:
        self.file = file
        self.line = line
        self.call = call
        self.what = what
        self.looked_at = False

    def __str__(self) -> str:
        return f"{self.call}({self.what})"


class Story:
    """What has come of `when`. Any use of a public attribute of it, a check or a figure, counts as a look."""

    begun: Begun | None = None

    if not TYPE_CHECKING:  # a checker that saw it would let any attribute pass

        def __getattribute__(self, name: str) -> Any:
            begun = None if name.startswith("_") else object.__getattribute__(self, "begun")
            if begun is not None:
                begun.looked_at = True
            return object.__getattribute__(self, name)


def begun(story: Story, what: str) -> None:
    """Note, inside of a test of pytest, that a story was acted on by the line that called `when`."""
    story.begun = noted("when", what)


def noted(call: str, what: str) -> Begun | None:
    """Note, inside of a test of pytest, the line that called `given` or `when`."""
    stories: list[Begun] | None = getattr(sys.modules.get(_PLUGIN), "stories", None)
    frame = currentframe()
    if stories is None or frame is None:
        return None
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
    one = Begun(frame.f_code.co_filename, frame.f_lineno, call, what)
    while frame is not None:
        if frame.f_code.co_name in _PREPARING:
            return None
        frame = frame.f_back
    stories.append(one)
    return one
