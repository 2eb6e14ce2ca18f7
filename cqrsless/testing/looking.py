"""Which stories of a test have no end: a past that nothing happens to, or a `when` that nobody looks at.

Such a test would pass for ever.
"""

from __future__ import annotations

import sys
from inspect import currentframe
from typing import TYPE_CHECKING, Any, ClassVar, Final

__all__ = ["Begun", "Story", "begun", "noted"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

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

    #: What it is of, and what may be read of it beside its checks, as errors say it.
    of: ClassVar[str]
    figures: ClassVar[tuple[str, ...]]
    begun: Begun | None = None

    if not TYPE_CHECKING:  # a checker that saw it would let any attribute pass

        def __getattribute__(self, name: str) -> Any:
            if name.startswith("_"):
                return object.__getattribute__(self, name)
            begun = object.__getattribute__(self, "begun")
            if begun is not None:
                begun.looked_at = True
            if hasattr(type(self), name) or name in vars(self):
                return object.__getattribute__(self, name)
            raise AttributeError(_no_such(type(self), name))


def _no_such(story: type[Story], name: str) -> str:
    """Say what a story of this kind has in place of what was asked of it."""
    from ..registry import did_you_mean

    mine = _checks(story)
    others = [other for other in Story.__subclasses__() if other is not story and name in _checks(other)]
    why = "".join(f", which is for {other.of}" for other in others) or did_you_mean(name, mine)
    return f"a story of {story.of} has no {name}{why.removesuffix('?')}: it has {', '.join(mine)}"


def _checks(story: type[Story]) -> list[str]:
    return [*(name for name in vars(story) if name.startswith("then") or name == "twice"), *story.figures]


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
